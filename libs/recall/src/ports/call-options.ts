import type { ReleaseId } from '@mic/domain';

export interface CallOptions {
  /**
   * Fires when the answer is no longer wanted: implementations stop work and reject with MicError CANCELLED. Its reason is a
   * MicError: DEADLINE_EXCEEDED when time is up, anything else when the caller has gone.
   */
  readonly signal: AbortSignal;
  /** Id of the request, for logs. */
  readonly requestId: string;
  /** How long the caller waits, milliseconds; undefined: no limit. What calls further on passes it on. */
  readonly timeoutMs?: number;
  /** When a call of a service that has not answered is made once more, milliseconds; undefined: never. */
  readonly hedgeAfterMs?: number;
}

/** A release as its readers ask for it. */
export interface WantedRelease {
  readonly releaseId: ReleaseId;
  /** sha256 of the manifest that the reader has open, hex: the store's release must be of this content. */
  readonly manifestSha256?: string;
}
