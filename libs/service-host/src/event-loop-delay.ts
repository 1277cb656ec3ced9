import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Logger } from '@mic/rpc';

const WINDOW_MS = 1_000;
/** Delays below it are the noise of a machine that has something to do. */
const WORTH_A_LINE_MS = 10;
/** Such delays are listed in that line. */
const WORTH_LISTING_MS = 5;

/**
 * Of the one timer that looks at the loop, milliseconds, and what of a peak is left with each of its ticks. Every wake-up costs,
 * so Node's own monitors are not run beside it.
 */
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
 * it, so that an answer that came late can be explained, and one line for the whole run at the end. The former lists the delays
 * of its second, since an answer may have met several of them, or none: `delays`, pairs of when one ended, milliseconds since the
 * epoch, and how long it took at least, milliseconds. It may have begun up to a tick earlier, right after the last look.
 */
export function recordEventLoopDelay(logger: Logger): EventLoopDelay {
  const window = createHistogram();
  const run = createHistogram();
  let listed: (readonly [endedAtMs: number, ms: number])[] = [];
  const endWindow = (): void => {
    const { maxMs, p99Ms } = summaryOf(window);
    if (maxMs >= WORTH_A_LINE_MS) logger.info({ maxMs, p99Ms, delays: listed }, 'event loop was delayed');
    listed = [];
    run.add(window);
    window.reset();
  };
  const timer = setInterval(endWindow, WINDOW_MS);
  timer.unref();
  let recent = 0;
  let turn = 0;
  let expectedAt = performance.now() + TICK_MS;
  const tick = setInterval(() => {
    const now = performance.now();
    const lateMs = Math.max(0, now - expectedAt);
    expectedAt = now + TICK_MS;
    if (lateMs >= WORTH_LISTING_MS) listed.push([Math.round(performance.timeOrigin + now), Math.round(lateMs)]);
    window.record(1 + Math.round(lateMs * MICROSECONDS));
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
      run.add(window);
      logger.info(summaryOf(run), 'event loop delay of the whole run');
    },
  };
}

const MICROSECONDS = 1e3;

/** Of microseconds, which begin with 1 because a histogram has no 0; in milliseconds. */
function summaryOf(histogram: RecordableHistogram): { readonly maxMs: number; readonly p99Ms: number } {
  if (histogram.count === 0) return { maxMs: 0, p99Ms: 0 };
  const milliseconds = (value: number): number => Math.round((value - 1) / MICROSECONDS);
  return { maxMs: milliseconds(histogram.max), p99Ms: milliseconds(histogram.percentile(99)) };
}
