/** Largest message in either direction, in bytes: gRPC's own default for receiving. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
