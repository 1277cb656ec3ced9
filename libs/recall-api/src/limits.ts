/** Limits of the public API, as the protos state them. */
export const MAX_INLINE_EVENTS = 500;
export const MAX_EXCLUSIONS = 10_000;
export const MAX_CATEGORIES = 100;
export const MAX_ONLY_ITEMS = 10_000;
export const MAX_BATCH = 100;
/** Longest time that the store may take for one batch of a stream, milliseconds. */
export const STORE_TIMEOUT_MS = 10_000;
/** Requests of one BatchRecall or RecallStream that run at a time. */
export const BATCH_CONCURRENCY = 8;
/** Share of a batch's deadline that its requests may use; the rest is for sending the answer. */
export const BATCH_DEADLINE_SHARE = 0.9;
