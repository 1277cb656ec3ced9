export { CHANNELS, DEGRADED_OUTCOMES, type Channel, type ChannelOutcome } from './channel';
export { MicError, toMicError, type ErrorCode, type MicErrorDetails } from './errors';
export { HashRows } from './hash-rows';
export { NO_ROW, type HistoryTable, type Interaction } from './interaction';
export { HASH_WORDS, hashIds } from './item-hash';
export { usersOfItems, type ItemUsers } from './item-users';
export { parseReleaseId, type ReleaseId } from './release-id';
export { Random } from './random';
export type { ScoredLists } from './scored-lists';
