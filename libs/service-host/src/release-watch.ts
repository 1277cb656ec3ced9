import { setTimeout as sleep } from 'node:timers/promises';
import { MicError, toMicError } from '@mic/domain';
import type { ReleasePointer, ReleaseRecords } from '@mic/recall';
import type { Logger } from '@mic/rpc';
import type { OpenReleases } from './open-releases';

export interface ReleaseWatchOptions<T> {
  readonly releases: OpenReleases<T>;
  /** The control records; asked again after it has failed. */
  readonly records: () => Promise<Pick<ReleaseRecords, 'pointer' | 'releases'>>;
  readonly pollMs: number;
  readonly logger: Logger;
  /** Whether callers pin calls to releases of their own, so that the one before may still be asked for. */
  readonly isPinnedByCallers: boolean;
  /** Before each look at the pointer. */
  readonly onLook?: () => Promise<void>;
}

/** A release published so recently may have a predecessor that others still use, milliseconds. */
const RECENT_MS = 600_000;

/** Looks at the pointer every `pollMs` and has the releases follow it. */
export class ReleaseWatch<T> {
  readonly #options: ReleaseWatchOptions<T>;
  readonly #ending = new AbortController();
  #told = '';
  #pointerProblem: string | null = null;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: ReleaseWatchOptions<T>) {
    this.#options = options;
  }

  /** Why it is not known which release is published; null when it is. */
  get pointerProblem(): string | null {
    return this.#pointerProblem;
  }

  /**
   * Looks until a release is served, then goes on in the background until `stop`.
   *
   * @returns false when the signal fired first.
   * @throws MicError INVALID_ARGUMENT when looking again would not help: the store has no such address.
   */
  async start(stopping: AbortSignal): Promise<boolean> {
    const { pollMs } = this.#options;
    while (!stopping.aborted) {
      const pointer = await this.#look();
      if (pointer && this.#isServing) {
        await this.#openPredecessor(pointer);
        this.#looking = this.#goOn(stopping);
        return true;
      }
      await sleep(pollMs, undefined, { signal: stopping }).catch(() => undefined);
    }
    return false;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#looking;
  }

  async #goOn(stopping: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.#ending.signal, stopping]);
    const { pollMs } = this.#options;
    for (;;) {
      await sleep(pollMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#look().catch((error: unknown) => {
        this.#tell(toMicError(error));
      });
    }
  }

  async #look(): Promise<ReleasePointer | null> {
    const { releases, records, onLook } = this.#options;
    try {
      await onLook?.();
      const pointer = await (await records()).pointer();
      this.#pointerProblem = pointer ? null : nothingPublished().message;
      if (!pointer) throw nothingPublished();
      const following = releases.follow(pointer);
      // While a release is served, opening another one holds nothing up: what is in use has to be named all the time.
      if (this.#isServing) {
        following.catch((error: unknown) => {
          this.#tell(toMicError(error));
        });
      } else await following;
      const { problem } = releases.state();
      if (problem === null) this.#told = '';
      else if (!this.#isServing) this.#tell(new MicError('FAILED_PRECONDITION', problem));
      return pointer;
    } catch (thrown) {
      const error = toMicError(thrown);
      if (error.code === 'INVALID_ARGUMENT') throw error;
      this.#pointerProblem = error.message;
      this.#tell(error);
      return null;
    }
  }

  get #isServing(): boolean {
    return this.#options.releases.state().current !== null;
  }

  /** Others may not have moved yet to what was published a moment ago. */
  async #openPredecessor({ releaseId, movedAtMs }: ReleasePointer): Promise<void> {
    const { releases, records, isPinnedByCallers } = this.#options;
    if (!isPinnedByCallers || Date.now() - movedAtMs > RECENT_MS) return;
    const sealed = await (await records()).releases().catch(() => []);
    const before = sealed.filter((release) => release.releaseId !== releaseId).at(-1);
    if (before) await releases.openToo({ ...before, movedAtMs });
  }

  #tell({ code, message, remedy }: MicError): void {
    if (message === this.#told) return;
    this.#told = message;
    const state = this.#isServing ? 'the published release is not known' : 'not ready';
    this.#options.logger.warn({ code, error: message, remedy }, state);
  }
}

export const nothingPublished = (): MicError =>
  new MicError('FAILED_PRECONDITION', 'no release is published in the store', {
    subject: 'store',
    remedy: 'build one with `mic build` and publish it with `mic publish`, or run `mic demo`',
  });
