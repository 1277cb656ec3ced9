import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Logger } from '@mic/rpc';

const WINDOW_MS = 1_000;
const RESOLUTION_MS = 5;
/** Delays below it are the noise of a machine that has something to do. */
const WORTH_A_LINE_MS = 10;
const NANOSECONDS = 1e6;

/** Of the timer that looks at the loop as it is just now, milliseconds; and what of a peak is left with each of its ticks. */
const TICK_MS = 10;
const KEPT_EACH_TICK = 0.8;
/** Ticks that the mean of the turns follows. */
const TURNS_KNOWN = 4;

export interface EventLoopDelay {
  /** How long the event loop kept things waiting just now: the last peaks, fading within a tenth of a second. */
  recentMs(): number;
  /** How long the loop takes to go round just now: a mean that follows the last ticks. A single long turn hardly moves it. */
  turnMs(): number;
  /** Ends the record. */
  stop(): void;
}

/**
 * Records how long the event loop kept timers and sockets waiting: a line of the log for every second with a delay worth
 * it, so that an answer that came late can be explained, and one line for the whole run at the end.
 */
export function recordEventLoopDelay(logger: Logger): EventLoopDelay {
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
  let recent = 0;
  let turn = 0;
  let expectedAt = performance.now() + TICK_MS;
  const tick = setInterval(() => {
    const now = performance.now();
    const lateMs = Math.max(0, now - expectedAt);
    expectedAt = now + TICK_MS;
    // It runs when all that was ready has been carried on: that is a turn, however soon the timer was.
    setImmediate(() => {
      const turnMs = Math.max(performance.now() - now, lateMs);
      recent = Math.max(turnMs, recent * KEPT_EACH_TICK);
      turn += (turnMs - turn) / TURNS_KNOWN;
    });
  }, TICK_MS);
  tick.unref();
  return {
    recentMs: () => recent,
    turnMs: () => turn,
    stop: () => {
      clearInterval(timer);
      clearInterval(tick);
      window.disable();
      run.disable();
      const [maxMs, p99Ms] = [delayMs(run.max), delayMs(run.percentile(99))];
      logger.info({ maxMs, p99Ms }, 'event loop delay of the whole run');
    },
  };
}

/** The histogram has the time between two ticks; what exceeds the tick is the delay. */
function delayMs(nanoseconds: number): number {
  return Math.max(0, Math.round(nanoseconds / NANOSECONDS - RESOLUTION_MS));
}
