/** The three retrieval channels that one model serves, and the fallback, in the order in which responses list them. */
export const CHANNELS = ['U2I', 'U2U2I', 'U2I2I', 'POPULAR'] as const;

/**
 * A retrieval channel: user to item, user to similar users to item, user to recent items to similar items, popular items of the
 * user's favourite categories.
 */
export type Channel = (typeof CHANNELS)[number];

/**
 * What became of one channel in one request.
 * OK: it returned candidates. EMPTY: it worked and had none. LATE: its budget ran out. FAILED: it returned an error.
 * SHED: it was not tried, to protect the service or because it is late again and again. DISABLED: the profile or the request switches it off, or it is a fallback that
 * was not needed.
 */
export type ChannelOutcome = 'OK' | 'EMPTY' | 'LATE' | 'FAILED' | 'SHED' | 'DISABLED';

/** Outcomes that make an answer partial: a response that has one of them is degraded. */
export const DEGRADED_OUTCOMES: ReadonlySet<ChannelOutcome> = new Set<ChannelOutcome>(['LATE', 'FAILED', 'SHED']);
