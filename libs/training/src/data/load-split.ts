import { createHash } from 'node:crypto';
import { MicError, type HistoryTable } from '@mic/domain';
import type { Dataset } from '@mic/dataset';
import { splitBy, TEST_PROTOCOLS, withoutItems, type Split } from '@mic/evaluation';

/** What of the events a model may not see: nothing, or what a test protocol holds out. */
export const PROTOCOLS = ['none', ...TEST_PROTOCOLS] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface SplitRequest {
  readonly protocol: Protocol;
  /** First moment that the protocol `time` holds out, milliseconds since the epoch; null: the newest tenth of events. */
  readonly cutMs: number | null;
  /** Newest events of a user that are read (of either side of the cut under `time`). */
  readonly historyCap: number;
  /** Share of the catalogue whose events training does not see. */
  readonly coldItems: number;
}

/** A dataset in memory, divided by a protocol. */
export interface LoadedSplit extends Split {
  readonly userIds: readonly string[];
  readonly itemIds: readonly string[];
  /** All events, held-out ones among them. */
  readonly histories: HistoryTable;
  readonly cutMs: number | null;
  /** Rows of the items that training has not seen because of `coldItems`. */
  readonly coldItems: ReadonlySet<number>;
  /** sha256 of the events that training may see and the ids of their users and items, hex. */
  readonly seenSha256: string;
}

/** Share of the events before the default cut. */
const TRAINING_SHARE = 0.9;

/**
 * Reads a dataset and divides it; the same request of the same dataset gives the same division, whatever the seed of a
 * run. Memory grows with users x historyCap at most.
 *
 * @throws MicError FAILED_PRECONDITION for `time` where events have positions instead of times, or nothing is left on a
 *   side of the cut.
 */
export async function loadSplit(dataset: Dataset, request: SplitRequest): Promise<LoadedSplit> {
  const { protocol, historyCap } = request;
  const cutMs = protocol === 'time' ? await cutOf(dataset, request.cutMs) : null;
  const interactions = await dataset.loadInteractions({ maxPerUser: historyCap, cutMs: cutMs ?? undefined });
  const { userIds, itemIds, histories } = interactions;
  const split: Split =
    protocol === 'none'
      ? { train: histories, known: histories, cases: [] }
      : splitBy(protocol, histories, userIds, cutMs ?? 0);
  if (protocol === 'time' && (split.cases.length === 0 || split.train.itemRows.length === 0)) {
    throw new MicError('FAILED_PRECONDITION', `no events ${split.cases.length === 0 ? 'from' : 'before'} the cut on`, {
      subject: 'cut',
      remedy: 'choose a --cut between the first and the last event; mic data info shows them',
    });
  }
  const coldItems = coldItemsOf(itemIds, request.coldItems);
  const train = coldItems.size > 0 ? withoutItems(split.train, coldItems) : split.train;
  return { ...interactions, ...split, train, cutMs, coldItems, seenSha256: fingerprint(userIds, itemIds, train) };
}

async function cutOf(dataset: Dataset, wanted: number | null): Promise<number> {
  if (dataset.info.order === 'position') {
    throw new MicError('FAILED_PRECONDITION', `the events of ${dataset.info.name} have positions instead of times`, {
      subject: 'protocol',
      remedy: 'use --protocol leave-one-out, sampled-last or user-split',
    });
  }
  return wanted ?? (await dataset.timeAt(TRAINING_SHARE));
}

/** Items by a hash of their ids, so that they are the same in every run. */
function coldItemsOf(itemIds: readonly string[], share: number): ReadonlySet<number> {
  const cold = new Set<number>();
  if (share === 0) return cold;
  itemIds.forEach((id, row) => {
    const hash = createHash('sha256').update(`cold ${id}`).digest();
    if (hash.readUInt32LE() / 2 ** 32 < share) cold.add(row);
  });
  return cold;
}

function fingerprint(userIds: readonly string[], itemIds: readonly string[], train: HistoryTable): string {
  const hash = createHash('sha256');
  for (const ids of [userIds, itemIds]) {
    hash.update(`${ids.length}\n`);
    for (const id of ids) hash.update(`${id}\n`);
  }
  for (const { buffer, byteOffset, byteLength } of [train.offsets, train.itemRows, train.timesMs]) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}
