/** Limits that several services share, as the protos state them. */
export const MAX_ID_BYTES = 256;
export const MAX_EVENTS_PER_CALL = 1_000;
/** The last millisecond of the year 9999. */
export const MAX_TIME_MS = 253_402_300_799_999;
