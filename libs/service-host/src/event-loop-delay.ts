import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Logger } from '@mic/rpc';

const WINDOW_MS = 1_000;
const RESOLUTION_MS = 5;
/** Delays below it are the noise of a machine that has something to do. */
const WORTH_A_LINE_MS = 10;
const NANOSECONDS = 1e6;

/**
 * Records how long the event loop kept timers and sockets waiting: a line of the log for every second with a delay worth
 * it, so that an answer that came late can be explained, and one line for the whole run at the end.
 * @returns a function that ends the record.
 */
export function recordEventLoopDelay(logger: Logger): () => void {
  const window = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const run = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  window.enable();
  run.enable();
  const timer = setInterval(() => {
    const maxMs = delayMs(window.max);
    if (maxMs >= WORTH_A_LINE_MS)
      logger.info({ maxMs, p99Ms: delayMs(window.percentile(99)) }, 'event loop was delayed');
    window.reset();
  }, WINDOW_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    window.disable();
    run.disable();
    const [maxMs, p99Ms] = [delayMs(run.max), delayMs(run.percentile(99))];
    logger.info({ maxMs, p99Ms }, 'event loop delay of the whole run');
  };
}

/** The histogram has the time between two ticks; what exceeds the tick is the delay. */
function delayMs(nanoseconds: number): number {
  return Math.max(0, Math.round(nanoseconds / NANOSECONDS - RESOLUTION_MS));
}
