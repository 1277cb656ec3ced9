import { rm } from 'node:fs/promises';
import {
  AppendEventsRequest,
  Channel,
  EventServiceClient,
  ItemServiceClient,
  RecallRequest,
  RecallServiceClient,
  RemoveItemsRequest,
  type RecallResponse,
} from '@mic/contracts';
import { createClient, unary } from '@mic/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve, up, type Served, type Up } from './processes';
import { makeWorkedHome } from './worked-world';

type Request = NonNullable<Parameters<typeof RecallRequest.fromPartial>[0]>;

const DEADLINE = { deadlineMs: 20_000 };
const NEAR_USER = (similarity: string) => `its vector is near the user's (similarity ${similarity})`;

let home: string;
let releaseId: string;
let four: Up;
let one: Served;
const clients: { readonly close: () => void }[] = [];
let shapes: readonly RecallServiceClient[];

beforeAll(async () => {
  const made = await makeWorkedHome();
  ({ home, releaseId } = made);
  const flags = ['--profiles', made.profiles];
  [four, one] = await Promise.all([up(home, ...flags), serve(home, ...flags)]);
  const gateway = four.services['recall-gateway'].address;
  shapes = [gateway, one.address].map((address) => createClient(RecallServiceClient, address));
  clients.push(...shapes);
  await appendHistories(gateway);
});
afterAll(async () => {
  for (const client of clients) client.close();
  await four.stop('SIGKILL');
  await one.stop('SIGKILL');
  await rm(home, { recursive: true, force: true });
});

/** u saw d, then a; v saw a, then c; w saw an item that the release does not know, then c, then e. */
async function appendHistories(address: string): Promise<void> {
  const seen = { u: ['d', 'a'], v: ['a', 'c'], w: ['unknown to the release', 'c', 'e'] };
  const began = Date.now() - 60_000;
  const events = Object.entries(seen).flatMap(([userId, items]) =>
    items.map((itemId, i) => ({ userId, itemId, timeMs: began + 1_000 * i, weight: 1 })),
  );
  const client = createClient(EventServiceClient, address);
  try {
    const answer = await unary(client, 'appendEvents', AppendEventsRequest.fromPartial({ events }), DEADLINE);
    expect(answer.accepted).toBe(7);
  } finally {
    client.close();
  }
}

/** What the four services and the one process answer, which must be the same but for request ids and times. */
async function ask(request: Request): Promise<RecallResponse> {
  const wanted = RecallRequest.fromPartial({ userId: 'u', explain: true, ...request });
  const [byFour, byOne] = await Promise.all(shapes.map((client) => unary(client, 'recall', wanted, DEADLINE)));
  expect(timeless(byOne!)).toEqual(timeless(byFour!));
  return byFour!;
}

const timeless = ({ channels, ...rest }: RecallResponse) => ({
  ...rest,
  requestId: '',
  channels: channels.map((report) => ({ ...report, elapsedMs: 0 })),
});

const bare = (text: string): string => text.replace(/^(CHANNEL|OUTCOME|DROP_REASON)_/, '');
const rounded = (value: number): number => Math.round(value * 1e4) / 1e4 + 0;
/** Equal to 1e-4: figures are worked to four places. */
const near = (value: number): unknown => expect.closeTo(value, 4);

/** Channel, outcome, candidates; and what it says, where it does. */
const channelsOf = ({ channels }: RecallResponse) =>
  channels.map(({ channel, outcome, candidates, message }) =>
    [bare(channel), bare(outcome), candidates, message].filter((part) => part !== ''),
  );

type Trigger = readonly [id: string, evidence: number];
/** By channel, in the order of the channels: score and trigger. */
type Sources = Readonly<Record<string, readonly [score: number, trigger: string]>>;
type Parts = readonly [basic: number, repetition: number, diversity: number];

/** A returned item as it was worked by hand. */
const item = (itemId: string, category: string, [basic, repetition, diversity]: Parts, score: number, by: Sources) => ({
  itemId,
  category,
  parts: { basic: near(basic), repetition: near(repetition), diversity: near(diversity) },
  score: near(score),
  sources: Object.entries(by).map(([channel, [own, trigger]]) => [channel, near(own), trigger]),
});

