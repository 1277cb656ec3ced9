export {
  countSince,
  decodeHistory,
  decodeList,
  decodeUser,
  encodeHistory,
  encodeList,
  encodeUser,
  historyExtent,
  type PackedList,
  type PackedUser,
} from './codec';
export { HistoryRetention, type HistoryBounds, type HistoryRetentionOptions } from './history-retention';
export { importHistory, type ImportedHistory } from './import-history';
export {
  decodeLiveItems,
  knownRevision,
  liveItemRecords,
  liveItemsCapOf,
  type LiveItemRecord,
  type LiveItemsOptions,
} from './live-items';
export { packLists, packUsersItems } from './pack-answers';
export { placeEvents } from './place-events';
export {
  damaged,
  isCurrent,
  leaseLost,
  noUserInRow,
  otherContent,
  releaseNotThere,
  removedMeanwhile,
  sealedAlready,
  tooManyLiveItems,
} from './record-errors';
export { decodePointer, decodeSealed, summaryOf, type SealedRelease } from './sealed-release';
