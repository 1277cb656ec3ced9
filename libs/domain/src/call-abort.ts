import { setMaxListeners } from 'node:events';

/** As AbortSignal; of a class of its own, see CallAbort. */
class CallSignal extends EventTarget implements AbortSignal {
  aborted = false;
  reason: unknown = undefined;
  onabort: AbortSignal['onabort'] = null;

  constructor() {
    super();
    // A batch has a listener for each part of each of its users.
    setMaxListeners(0, this);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }
}

/**
 * What AbortController is, for what is made once a call or oftener: Node 20 makes each AbortSignal a hidden class of its own,
 * 300 bytes that only a full collection gets back, and code that meets many of them is slow (ADR 027). Its signals do
 * wherever one is asked or listened to by `addEventListener`; `onabort` is not told, and `AbortSignal.any` wants Node's own.
 */
export class CallAbort {
  readonly #signal = new CallSignal();

  get signal(): AbortSignal {
    return this.#signal;
  }

  /** Fires the signal, the first time that it is called. */
  abort(reason: unknown): void {
    const signal = this.#signal;
    if (signal.aborted) return;
    signal.aborted = true;
    signal.reason = reason;
    signal.dispatchEvent(new Event('abort'));
  }
}
