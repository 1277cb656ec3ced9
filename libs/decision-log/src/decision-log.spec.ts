import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReleaseId } from '@mic/domain';
import {
  NO_LIVE_ITEMS,
  profileSchema,
  RecallEngine,
  type LiveItems,
  type RankedRecall,
  type RecallRequest,
} from '@mic/recall';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyCatalog, tinyPorts, tinyProfiles } from '../../recall/src/testing/tiny-world';
import { decodeDecision, encodeDecision } from './decision';
import { DecisionLog, isSampled } from './decision-log';
import { readDecisions } from './read-decisions';
import { replay } from './replay';

const SHA = '5'.repeat(64);
const LIVE: LiveItems = {
  revision: 3,
  newItems: [
    { itemId: 'w', category: 'one' },
    { itemId: 'x', category: 'three' },
  ],
  vectors: Float32Array.of(-1, 0, 0.96, 0.28),
  categories: new Map([[2, 'new']]),
  hiddenIds: ['b'],
};

/** The answer of the tiny world, and its request. */
async function answer(
  request: Partial<RecallRequest> = {},
  liveItems = NO_LIVE_ITEMS,
  profile: object = {},
): Promise<[RecallRequest, RankedRecall]> {
  const noted: [RecallRequest, RankedRecall][] = [];
  const engine = new RecallEngine({
    ports: tinyPorts(),
    catalog: tinyCatalog(),
    schema: { userFields: [] },
    liveItems: () => liveItems,
    profiles: () => tinyProfiles(profile),
    onRanked: (...one) => noted.push(one),
  });
  await engine.recall({ requestId: 'q', userId: 'u', ...request }, Infinity, new AbortController().signal);
  return noted[0]!;
}
const logged = async (...call: Parameters<typeof answer>) =>
  decodeDecision(encodeDecision(...(await answer(...call)), SHA, new Date(1e12)));

describe('replay', () => {
  it.each<[string, Parameters<typeof answer>]>([
    ['by score', [{}]],
    ['with live items, and one whose category is another', [{ n: 6 }, LIVE]],
    ['windows by category', [{ n: 5 }, LIVE, { rerank: { order: { kind: 'window', size: 2, most: 1 } } }]],
    ['maximal marginal relevance', [{ n: 5 }, LIVE, { rerank: { order: { kind: 'mmr', lambda: 0.5 } } }]],
    [
      'with weights of channels and popularity',
      [{ n: 6 }, LIVE, { channels: { U2I: { weight: 3 }, POPULAR: { enabled: true } } }],
    ],
    ['with overrides', [{ n: 5, overrides: { weights: { basic: -1 }, channels: { U2I: { enabled: false } } } }, LIVE]],
  ])('makes the same ranking to the bit: %s', async (_what, call) => {
    const decision = await logged(...call);
    const { isSame, recorded, replayed, overlap } = replay(decision, tinyCatalog());
    expect(replayed).toEqual(recorded);
    expect([isSame, overlap]).toEqual([true, 1]);
    expect(recorded.itemIds.length).toBeGreaterThan(0);
  });

  it('records the answer', async () => {
    const decision = await logged({ n: 6 }, LIVE);
    expect(decision).toMatchObject({
      time: '2001-09-09T01:46:40.000Z',
      requestId: 'q',
      userId: 'u',
      releaseId: 'r1',
      manifestSha256: SHA,
      n: 6,
      profile: { name: 'tiny' },
      liveItems: { revision: 3, categories: [[2, 'new']] },
    });
    expect(replay(decision, tinyCatalog()).recorded.itemIds[0]).toBe('x');
  });

  it('shows what another profile would change', async () => {
    const decision = await logged();
    const ranked = (profile: object) => replay(decision, tinyCatalog(), profileSchema.parse(profile)).replayed.itemIds;
    expect(ranked({})).toEqual(['b', 'c', 'e']);
    expect(ranked({ rerank: { weights: { basic: 0, repetition: 1 } } })).toEqual(['c', 'e', 'b']);
    const off = { enabled: false };
    expect(ranked({ channels: { U2I: off, U2I2I: off } })).toEqual(['c', 'e']);
    const { isSame, overlap } = replay(
      decision,
      tinyCatalog(),
      profileSchema.parse({ channels: { U2I: off, U2I2I: off } }),
    );
    expect([isSame, overlap]).toEqual([false, 2 / 3]);
  });

  it('finds a score that is off by one bit', async () => {
    const decision = await logged();
    const bits = new Uint32Array(decision.answer.scores.buffer);
    bits[1]! ^= 1;
    expect(replay(decision, tinyCatalog()).isSame).toBe(false);
  });

  it('refuses the items of another release', async () => {
    const other = { ...tinyCatalog(), releaseId: parseReleaseId('r2') };
    const decision = await logged();
    expect(() => replay(decision, other)).toThrow(/is of release r1, not r2/);
  });
});

describe('DecisionLog', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'decisions-'))));
  afterEach(() => rm(folder, { recursive: true }));
  const open = (share: number) =>
    DecisionLog.open({
      folder,
      share,
      onTrouble: (error) => {
        throw error;
      },
    });

  it('writes what it notes, and what it wrote can be read', async () => {
    const log = await open(1);
    for (let i = 0; i < 20; i++) log.note(...(await answer({ requestId: `q${i}` })), SHA);
    await log.close();
    const ids: string[] = [];
    for await (const line of readDecisions(folder)) ids.push('decision' in line ? line.decision.requestId : line.at);
    expect(ids).toEqual(Array.from({ length: 20 }, (_, i) => `q${i}`));
    expect(log.leftOut).toBe(0);
  });

  it('notes the sample, the same everywhere', async () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => `request-${i}`);
    const share = ids.filter((id) => isSampled(id, 0.1)).length / ids.length;
    expect(share).toBeGreaterThan(0.09);
    expect(share).toBeLessThan(0.11);
    expect(ids.every((id) => isSampled(id, 1))).toBe(true);
    expect(ids.some((id) => isSampled(id, 0))).toBe(false);
    const log = await open(0);
    log.note(...(await answer()), SHA);
    await log.close();
    const texts = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
    expect(texts.join('')).toBe('');
  });

  it('names lines that are none, and reads the others', async () => {
    const line = encodeDecision(...(await answer()), SHA, new Date());
    await writeFile(join(folder, 'a.jsonl'), `${line}\n{"version": 2}\n${line.slice(0, 100)}`);
    const told: string[] = [];
    for await (const one of readDecisions(join(folder, 'a.jsonl'))) {
      told.push('problem' in one ? `${one.at.split('/').at(-1)!} ${one.problem.code}` : 'decision');
    }
    expect(told).toEqual(['decision', 'a.jsonl:2 DATA_LOSS', 'a.jsonl:3 DATA_LOSS']);
  });

  it('says where there is no log', async () => {
    await expect(readDecisions(join(folder, 'nowhere')).next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(readDecisions(folder).next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
