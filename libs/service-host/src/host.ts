import type { ReleaseSummary } from '@mic/recall';
import type { Logger } from '@mic/rpc';
import type { EventLoopDelay } from './event-loop-delay';

/** Which releases a process can answer from, and which one it ought to. */
export interface ReleaseState {
  /** What answers calls that name no release; null while there is none. */
  readonly current: ReleaseSummary | null;
  /** Every release that can be named, the current one first. */
  readonly open: readonly ReleaseSummary[];
  /** What is published, as far as it is known here. */
  readonly wanted: string | null;
  /** Why the current release is not the published one; null when it is. */
  readonly problem: string | null;
}

/** What a service counts: see ServiceMetrics. */
export interface ServiceCounters {
  countSwap(outcome: 'done' | 'failed'): void;
  observeOpened(seconds: number): void;
  showBreaker(callee: string, rpc: string, isOpen: boolean): void;
  showSpared(part: string, fromMs: number, isSpared: boolean): void;
}

/** The process that a service runs in, as far as a service needs it. */
export interface Host {
  readonly logger: Logger;
  readonly loopDelay: EventLoopDelay;
  readonly metrics: ServiceCounters;
  /** Fires when the process is to end. */
  readonly stopping: AbortSignal;
  /** Tells health and metrics. */
  showReleases(state: ReleaseState): void;
}

/** What a service answers from, once it is open. */
export interface Opened<T> {
  readonly value: T;
  releases(): Promise<ReleaseState>;
  /** Callers say that they use these releases. */
  keep?(releaseIds: readonly string[]): void;
  close(): Promise<void>;
}
