/** At most `most` items of one category among any `size` that follow one another. */
export interface CategoryWindow {
  readonly size: number;
  readonly most: number;
}

/**
 * Takes n candidates in the order of `order`, except that a category that has its share of the last `size - 1` items waits
 * (ours; windows of this kind are common practice). When every category waits, the best candidate left is taken: no list is
 * shorter for it.
 *
 * @param order positions of all candidates, best first.
 * @param categories category of each candidate, by position.
 * @returns positions of min(n, candidates) items, in the order of the list.
 */
export function windowedByCategory(
  order: Uint32Array,
  categories: Uint32Array,
  n: number,
  { size, most }: CategoryWindow,
): Uint32Array {
  const places = new Map<number, number[]>();
  // Ranks of each category, best first; read from the front.
  for (let rank = 0; rank < order.length; rank++) {
    const category = categories[order[rank]!]!;
    const ranks = places.get(category);
    if (ranks) ranks.push(rank);
    else places.set(category, [rank]);
  }
  const queues = [...places].map(([category, ranks]) => ({ category, ranks, next: 0, inWindow: 0 }));
  const taken: (typeof queues)[number][] = [];
  const list = new Uint32Array(Math.min(Math.max(n, 0), order.length));
  for (let i = 0; i < list.length; i++) {
    if (i >= size) taken[i - size]!.inWindow--;
    const free = bestHead(queues, ({ inWindow }) => inWindow < most) ?? bestHead(queues, () => true)!;
    list[i] = order[free.ranks[free.next++]!]!;
    free.inWindow++;
    taken.push(free);
  }
  return list;
}

function bestHead<Q extends { readonly ranks: readonly number[]; readonly next: number }>(
  queues: readonly Q[],
  isFree: (queue: Q) => boolean,
): Q | null {
  let best: Q | null = null;
  for (const queue of queues) {
    if (queue.next < queue.ranks.length && isFree(queue)) {
      if (best === null || queue.ranks[queue.next]! < best.ranks[best.next]!) best = queue;
    }
  }
  return best;
}

/** Maximal marginal relevance: what an item's score counts, 0 to 1, beside how little it is like the items before it. */
export interface MarginalRelevance {
  readonly lambda: number;
  /** Best candidates that it chooses from, at least n. */
  readonly pool: number;
}

/**
 * Greedy maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): the next item is the one with the largest
 * lambda * score - (1 - lambda) * similarity to the most similar item before it. Scores of the pool are put to 0 .. 1 first;
 * equal values are ordered as `order` has them.
 *
 * @param order positions of all candidates, best first.
 * @param score of each candidate, by position.
 * @param similarity of two candidates, by position: -1 .. 1.
 * @returns positions of min(n, candidates) items, in the order of the list.
 */
export function marginallyRelevant(
  order: Uint32Array,
  score: Float32Array,
  similarity: (a: number, b: number) => number,
  n: number,
  { lambda, pool }: MarginalRelevance,
): Uint32Array {
  const list = new Uint32Array(Math.min(Math.max(n, 0), order.length));
  const candidates = order.slice(0, Math.max(pool, list.length));
  const [high, low] = [score[candidates[0]!]!, score[candidates.at(-1)!]!];
  const relevance = Float64Array.from(candidates, (i) => (high > low ? (score[i]! - low) / (high - low) : 0));
  const closest = new Float64Array(candidates.length).fill(-1);
  const isTaken = new Uint8Array(candidates.length);
  for (let place = 0; place < list.length; place++) {
    let best = -1;
    let bestValue = -Infinity;
    for (let c = 0; c < candidates.length; c++) {
      if (isTaken[c]) continue;
      const value = lambda * relevance[c]! - (1 - lambda) * closest[c]!;
      if (value > bestValue) [best, bestValue] = [c, value];
    }
    isTaken[best] = 1;
    const chosen = candidates[best]!;
    list[place] = chosen;
    for (let c = 0; c < candidates.length; c++) {
      if (!isTaken[c]) closest[c] = Math.max(closest[c]!, similarity(candidates[c]!, chosen));
    }
  }
  return list;
}
