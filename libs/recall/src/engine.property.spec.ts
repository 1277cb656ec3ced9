import { MicError } from '@mic/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LiveItems } from './items';
import type { RecallRequest } from './recall-types';
import { recallTiny, type Setup } from './testing/recall-tiny';
import { history, ITEMS } from './testing/tiny-world';

const CATEGORY: Record<string, string> = {
  a: 'one',
  b: 'one',
  c: 'two',
  d: 'two',
  e: 'three',
  f: '',
  x: 'two',
  y: 'new',
};
const LIVE = ['x', 'y'];
const VECTOR: Record<string, [number, number]> = { x: [0.6, -0.8], y: [-0.28, 0.96] };
/** What u has seen in the store. */
const SEEN = ['a', 'd'];

interface Case {
  readonly request: Partial<RecallRequest> & { readonly n: number };
  readonly seen: readonly string[];
  readonly live: readonly string[];
  readonly hidden: readonly string[];
  /** Ports that fail. */
  readonly down: readonly string[];
}

const ids = fc.subarray([...ITEMS, ...LIVE, 'stranger']);
const anyCase: fc.Arbitrary<Case> = fc.record({
  request: fc.record({
    n: fc.integer({ min: 1, max: 9 }),
    excludeItemIds: ids,
    categories: fc.oneof(fc.constant([]), fc.subarray(['one', 'two', 'three', 'new', 'nowhere'], { minLength: 1 })),
    onlyItemIds: fc.oneof(fc.constant([]), fc.subarray([...ITEMS, ...LIVE, 'stranger'], { minLength: 1 })),
    includeSeen: fc.boolean(),
    explain: fc.boolean(),
  }),
  seen: ids,
  live: fc.subarray(LIVE),
  hidden: fc.subarray([...ITEMS, ...LIVE, 'stranger'], { maxLength: 3 }),
  down: fc.subarray(['search', 'embed', 'similarUsersItems', 'similarItems'], { maxLength: 4 }),
});

const fail = (): Promise<never> => Promise.reject(new MicError('UNAVAILABLE', 'down'));

function run({ request, seen, live, hidden, down }: Case) {
  const liveItems: LiveItems = {
    revision: 1,
    newItems: live.map((itemId) => ({ itemId, category: CATEGORY[itemId]! })),
    vectors: Float32Array.from(live.flatMap((itemId) => VECTOR[itemId]!)),
    categories: new Map(),
    hiddenIds: hidden,
  };
  const setup: Setup = {
    liveItems,
    profile: { channels: { POPULAR: { enabled: true } } },
    ports: {
      ...(down.includes('search') && { index: { search: fail } }),
      ...(down.includes('embed') && { embedder: { embed: fail } }),
    },
    store: {
      ...(down.includes('similarUsersItems') && { similarUsersItems: fail }),
      ...(down.includes('similarItems') && { similarItems: fail }),
    },
  };
  return recallTiny({ ...request, inlineHistory: history(...seen) }, setup);
}

/** What may be returned, by the definition. */
function eligibleOf({ request, seen, live, hidden }: Case): string[] {
  const { excludeItemIds = [], categories = [], onlyItemIds = [], includeSeen } = request;
  return [...ITEMS, ...live].filter(
    (item) =>
      !hidden.includes(item) &&
      !excludeItemIds.includes(item) &&
      (includeSeen === true || ![...SEEN, ...seen].includes(item)) &&
      (categories.length === 0 || categories.includes(CATEGORY[item]!)) &&
      (onlyItemIds.length === 0 || onlyItemIds.includes(item)),
  );
}

describe('whatever the request, and whatever is down', () => {
  it('returns eligible items alone, each once, as many as there are up to n, by score, with all their sources', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async (one) => {
        const result = await run(one);
        const returned = result.items.map(({ itemId }) => itemId);
        const eligible = eligibleOf(one);
        expect(new Set(returned).size).toBe(returned.length);
        for (const item of returned) expect(eligible).toContain(item);
        expect(returned.length).toBe(Math.min(one.request.n, eligible.length));
        result.items.forEach(({ itemId, score, category, sources }, i) => {
          expect(Number.isFinite(score)).toBe(true);
          expect(category).toBe(CATEGORY[itemId]);
          expect(sources.length).toBeGreaterThan(0);
          expect(new Set(sources.map(({ channel }) => channel)).size).toBe(sources.length);
          if (i > 0) expect(score).toBeLessThanOrEqual(result.items[i - 1]!.score);
        });
        const answered = new Set(
          result.channels.filter(({ outcome }) => outcome === 'OK').map(({ channel }) => channel),
        );
        for (const { sources } of result.items) for (const { channel } of sources) expect(answered).toContain(channel);
        const { items, dropped } = await run(one);
        expect(items).toEqual(result.items);
        expect(dropped).toEqual(result.dropped);
        for (const { itemId } of dropped) expect(returned).not.toContain(itemId);
      }),
      { numRuns: 300, seed: 20261126 },
    );
  });
});
