import type { Interaction } from '@mic/domain';
import type { Dataset } from '@mic/dataset';
import type { AppendResult, HistoryWriter } from '@mic/recall';
import type { OnProgress } from './progress';

/** Events per write: large enough to amortise a transaction, small enough to keep memory flat. */
const BATCH = 20_000;

/** Writes the newest events of every user of a dataset into a store's live history. */
export async function importHistory(
  dataset: Dataset,
  store: HistoryWriter,
  onProgress: OnProgress,
): Promise<AppendResult> {
  const { userIds, itemIds, histories } = await dataset.loadInteractions();
  const total = { accepted: 0, duplicates: 0, tooOld: 0 };
  let batch: Interaction[] = [];
  const flush = async () => {
    const result = await store.appendEvents(batch);
    total.accepted += result.accepted;
    total.duplicates += result.duplicates;
    total.tooOld += result.tooOld;
    batch = [];
  };
  for (let user = 0; user < histories.userCount; user++) {
    for (let event = histories.offsets[user]!; event < histories.offsets[user + 1]!; event++) {
      batch.push({
        userId: userIds[user]!,
        itemId: itemIds[histories.itemRows[event]!]!,
        timeMs: histories.timesMs[event]!,
        weight: histories.weights[event]!,
      });
    }
    if (batch.length >= BATCH) {
      await flush();
      onProgress(user + 1, histories.userCount);
    }
  }
  await flush();
  return total;
}
