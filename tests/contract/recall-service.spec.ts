import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BasicScore,
  BatchRecallRequest,
  Channel,
  DropReason,
  Outcome,
  RecallRequest,
  RecallServiceService,
} from '@mic/contracts';
import { hashIds } from '@mic/domain';
import { rejection, WAYS, type Caller } from './callers';
import { MAX_N, publicApi, RELEASE, type PublicApi } from './harness';

const wide = 'ü'.repeat(128); // 256 bytes

/** True when a request of the call with this id, or of its batch, reached the recall path. */
const ran = ({ recall }: PublicApi, requestId: string): boolean =>
  recall.requests.some((request) => request.requestId.split('/')[0] === requestId);

describe.each(WAYS)('Recall %s', (way, open) => {
  const api = publicApi();
  let caller: Caller;
  beforeAll(async () => {
    caller = await open(api.services);
  });
  afterAll(() => caller.close());

  const recall = (
    request: Parameters<typeof RecallRequest.fromPartial>[0],
    deadlineMs?: number,
    requestId?: string,
    signal?: AbortSignal,
  ) => caller.call(RecallServiceService.recall, RecallRequest.fromPartial(request), { deadlineMs, requestId, signal });

  it('answers with items, their sources and every channel', async () => {
    const response = await recall({ userId: 'user-1' }, 5_000, 'request-7');
    expect(JSON.parse(JSON.stringify(response))).toEqual({
      userId: 'user-1',
      userKnown: true,
      requestId: 'request-7',
      releaseId: RELEASE,
      profile: 'default',
      profileHash: '0123456789abcdef',
      degraded: true,
      basicScore: 'BASIC_SCORE_USER_VECTOR',
      items: [
        {
          itemId: 'film-1',
          score: 0.75,
          category: 'drama',
          sources: [
            { channel: 'CHANNEL_U2I', score: 0.5, trigger: '', because: '', triggers: [] },
            { channel: 'CHANNEL_U2U2I', score: 0.25, trigger: 'user-2', because: '', triggers: [] },
            { channel: 'CHANNEL_U2I2I', score: 0.125, trigger: 'film-9', because: '', triggers: [] },
          ],
        },
      ],
      channels: [
        { channel: 'CHANNEL_U2I', outcome: 'OUTCOME_OK', candidates: 1, elapsedMs: 1.5, message: '', shrunk: [] },
        {
          channel: 'CHANNEL_U2U2I',
          outcome: 'OUTCOME_LATE',
          candidates: 0,
          elapsedMs: 20,
          message: 'the budget of 20 ms ran out',
          shrunk: ['ef 200 -> 80'],
        },
        {
          channel: 'CHANNEL_U2I2I',
          outcome: 'OUTCOME_EMPTY',
          candidates: 0,
          elapsedMs: 0.5,
          message: 'no history',
          shrunk: [],
        },
      ],
      itemsRevision: 7,
      dropped: [],
    });
    expect(response.items[0]!.sources[0]!.channel).toBe(Channel.CHANNEL_U2I);
    expect(response.channels[1]!.outcome).toBe(Outcome.OUTCOME_LATE);
    expect(response.basicScore).toBe(BasicScore.BASIC_SCORE_USER_VECTOR);
  });

  it('hands every field on, absent ones as undefined', async () => {
    await recall({ userId: 'plain' });
    const plain = api.recall.requests.at(-1)!;
    expect(plain).toMatchObject({ userId: 'plain', includeSeen: false, explain: false });
    expect([plain.n, plain.profile, plain.releaseId, plain.inlineHistory]).toEqual(Array(4).fill(undefined));
    expect(api.recall.deadlinesMs.at(-1)).toBeGreaterThan(0);
    expect(api.recall.deadlinesMs.at(-1)).toBeLessThanOrEqual(5_000);

    const response = await recall({
      userId: 'full',
      n: MAX_N,
      profile: 'b',
      releaseId: 'r-1',
      inlineHistory: [
        { itemId: 'old', timeMs: 1_000, weight: 2 },
        { itemId: 'new', timeMs: 3_000 },
        { itemId: 'middle', timeMs: 2_000, weight: 0.5 },
      ],
      excludeItemIds: ['film-3'],
      categories: ['drama', 'comedy'],
      includeSeen: true,
      explain: true,
      onlyItemIds: ['film-1', 'film-2'],
      overrides: {
        channels: [
          { channel: Channel.CHANNEL_U2I, quota: 20, ef: 80 },
          { channel: Channel.CHANNEL_POPULAR, enabled: false },
        ],
        weights: { diversity: 0 },
      },
    });
    expect(response.items[0]!.parts).toEqual({
      basic: 0.5,
      repetition: 0.25,
      diversity: 0,
      similarUsers: 0.75,
      similarItems: 1,
    });
    expect(response.items[0]!.sources[1]).toMatchObject({
      because: 'user-2, who is like you, took it',
      triggers: [{ id: 'user-2', evidence: 0.25 }],
    });
    expect(response.dropped).toEqual([
      {
        itemId: 'film-8',
        reason: DropReason.DROP_REASON_SEEN,
        channels: [Channel.CHANNEL_U2I, Channel.CHANNEL_U2I2I],
        score: undefined,
      },
      { itemId: 'film-7', reason: DropReason.DROP_REASON_RANK, channels: [Channel.CHANNEL_POPULAR], score: -0.5 },
    ]);
    expect(api.recall.requests.at(-1)).toEqual({
      requestId: response.requestId,
      userId: 'full',
      n: MAX_N,
      profile: 'b',
      releaseId: 'r-1',
      inlineHistory: {
        itemHashes: hashIds(['new', 'middle', 'old']),
        timesMs: Float64Array.of(3_000, 2_000, 1_000),
        weights: Float32Array.of(1, 0.5, 2),
      },
      excludeItemIds: ['film-3'],
      categories: ['drama', 'comedy'],
      includeSeen: true,
      explain: true,
      onlyItemIds: ['film-1', 'film-2'],
      overrides: {
        channels: { U2I: { quota: 20, ef: 80 }, POPULAR: { enabled: false } },
        weights: { diversity: 0 },
      },
    });
  });

  it('accepts every field at its limit', async () => {
    const times = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
    const response = await recall({
      userId: wide,
      n: 1,
      profile: wide,
      releaseId: 'r'.repeat(63),
      inlineHistory: times(500).map((timeMs) => ({ itemId: wide, timeMs: 253_402_300_800_000 - timeMs })),
      excludeItemIds: times(10_000).map(String),
      categories: times(100).map(String),
    });
    expect(response.userId).toBe(wide);
  });

  const event = { itemId: 'film-1', timeMs: 1 };
  const refusals: [string, Parameters<typeof RecallRequest.fromPartial>[0], string, string][] = [
    ['empty user', {}, 'user_id', 'is empty'],
    ['long user', { userId: `${wide}a` }, 'user_id', '257 bytes'],
    ['user that is not UTF-8', { userId: 'a\ufffd' }, 'user_id', 'not valid UTF-8'],
    ['n of 0', { userId: 'u', n: 0 }, 'n', 'is 0, 1 to 50 is allowed'],
    ['n above the limit', { userId: 'u', n: MAX_N + 1 }, 'n', 'is 51, 1 to 50 is allowed'],
    ['n of ten million', { userId: 'u', n: 10_000_000 }, 'n', 'is 10000000'],
    ['long profile', { userId: 'u', profile: `${wide}a` }, 'profile', '257 bytes'],
    ['release with capitals', { userId: 'u', releaseId: 'R1' }, 'release_id', '"R1" is not a release id'],
    ['release with a path', { userId: 'u', releaseId: '../x' }, 'release_id', 'is not a release id'],
    ['too many events', { userId: 'u', inlineHistory: Array(501).fill(event) }, 'inline_history', '501 entries'],
    ['too many exclusions', { userId: 'u', excludeItemIds: Array(10_001).fill('i') }, 'exclude_item_ids', '10,001'],
    ['too many categories', { userId: 'u', categories: Array(101).fill('c') }, 'categories', '101 entries'],
    ['empty exclusion', { userId: 'u', excludeItemIds: ['a', ''] }, 'exclude_item_ids[1]', 'is empty'],
    ['too many wanted', { userId: 'u', onlyItemIds: Array(10_001).fill('i') }, 'only_item_ids', '10,001'],
    ['empty wanted', { userId: 'u', onlyItemIds: [''] }, 'only_item_ids[0]', 'is empty'],
    [
      'a channel twice',
      { userId: 'u', overrides: { channels: Array(2).fill({ channel: Channel.CHANNEL_U2I }) } },
      'overrides.channels[1].channel',
      'names U2I a second time',
    ],
    [
      'no channel',
      { userId: 'u', overrides: { channels: [{ quota: 1 }] } },
      'overrides.channels[0].channel',
      'is not set',
    ],
    ['empty category', { userId: 'u', categories: [''] }, 'categories[0]', 'is empty'],
    ['event without item', { userId: 'u', inlineHistory: [{ timeMs: 1 }] }, 'inline_history[0].item_id', 'is empty'],
    ['time of 0', { userId: 'u', inlineHistory: [{ itemId: 'i' }] }, 'inline_history[0].time_ms', 'is 0'],
    ['negative time', { userId: 'u', inlineHistory: [{ ...event, timeMs: -1 }] }, 'inline_history[0].time_ms', 'is -1'],
    [
      'time past the year 9999',
      { userId: 'u', inlineHistory: [event, { ...event, timeMs: 253_402_300_800_000 }] },
      'inline_history[1].time_ms',
      'is 253402300800000',
    ],
    ['weight NaN', { userId: 'u', inlineHistory: [{ ...event, weight: NaN }] }, 'inline_history[0].weight', 'is NaN'],
    ['weight -1', { userId: 'u', inlineHistory: [{ ...event, weight: -1 }] }, 'inline_history[0].weight', 'is -1'],
    [
      'infinite weight',
      { userId: 'u', inlineHistory: [{ ...event, weight: Infinity }] },
      'inline_history[0].weight',
      'is Infinity',
    ],
  ];
  it.each(refusals)('INVALID_ARGUMENT: %s', async (_name, request, field, message) => {
    const error = await rejection(recall(request, 5_000, 'refused'));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.subject).toBe(field);
    expect(error.message).toContain(field);
    expect(error.message).toContain(message);
    expect(error.remedy).toBeTruthy();
    expect(ran(api, 'refused')).toBe(false);
  });

  it('FAILED_PRECONDITION, UNAVAILABLE and RESOURCE_EXHAUSTED as the recall path says', async () => {
    const precondition = await rejection(recall({ userId: '!release' }));
    expect(precondition).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'release "r-old" is not open here',
      subject: 'release_id',
      remedy: 'leave release_id out – the current release answers',
    });
    expect(await rejection(recall({ userId: '!unavailable' }))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await rejection(recall({ userId: '!shed' }))).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: 'too many requests',
      remedy: 'repeat later',
    });
  });

  it('INTERNAL for a defect, without its text', async () => {
    const error = await rejection(recall({ userId: '!defect' }));
    expect(error).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
    expect(JSON.stringify(error.remedy)).toContain('request id');
  });

  it('an error of any length still arrives', async () => {
    const error = await rejection(recall({ userId: '!huge' }));
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(error.message.length).toBeLessThan(1_100);
  });

  // What a message may weigh is checked where it is received.
  if (way === 'over the wire')
    it('RESOURCE_EXHAUSTED for a request above 4 MiB', async () => {
      const error = await rejection(recall({ userId: 'u'.repeat(5 * 1024 * 1024) }));
      expect(error.code).toBe('RESOURCE_EXHAUSTED');
    });

  it('DEADLINE_EXCEEDED at 1 ms, and the work is told to stop', async () => {
    expect(await rejection(recall({ userId: 'hang' }, 1))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const aborted = api.recall.aborted;
    expect(await rejection(recall({ userId: 'hang' }, 100))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect.poll(() => api.recall.aborted).toBeGreaterThan(aborted);
    await expect.poll(() => api.recall.running).toBe(0);
  });

  it('CANCELLED when the caller cancels, and the work is told to stop', async () => {
    const abort = new AbortController();
    const { aborted } = api.recall;
    const call = recall({ userId: 'hang' }, 10_000, undefined, abort.signal);
    await expect.poll(() => api.recall.running).toBe(1);
    abort.abort();
    expect(await rejection(call)).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => api.recall.aborted).toBe(aborted + 1);
  });
});

