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
export { packLists, packSimilarUsers } from './pack-answers';
export { placeEvents } from './place-events';
export {
  damaged,
  isCurrent,
  leaseLost,
  noUserInRow,
  otherContent,
  releaseNotThere,
  sealedAlready,
} from './record-errors';
export { decodePointer, decodeSealed, summaryOf, type SealedRelease } from './sealed-release';
