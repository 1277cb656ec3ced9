import {
  CUTS,
  evaluateLists,
  GrowingHistories,
  itemKnnRecommender,
  itemPopularity,
  maskedItemsOf,
  NEIGHBOURS,
  popularityRecommender,
  similarItems,
  type LastEventProtocol,
  type Split,
  type TestCase,
} from '@mic/evaluation';
import type { Quality } from '@mic/release';
import type { EncodedWorld } from './encoded-world';
import { listsOf, OfflineRecall } from './offline-recall';
import type { ItemFacts } from './offline-ports';

/**
 * Quality of a release on users' held-out last events, in the world that is made without those events: each channel alone
 * and the merged list, by the channel, merge and rerank code that serves; popularity and item-kNN as they are by default
 * beside them. A held-out item that the user had before is masked and cannot be hit.
 *
 * @param options.world encoded from what `split` leaves.
 */
export async function measureQuality(options: {
  /** What training has not seen. */
  readonly protocol: LastEventProtocol;
  readonly world: EncodedWorld;
  readonly split: Split;
  /** Those of the split's cases that are asked for; the world has neighbour lists for them at least. */
  readonly cases: readonly TestCase[];
  readonly facts: ItemFacts;
  /** Events that the user tower reads. */
  readonly window: number;
  readonly onProgress?: (done: number, total: number) => void;
}): Promise<Quality> {
  const { world, cases, split, facts, window, onProgress = () => undefined } = options;
  const histories = new GrowingHistories(split.known);
  const length = Math.max(...CUTS);
  const recall = await OfflineRecall.open({ world, histories, facts, length, mask: 'all', window });
  const maskedItems = maskedItemsOf(histories.itemsOf, 'all', window);
  const known = { k: length, historyOf: histories.itemsOf, maskedItems };
  const popularity = popularityRecommender(itemPopularity(split.train), length, maskedItems);
  const itemKnn = itemKnnRecommender(similarItems(split.train, NEIGHBOURS), known);
  try {
    const { measures } = await evaluateLists(
      cases,
      async ({ user }) => ({
        ...listsOf(await recall.rank(user)),
        popularity: popularity(user),
        itemknn: itemKnn(user),
      }),
      {
        at: CUTS,
        onCase: (done) => {
          onProgress(done, cases.length);
        },
      },
    );
    return { protocol: options.protocol, users: cases.length, metrics: measures.means() };
  } finally {
    await recall.close();
  }
}