const itemsOf = ({ items }: RecallResponse) =>
  items.map(({ itemId, category, parts, score, sources }) => ({
    itemId,
    category,
    parts: { basic: parts!.basic, repetition: parts!.repetition, diversity: parts!.diversity },
    score,
    sources: sources.map(({ channel, score: own, trigger }) => [bare(channel), own, trigger]),
  }));

/** Item, reason, channels that found it, and its score where it has one. */
const droppedOf = ({ dropped }: RecallResponse) =>
  dropped.map(({ itemId, reason, channels, score }) => [
    itemId,
    bare(reason),
    channels.map(bare),
    ...(score === undefined ? [] : [rounded(score)]),
  ]);

/** A source's words, and all that led there. */
function wordsOf(response: RecallResponse, id: string): [because: string, triggers: Trigger[]][] {
  const { sources } = response.items.find(({ itemId }) => itemId === id)!;
  return sources.map(({ because, triggers }) => [
    because,
    triggers.map(({ id, evidence }): Trigger => [id, rounded(evidence)]),
  ]);
}

describe('a known user', () => {
  it('gets what the lists of the release and the histories of others give, to the last figure', async () => {
    // The user tower gives (1, 0): u's id row, to which neither a nor d adds anything.
    // U2I, of the five nearest a 1, b .8, c .6, d 0, e -.6 (three wanted, two seen): b, c, e.
    // U2U2I: v (.9) saw c, then a before; w (.5) saw e, then c. c = e^(-.1/.5) + .5 e^(-.5/.5) = .8187 + .1839; e = .3679.
    // U2I2I: a is like b .8 and c .6, d (one older) like c .8 and e .8.
    //   b = e^(-.2/.5) = .6703; c = e^(-.4/.5) + .5 e^(-.2/.5) = .4493 + .3352; e = .3352.
    // Similarities .8, .6, -.6: mean .2667, deviation .6182, z = .8627, .5392, -1.4018.
    // b: .8627 + .5 * 2/3 + .2; c: .5392 + .5 + .2; e: -1.4018 + .5 + .2. Each is alone in its category.
    const response = await ask({});
    expect(response).toMatchObject({
      ...{ userId: 'u', userKnown: true, releaseId, profile: 'tiny', degraded: false },
      ...{ basicScore: 'BASIC_SCORE_USER_VECTOR', itemsRevision: 0 },
    });
    expect(channelsOf(response)).toEqual([
      ['U2I', 'OK', 3],
      ['U2U2I', 'OK', 2],
      ['U2I2I', 'OK', 3],
      ['POPULAR', 'DISABLED', 0, 'off in the profile'],
    ]);
    expect(itemsOf(response)).toEqual([
      item('b', 'one', [0.8627, 2 / 3, 1], 1.396, { U2I: [0.8, ''], U2I2I: [0.6703, 'a'] }),
      item('c', 'two', [0.5392, 1, 1], 1.2392, { U2I: [0.6, ''], U2U2I: [1.0027, 'v'], U2I2I: [0.7845, 'a'] }),
      item('e', 'three', [-1.4018, 1, 1], -0.7018, { U2I: [-0.6, ''], U2U2I: [0.3679, 'w'], U2I2I: [0.3352, 'd'] }),
    ]);
    expect(droppedOf(response)).toEqual([
      ['a', 'SEEN', ['U2I', 'U2U2I']],
      ['d', 'SEEN', ['U2I']],
    ]);
  });

  it('is told in words what led to each item, and what each trigger gave', async () => {
    const response = await ask({});
    expect(wordsOf(response, 'b')).toEqual([
      [NEAR_USER('0.80'), []],
      ['it is similar to a, which the user met lately', [['a', 0.6703]]],
    ]);
    expect(wordsOf(response, 'c')).toEqual([
      [NEAR_USER('0.60'), []],
      [
        'user v, who is like this one, met it lately, and 1 more such users',
        [
          ['v', 0.8187],
          ['w', 0.1839],
        ],
      ],
      [
        'it is similar to a, which the user met lately, and to 1 more such items',
        [
          ['a', 0.4493],
          ['d', 0.3352],
        ],
      ],
    ]);
    expect(wordsOf(response, 'e')).toEqual([
      [NEAR_USER('-0.60'), []],
      ['user w, who is like this one, met it lately', [['w', 0.3679]]],
      ['it is similar to d, which the user met lately', [['d', 0.3352]]],
    ]);
  });

  it('gets popular items as a fourth channel, where the profile always runs it', async () => {
    // History a (one), then d (two) with decay .5: shares 2/3 and 1/3. b = 2/3 * 6/7, c = 1/3 * 5/5; of all e = 2/7 - 1, f = 1/7 - 1.
    // Similarities .8, .6, -.6, -1: mean -.05, deviation .7665, z = 1.1090, .8480, -.7176, -1.2394. Repetition of four channels.
    // b: 1.1090 + .5 * .75 + .2; c: .8480 + .5 + .2; e: -.7176 + .5 + .2; f: -1.2394 + .5 * .25 + .2.
    const response = await ask({ profile: 'popular' });
    expect(channelsOf(response)[3]).toEqual(['POPULAR', 'OK', 4]);
    expect(itemsOf(response)).toEqual([
      item('b', 'one', [1.109, 0.75, 1], 1.684, { U2I: [0.8, ''], U2I2I: [0.6703, 'a'], POPULAR: [0.5714, 'one'] }),
      item('c', 'two', [0.848, 1, 1], 1.548, {
        U2I: [0.6, ''],
        U2U2I: [1.0027, 'v'],
        U2I2I: [0.7845, 'a'],
        POPULAR: [1 / 3, 'two'],
      }),
      item('e', 'three', [-0.7176, 1, 1], -0.0176, {
        U2I: [-0.6, ''],
        U2U2I: [0.3679, 'w'],
        U2I2I: [0.3352, 'd'],
        POPULAR: [-0.7143, ''],
      }),
    ]);
    expect(droppedOf(response)).toEqual([
      ['f', 'RANK', ['POPULAR'], -0.9144],
      ['a', 'SEEN', ['U2I', 'U2U2I', 'POPULAR']],
      ['d', 'SEEN', ['U2I', 'POPULAR']],
    ]);
    expect(['b', 'e'].map((id) => wordsOf(response, id).at(-1))).toEqual([
      ['it is popular in "one", which the user likes', []],
      ['it is popular', []],
    ]);
  });

  it('gets what the indexes of users and items find, where the profile searches', async () => {
    // Users at (1, 0): v .6 and w 0, not u. At v (.6, .8): c 1, b .96; at w (0, 1): d, seen, 1, and c .8 (before e: its row is lower).
    // U2U2I: c = e^-.8 + .5 e^-2 = .4493 + .0677; b = .5 e^-.8 = .2247.
    // U2I2I: at a b .8, c .6; at d c .8, e .8: as the lists have it.
    // b: .8627 + .5 + .2; c: .5392 + .5 + .2; e: -1.4018 + .5 * 2/3 + .2.
    const response = await ask({ profile: 'search' });
    expect(channelsOf(response).slice(0, 3)).toEqual([
      ['U2I', 'OK', 3],
      ['U2U2I', 'OK', 2],
      ['U2I2I', 'OK', 3],
    ]);
    expect(itemsOf(response)).toEqual([
      item('b', 'one', [0.8627, 1, 1], 1.5627, { U2I: [0.8, ''], U2U2I: [0.2247, 'v'], U2I2I: [0.6703, 'a'] }),
      item('c', 'two', [0.5392, 1, 1], 1.2392, { U2I: [0.6, ''], U2U2I: [0.517, 'v'], U2I2I: [0.7845, 'a'] }),
      item('e', 'three', [-1.4018, 2 / 3, 1], -0.8685, { U2I: [-0.6, ''], U2I2I: [0.3352, 'd'] }),
    ]);
    expect(droppedOf(response)).toEqual([
      ['a', 'SEEN', ['U2I']],
      ['d', 'SEEN', ['U2I', 'U2U2I']],
    ]);
  });
});

