import type { Dataset, DatasetHistories } from '@mic/dataset';
import type { AppendResult, HistoryKeeper } from '@mic/recall';
import type { OnProgress } from './progress';

/** Writes under way at a time: the store works while the next histories are read and packed. */
const WRITES_AT_ONCE = 2;
/** The cap of a store by default. */
const DEFAULT_CAP = 1_000;

/**
 * Merges the newest events of every user of a dataset into a store's live history.
 * @param historyCap events read per user: the store's cap. What it keeps of them is the store's to say.
 */
export async function importHistory(
  dataset: Dataset,
  store: Pick<HistoryKeeper, 'importHistories'>,
  onProgress: OnProgress,
  historyCap = DEFAULT_CAP,
): Promise<AppendResult> {
  const total = { accepted: 0, duplicates: 0, tooOld: 0 };
  let failure: { readonly error: unknown } | undefined;
  const write = async (histories: DatasetHistories): Promise<void> => {
    try {
      const { accepted, duplicates, tooOld } = await store.importHistories(histories);
      total.accepted += accepted;
      total.duplicates += duplicates;
      total.tooOld += tooOld + histories.leftOut;
      onProgress(total.accepted + total.duplicates + total.tooOld, dataset.info.counts.events);
    } catch (error) {
      failure ??= { error };
    }
  };
  const writes = new Set<Promise<void>>();
  for await (const histories of dataset.streamHistories({ maxPerUser: historyCap })) {
    const writing: Promise<void> = write(histories).finally(() => writes.delete(writing));
    writes.add(writing);
    if (writes.size >= WRITES_AT_ONCE) await Promise.race(writes);
    if (failure) break;
  }
  await Promise.all(writes);
  if (failure) throw failure.error;
  return total;
}
