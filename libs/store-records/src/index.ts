export {
  decodeHistory,
  decodeList,
  decodeUser,
  encodeHistory,
  encodeList,
  encodeUser,
  type PackedList,
  type PackedUser,
} from './codec';
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
