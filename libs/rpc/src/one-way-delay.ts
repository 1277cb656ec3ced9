import { randomBytes } from 'node:crypto';

/** A window of the least delays, milliseconds: what counts is the least of this one and the one before. */
const WINDOW_MS = 10_000;
/** A sender of whom so long no request came in time has a clock that jumped (its machine was suspended), milliseconds. */
const JUMPED_AFTER_MS = 1_000;
/** Senders known at a time; of more, those not heard of since the last window are forgotten first. */
const MOST_SENDERS = 10_000;

/** This process, to those whose services it calls. */
const SENDER = randomBytes(6).toString('hex');
const SENT_AT = /^([0-9a-f]{12}) (\d{1,15}(?:\.\d{1,3})?)$/;

/** Milliseconds since the epoch, by a clock that no one sets while the process lives. */
const steadyNow = (): number => performance.timeOrigin + performance.now();

/** What a caller says of the moment at which it calls: see OneWayDelays. */
export const sentAtNow = (now = steadyNow()): string => `${SENDER} ${now.toFixed(3)}`;

interface Sender {
  /** Least delay, the clocks' difference included, milliseconds. */
  leastMs: number;
  inTimeAt: number;
}

/**
 * How long requests waited before they were read. A gRPC deadline travels as the time that was left when the request was sent;
 * what the request then waits, in a socket while the event loop is held up or in a process without a core, no service sees.
 *
 * Found as LEDBAT finds the delay of queues (RFC 6817, section 3.1.1): the two clocks may differ, but by about the same for
 * minutes, so what a delay exceeds the least of the last ten to twenty seconds by is waiting.
 */
export class OneWayDelays {
  #recent = new Map<string, Sender>();
  #before = new Map<string, Sender>();
  #windowEndsAt = -Infinity;

  /**
   * @param sentAt as `sentAtNow` writes it; anything else counts as unknown.
   * @param inTimeMs a request that waited for longer came too late, whatever becomes of it; negative: it is too late already.
   * @returns how long the request has waited, milliseconds; 0 where that cannot be known.
   */
  waitedMs(sentAt: unknown, inTimeMs: number, now = steadyNow()): number {
    const match = typeof sentAt === 'string' ? SENT_AT.exec(sentAt) : null;
    if (match === null) return 0;
    this.#turnWindow(now);
    const name = match[1]!;
    const delayMs = now - Number(match[2]);
    const sender = this.#recent.get(name);
    const before = this.#before.get(name);
    const leastMs = Math.min(sender?.leastMs ?? Infinity, before?.leastMs ?? Infinity, delayMs);
    const isInTime = delayMs - leastMs <= inTimeMs;
    const inTimeAt = isInTime ? now : ((sender ?? before)?.inTimeAt ?? now);
    if (now - inTimeAt > JUMPED_AFTER_MS) {
      this.#before.delete(name);
      this.#recent.set(name, { leastMs: delayMs, inTimeAt: now });
      return 0;
    }
    this.#recent.set(name, { leastMs: Math.min(sender?.leastMs ?? Infinity, delayMs), inTimeAt });
    return delayMs - leastMs;
  }

  #turnWindow(now: number): void {
    if (now < this.#windowEndsAt && this.#recent.size < MOST_SENDERS) return;
    this.#before = this.#recent;
    this.#recent = new Map();
    this.#windowEndsAt = now + WINDOW_MS;
  }
}
