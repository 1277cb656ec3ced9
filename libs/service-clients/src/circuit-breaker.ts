import { MicError, type ErrorCode } from '@mic/domain';
import { isFromService } from '@mic/rpc';
import { isBrokenByInternal, isRead, type Rpc } from './rpcs';

/** Faults in a row that open a breaker. */
const MOST_FAULTS = 20;
/** While it is open one call is let through this often, milliseconds. */
const TRY_EVERY_MS = 100;

/** A breaker has opened, or closed again. */
export interface BreakerEvent {
  /** As in deployments, e.g. `ann-service`. */
  readonly service: string;
  /** e.g. `search`. */
  readonly rpc: string;
  readonly isOpen: boolean;
  /** In a row: those that opened it, or all until it closed. */
  readonly faults: number;
  /** The last of them. */
  readonly lastFault: MicError;
}

export interface CircuitBreakerOptions {
  readonly service: string;
  readonly rpc: Rpc;
  readonly onBreaker?: (event: BreakerEvent) => void;
  /** Milliseconds; performance.now by default. */
  readonly clock?: () => number;
}

/**
 * Spares callers the wait for a service that fails one RPC again and again, and the service the calls (Nygard, Release It!,
 * "circuit breaker"): after 20 faults in a row it is open, and of the calls that come one every 100 ms is made, whatever became
 * of the one before; the others are refused at once. The first answer closes it.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #clock: () => number;
  #faults = 0;
  #lastFault: MicError | null = null;
  #lastTryAt = -Infinity;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
  }

  get isOpen(): boolean {
    return this.#faults >= MOST_FAULTS;
  }

  /**
   * Before a call.
   * @throws MicError when it must not be made: RESOURCE_EXHAUSTED; UNAVAILABLE for a write, which its caller then repeats later.
   */
  enter(): void {
    if (!this.isOpen) return;
    const now = this.#clock();
    if (now - this.#lastTryAt >= TRY_EVERY_MS) {
      this.#lastTryAt = now;
      return;
    }
    const { service, rpc } = this.#options;
    const { code, message } = this.#lastFault!;
    throw new MicError(
      isRead(rpc) ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE',
      `the ${service} failed ${this.#faults} calls of ${rpc} in a row, the last with ${code}: ${message}; this one was not made, to protect it`,
      {
        remedy: `see to the ${service}; it is tried every ${TRY_EVERY_MS} ms, and all calls are made again when it answers`,
      },
    );
  }

  /** After a call that was answered. */
  answered(): void {
    const [wasOpen, faults, lastFault] = [this.isOpen, this.#faults, this.#lastFault];
    this.#faults = 0;
    this.#lastFault = null;
    if (wasOpen) this.#tell(false, faults, lastFault!);
  }

  /** After a call that failed. What the caller ended himself says nothing of the service. */
  failed(error: MicError): void {
    if (error.code === 'CANCELLED') return;
    if (!this.#isFault(error)) {
      this.answered();
      return;
    }
    this.#faults++;
    this.#lastFault = error;
    if (this.#faults !== MOST_FAULTS) return;
    this.#lastTryAt = this.#clock();
    this.#tell(true, this.#faults, error);
  }

  /** True when a call failed because the service does. A refusal, or its own word that it is late, shows that it lives. */
  #isFault(error: MicError): boolean {
    if (error.code === 'DEADLINE_EXCEEDED') return !isFromService(error);
    return FAULTS.has(error.code) && (error.code !== 'INTERNAL' || isBrokenByInternal(this.#options.rpc));
  }

  #tell(isOpen: boolean, faults: number, lastFault: MicError): void {
    const { service, rpc, onBreaker } = this.#options;
    onBreaker?.({ service, rpc, isOpen, faults, lastFault });
  }
}

/** Gone, broken, damaged. (gRPC's UNKNOWN is INTERNAL here.) */
const FAULTS: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'INTERNAL', 'DATA_LOSS']);
