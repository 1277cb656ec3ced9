/** Limits that several services share, as the protos state them. */
export const MAX_ID_BYTES = 256;
export const MAX_EVENTS_PER_CALL = 1_000;
export const MAX_ITEMS_PER_CALL = 1_000;
/** Fields of an item, or of a user. */
export const MAX_FIELDS = 64;
/** Texts of one field. */
export const MAX_TEXTS = 64;
/** The last millisecond of the year 9999. */
export const MAX_TIME_MS = 253_402_300_799_999;