describe('an unknown user', () => {
  it('is answered from inline history by the masked id row, with similar users by vector', async () => {
    // The masked row gives (0, 1). U2I, of the four nearest d 1, c .8, e .8, b .6 (three wanted, one seen): d, c, e.
    // Users at (0, 1): w 1, v .8, u 0. U2U2I: w gives e 1, c .5; v gives c e^-.4 = .6703; u gives d .5 e^-2 = .0677; a is seen.
    // U2I2I: a is like b e^-.4 and c e^-.8.
    // Similarities d 1, c .8, e .8, b .6: mean .8, deviation .1414. c and d are of one category: 2 of 3 others differ.
    // d: 1.4142 + .5 * 2/3 + .2 * 2/3; c: .5 + .2 * 2/3; e: .5 * 2/3 + .2; b: -1.4142 + .5 * 1/3 + .2.
    const response = await ask({ userId: 'x', inlineHistory: [{ itemId: 'a', timeMs: 1_000 }] });
    expect(response).toMatchObject({ userKnown: false, degraded: false, basicScore: 'BASIC_SCORE_USER_VECTOR' });
    expect(channelsOf(response).slice(0, 3)).toEqual([
      ['U2I', 'OK', 3],
      ['U2U2I', 'OK', 3],
      ['U2I2I', 'OK', 2],
    ]);
    expect(itemsOf(response)).toEqual([
      item('d', 'two', [1.4142, 2 / 3, 2 / 3], 1.8809, { U2I: [1, ''], U2U2I: [0.0677, 'u'] }),
      item('c', 'two', [0, 1, 2 / 3], 0.6333, { U2I: [0.8, ''], U2U2I: [1.1703, 'v'], U2I2I: [0.4493, 'a'] }),
      item('e', 'three', [0, 2 / 3, 1], 0.5333, { U2I: [0.8, ''], U2U2I: [1, 'w'] }),
    ]);
    expect(droppedOf(response)).toEqual([
      ['b', 'RANK', ['U2I2I', 'U2I'], -1.0475],
      ['a', 'SEEN', ['U2U2I']],
    ]);
  });

  it('stands where the fields of the request put it', async () => {
    // On the right: (0, 1) + (1, -1) = (1, 0). Users there: u 1, v .6, w 0. U2U2I without a history: a = 1 (u) + .5 e^-.8 (v),
    // d = .5 (u), c = e^-.8 (v) + .5 e^-2 (w), e = e^-2 (w).
    const request = { userId: 'x', userFields: { side: { text: 'right' } } };
    const response = await ask({ ...request, n: 6 });
    expect(channelsOf(response).slice(0, 3)).toEqual([
      ['U2I', 'OK', 6],
      ['U2U2I', 'OK', 4],
      ['U2I2I', 'EMPTY', 0, 'found no eligible item'],
    ]);
    const sources = Object.fromEntries(
      response.items.map(({ itemId, sources: found }) => [itemId, found.map(({ score }) => rounded(score))]),
    );
    expect(sources).toEqual({
      a: [1, 1.2247],
      b: [0.8],
      c: [0.6, 0.517],
      d: [0, 0.5],
      e: [-0.6, 0.1353],
      f: [-1],
    });
  });
});

