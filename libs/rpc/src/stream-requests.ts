import type { MethodDefinition } from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { checkParsed } from './server-method';
import type { CallContext } from './service-handlers';

/** What ends a stream before its last message. */
export interface StreamLimits {
  /** Fires when the server begins to drain. */
  readonly draining: AbortSignal;
  /** A stream that is older is ended, milliseconds. */
  readonly maxAgeMs: number;
}

/** What is used of a stream of grpc-js that gives requests. */
interface ReadableCall {
  read(): unknown;
  on(event: 'readable' | 'end' | 'close', listener: () => void): this;
}

/** When the requests of one stream end before the last. */
export interface StreamEnding {
  /** Fires with what the requests then throw: MicError UNAVAILABLE when the server drains or the stream is too old. */
  readonly signal: AbortSignal;
  /** Stops the clock. */
  release(): void;
}

/** Watches one stream from now on. */
export function streamEnding(context: CallContext, { draining, maxAgeMs }: StreamLimits): StreamEnding {
  const ending = new AbortController();
  const end = (why: string): void => {
    ending.abort(new MicError('UNAVAILABLE', why, { remedy: 'open another stream' }));
  };
  const onDrain = (): void => {
    end('the service is stopping');
  };
  const onCallEnd = (): void => {
    ending.abort(context.signal.reason);
  };
  const timer = setTimeout(() => {
    end(`the stream is older than ${maxAgeMs} ms`);
  }, maxAgeMs);
  draining.addEventListener('abort', onDrain, { once: true });
  context.signal.addEventListener('abort', onCallEnd, { once: true });
  if (draining.aborted) onDrain();
  return {
    signal: ending.signal,
    release: () => {
      clearTimeout(timer);
      draining.removeEventListener('abort', onDrain);
    },
  };
}

/** The messages of a stream, taken from the wire as they are asked for. Throws the signal's reason when it fires. */
export async function* requestsOf(
  call: ReadableCall,
  method: MethodDefinition<unknown, unknown>,
  ending: AbortSignal,
): AsyncGenerator<unknown> {
  let wake = (): void => undefined;
  let isOver = false;
  const look = (): void => {
    wake();
  };
  const over = (): void => {
    isOver = true;
    wake();
  };
  call.on('readable', look).on('end', over).on('close', over);
  ending.addEventListener('abort', look, { once: true });
  for (let index = 0; ;) {
    if (ending.aborted) throw ending.reason as Error;
    const message = call.read();
    if (message !== null) yield checkParsed(message, `messages[${index++}]`, method);
    else if (isOver) return;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}
