/** What weighs less cannot be seen in a score. */
const LEAST_WEIGHT = 1e-6;

/**
 * The distinct items of a history, newest first, each with recency^age of its newest event.
 *
 * @param items oldest first.
 */
export function* recentItems(items: Uint32Array, recency: number): Generator<readonly [item: number, weight: number]> {
  const counted = new Set<number>();
  for (let age = 0; age < items.length; age++) {
    const weight = recency ** age;
    if (weight < LEAST_WEIGHT) return;
    const item = items[items.length - 1 - age]!;
    if (counted.has(item)) continue;
    counted.add(item);
    yield [item, weight];
  }
}