describe.each(WAYS)('BatchRecall %s', (_way, open) => {
  const api = publicApi();
  let caller: Caller;
  beforeAll(async () => {
    caller = await open(api.services);
  });
  afterAll(() => caller.close());

  const batch = (
    requests: Parameters<typeof BatchRecallRequest.fromPartial>[0]['requests'],
    deadlineMs = 5_000,
    requestId = 'batch-1',
  ) =>
    caller.call(RecallServiceService.batchRecall, BatchRecallRequest.fromPartial({ requests }), {
      deadlineMs,
      requestId,
    });

  it('answers in the order of the requests, a few at a time', async () => {
    api.recall.mostRunning = 0;
    const users = Array.from({ length: 100 }, (_, index) => ({ userId: `user-${index}` }));
    const { results } = await batch(users);
    expect(results.map((result) => result.response?.userId)).toEqual(users.map((user) => user.userId));
    expect(results[7]!.response!.requestId).toBe('batch-1/7');
    expect(api.recall.mostRunning).toBe(8);
    expect(ran(api, 'batch-1')).toBe(true);
  });

  it('gives the error of one user in its result', async () => {
    const { results } = await batch([{ userId: 'a' }, { userId: '!release' }, { userId: '!defect' }]);
    expect(results[0]!.response!.userId).toBe('a');
    expect(results[1]).toEqual({
      error: {
        code: 'FAILED_PRECONDITION',
        message: 'release "r-old" is not open here',
        remedy: 'leave release_id out – the current release answers',
        subject: 'release_id',
      },
    });
    expect(results[2]!.error).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
  });

  it('gives DEADLINE_EXCEEDED to users whose turn does not come in time', async () => {
    // Eight users hold all turns until the deadline of the batch; the ninth's never comes.
    const users = [...Array<{ userId: string }>(8).fill({ userId: 'slow' }), { userId: 'last' }];
    const original = api.recall.recall.bind(api.recall);
    api.recall.recall = async (request, deadlineMs, signal) => {
      // Timers may fire early: their clock is read once per turn of the event loop.
      const endMs = performance.now() + deadlineMs;
      while (request.userId === 'slow' && performance.now() <= endMs)
        await new Promise((resolve) => setTimeout(resolve, 5));
      return original(request, deadlineMs, signal);
    };
    try {
      const { results } = await batch(users, 2_000);
      expect(results[0]!.response!.userId).toBe('slow');
      expect(results[8]!.error).toMatchObject({ code: 'DEADLINE_EXCEEDED', remedy: expect.stringContaining('fewer') });
    } finally {
      api.recall.recall = original;
    }
  });

  it('DEADLINE_EXCEEDED when nothing is answered in time: of the call, or of every user whose turn did not come', async () => {
    expect(await rejection(batch([{ userId: 'hang' }], 200))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const codes = await batch([{ userId: 'hang' }], 1).then(
      ({ results }) => results.map(({ error }) => error?.code),
      (error: { code: string }) => [error.code],
    );
    expect(codes).toEqual(['DEADLINE_EXCEEDED']);
  });

  it.each([
    ['no request', [], 'requests', 'has 0 entries, 1 to 100 are allowed'],
    ['101 requests', Array(101).fill({ userId: 'u' }), 'requests', 'has 101 entries'],
    ['one wrong request', [{ userId: 'u' }, { userId: 'u', n: 0 }], 'requests[1].n', 'requests[1].n is 0'],
    ['a wrong release', [{ userId: 'u', releaseId: 'R' }], 'requests[0].release_id', 'requests[0].release_id'],
  ])('INVALID_ARGUMENT: %s, and nothing runs', async (_name, requests, field, message) => {
    const error = await rejection(batch(requests, 5_000, 'refused'));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: field });
    expect(error.message).toContain(message);
    expect(ran(api, 'refused')).toBe(false);
  });

  it('RESOURCE_EXHAUSTED for an answer above 4 MiB', async () => {
    const original = api.recall.recall.bind(api.recall);
    api.recall.recall = async (request, deadlineMs, signal) => {
      const result = await original(request, deadlineMs, signal);
      return { ...result, items: Array<(typeof result.items)[number]>(1_000).fill(result.items[0]!) };
    };
    try {
      const error = await rejection(batch(Array(100).fill({ userId: 'u' })));
      expect(error.code).toBe('RESOURCE_EXHAUSTED');
      expect(error.message).toMatch(/the answer has \d+ bytes/);
    } finally {
      api.recall.recall = original;
    }
  });
});
