import { hashIds } from '@mic/domain';
import { itemsByCategory } from './items-by-category';
import type { ItemCatalog } from './ports';
import type { RecallService } from './recall-types';

const ROUNDS = 10;
const LONGEST_ROUND_MS = 500;
const LONGEST_MS = 2_000;
const HISTORY_ITEMS = 20;

/**
 * Recalls for a user that nobody is, over and over, before anyone else does: connections are made, models run once, and
 * code is compiled at the cost of no caller; where all that has been done for another release, a round or two are enough. Nothing that goes wrong here matters; callers are told when they ask.
 */
export async function warmUp(recall: RecallService, catalog: ItemCatalog, rounds = ROUNDS): Promise<void> {
  itemsByCategory(catalog);
  const started = performance.now();
  const items = Array.from({ length: Math.min(HISTORY_ITEMS, catalog.itemCount) }, (_, row) => catalog.itemId(row));
  const inlineHistory = {
    itemHashes: hashIds(items),
    timesMs: Float64Array.from(items, (_, age) => items.length - age),
    weights: new Float32Array(items.length).fill(1),
  };
  for (let round = 0; round < rounds && performance.now() - started < LONGEST_MS; round++) {
    const request = {
      requestId: `warm-up/${round}`,
      userId: '(warm-up)',
      inlineHistory,
      includeSeen: true,
      isRehearsal: true,
    };
    await recall.recall(request, LONGEST_ROUND_MS, new AbortController().signal).catch(() => undefined);
  }
}