describe('a request', () => {
  it('may say other counts and weights than the profile', async () => {
    // U2U2I by v alone: c .8187; it counts twice. U2I2I is off and counts no more: the weights are 1 + 2.
    // b: .8627 + 1/3; c: .5392 + 1; e: -1.4018 + 1/3: the repetition counts once, the diversity not at all.
    const response = await ask({
      overrides: {
        channels: [
          { channel: Channel.CHANNEL_U2U2I, triggers: 1, weight: 2 },
          { channel: Channel.CHANNEL_U2I2I, enabled: false },
        ],
        weights: { repetition: 1, diversity: 0 },
      },
    });
    expect(channelsOf(response).slice(0, 3)).toEqual([
      ['U2I', 'OK', 3],
      ['U2U2I', 'OK', 1],
      ['U2I2I', 'DISABLED', 0, 'off in the request'],
    ]);
    expect(itemsOf(response)).toEqual([
      item('c', 'two', [0.5392, 1, 1], 1.5392, { U2I: [0.6, ''], U2U2I: [0.8187, 'v'] }),
      item('b', 'one', [0.8627, 1 / 3, 1], 1.196, { U2I: [0.8, ''] }),
      item('e', 'three', [-1.4018, 1 / 3, 1], -1.0685, { U2I: [-0.6, ''] }),
    ]);
    expect(response.profileHash).not.toBe((await ask({})).profileHash);
  });

  it('may want some categories only', async () => {
    // Of one and three, b and e are not seen. Similarities .8, -.6: mean .1, deviation .7, z = 1, -1.
    // b: 1 + .5 * 2/3 + .2; e: -1 + .5 + .2.
    const response = await ask({ categories: ['one', 'three'] });
    expect(itemsOf(response)).toEqual([
      item('b', 'one', [1, 2 / 3, 1], 1.5333, { U2I: [0.8, ''], U2I2I: [0.6703, 'a'] }),
      item('e', 'three', [-1, 1, 1], -0.3, { U2I: [-0.6, ''], U2U2I: [0.3679, 'w'], U2I2I: [0.3352, 'd'] }),
    ]);
    expect(droppedOf(response)).toEqual([
      ['c', 'FILTERED', ['U2U2I', 'U2I2I']],
      ['a', 'SEEN', ['U2U2I']],
    ]);
  });

  it('may want some items only', async () => {
    // c and e are left: similarities .6, -.6, z = 1, -1; every channel finds both.
    const response = await ask({ onlyItemIds: ['c', 'e', 'a', 'nowhere'] });
    expect(itemsOf(response)).toEqual([
      item('c', 'two', [1, 1, 1], 1.7, { U2I: [0.6, ''], U2U2I: [1.0027, 'v'], U2I2I: [0.7845, 'a'] }),
      item('e', 'three', [-1, 1, 1], -0.3, { U2I: [-0.6, ''], U2U2I: [0.3679, 'w'], U2I2I: [0.3352, 'd'] }),
    ]);
    expect(droppedOf(response)).toEqual([
      ['a', 'SEEN', ['U2U2I']],
      ['b', 'FILTERED', ['U2I2I']],
    ]);
  });

  it('is told which items its quotas and its n left out', async () => {
    // One wanted: U2I still looks for k = 2, b and c. U2U2I keeps c, U2I2I c .7845 and b .6703: e .3352 and .3679 is beyond both.
    // Similarities .8, .6: z = 1, -1. b: 1 + .5 * 2/3 + .2; c: -1 + .5 + .2.
    const response = await ask({
      n: 1,
      overrides: {
        channels: [
          { channel: Channel.CHANNEL_U2U2I, quota: 1 },
          { channel: Channel.CHANNEL_U2I2I, quota: 2 },
        ],
      },
    });
    expect(itemsOf(response)).toEqual([
      item('b', 'one', [1, 2 / 3, 1], 1.5333, { U2I: [0.8, ''], U2I2I: [0.6703, 'a'] }),
    ]);
    expect(droppedOf(response)).toEqual([
      ['c', 'RANK', ['U2I', 'U2U2I', 'U2I2I'], -0.3],
      ['e', 'QUOTA', ['U2U2I', 'U2I2I']],
      ['a', 'SEEN', ['U2I', 'U2U2I']],
      ['d', 'SEEN', ['U2I']],
    ]);
  });

  it('is told why each item that it must not have is not there', async () => {
    const items = createClient(ItemServiceClient, four.services['recall-gateway'].address);
    clients.push(items);
    const { revision } = await unary(
      items,
      'removeItems',
      RemoveItemsRequest.fromPartial({ itemIds: ['b'] }),
      DEADLINE,
    );
    const known = () =>
      unary(shapes[1]!, 'recall', RecallRequest.fromPartial({ userId: 'u' }), DEADLINE).then(
        ({ itemsRevision }) => itemsRevision,
      );
    await expect.poll(known, { timeout: 10_000 }).toBe(revision);
    // a and d are seen, b is hidden, e is excluded: c and f are left. Similarities .6, -1: z = 1, -1.
    // c: 1 + .5 + .2; f: -1 + .5 * 1/3 + .2.
    const response = await ask({ n: 1, excludeItemIds: ['e'] });
    expect(response.itemsRevision).toBe(revision);
    expect(itemsOf(response)).toEqual([
      item('c', 'two', [1, 1, 1], 1.7, { U2I: [0.6, ''], U2U2I: [1.0027, 'v'], U2I2I: [0.7845, 'a'] }),
    ]);
    expect(droppedOf(response)).toEqual([
      ['f', 'RANK', ['U2I'], -0.6333],
      ['a', 'SEEN', ['U2I', 'U2U2I']],
      ['b', 'HIDDEN', ['U2I', 'U2I2I']],
      ['d', 'SEEN', ['U2I']],
      ['e', 'EXCLUDED', ['U2I', 'U2U2I', 'U2I2I']],
    ]);
  });
});
