import { MicError } from '@mic/domain';
import { MAX_ID_BYTES, MAX_TIME_MS } from './limits';

/** Longest piece of a value that a message quotes, in characters. */
const LONGEST_QUOTE = 40;

/** A value that its field does not take. */
export function invalid(field: string, message: string, remedy: string): MicError {
  return new MicError('INVALID_ARGUMENT', `${field} ${message}`, { subject: field, remedy });
}

/** A text in quotation marks, cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}...` : text);
}

/**
 * An id or name of 1 to 256 bytes of UTF-8. U+FFFD is what the decoder makes of bytes that are not UTF-8: an id with
 * it would silently be another id.
 * @throws MicError INVALID_ARGUMENT
 */
export function checkText(field: string, text: string): string {
  if (text === '') throw invalid(field, 'is empty', `give 1 to ${MAX_ID_BYTES} bytes of UTF-8`);
  // A UTF-16 unit is 1 to 3 bytes, so most texts need no counting.
  if (text.length * 3 > MAX_ID_BYTES) {
    const bytes = Buffer.byteLength(text, 'utf8');
    if (bytes > MAX_ID_BYTES) {
      const message = `${quote(text)} has ${bytes} bytes, 1 to ${MAX_ID_BYTES} are allowed`;
      throw invalid(field, message, 'shorten it, or send a hash of it everywhere');
    }
  }
  if (text.includes('\ufffd')) {
    throw invalid(field, `${quote(text)} is not valid UTF-8`, 'encode it as UTF-8, without U+FFFD');
  }
  return text;
}

/**
 * An id under which something is to be stored: a text that is not blank, for a dataset takes a blank one for a missing one.
 * @throws MicError INVALID_ARGUMENT
 */
export function checkId(field: string, id: string): string {
  checkText(field, id);
  if (id.trim() === '') throw invalid(field, `${quote(id)} is blank`, 'give an id of more than blanks');
  return id;
}

/** A list of at least `min` and at most `max` entries. @throws MicError INVALID_ARGUMENT */
export function checkCount(field: string, count: number, min: number, max: number): void {
  if (count >= min && count <= max) return;
  const range = `${min} to ${max.toLocaleString('en')} are allowed`;
  throw invalid(field, `has ${count.toLocaleString('en')} entries, ${range}`, `send ${min} to ${max} of them a call`);
}

/** A whole number of a range. @throws MicError INVALID_ARGUMENT */
export function checkNumber(field: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw invalid(field, `is ${value}, ${min} to ${max} is allowed`, `give a number of ${min} to ${max}`);
}

/** Milliseconds since the epoch, up to the year 9999. @throws MicError INVALID_ARGUMENT */
export function checkTimeMs(field: string, timeMs: number): number {
  if (timeMs >= 1 && timeMs <= MAX_TIME_MS) return timeMs;
  throw invalid(
    field,
    `is ${timeMs}, 1 to ${MAX_TIME_MS} is allowed`,
    'give milliseconds since 1970 in UTC, not seconds or microseconds',
  );
}

/** A weight above 0; 0 is what an absent field decodes to, and means 1. @throws MicError INVALID_ARGUMENT */
export function checkWeight(field: string, weight: number): number {
  if (weight === 0) return 1;
  if (weight > 0 && weight < Infinity) return weight;
  throw invalid(field, `is ${weight}, a finite number above 0 is allowed`, 'leave it out for a weight of 1');
}

/** A number that is neither infinite nor NaN. @throws MicError INVALID_ARGUMENT */
export function checkFinite(field: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw invalid(field, `is ${value}, a finite number is allowed`, 'leave the field out where its value is not known');
}

/** Ids that are good, and each there once. @throws MicError INVALID_ARGUMENT that names the second place of one. */
export function checkIdsOnce(ids: readonly string[], fieldOf: (index: number) => string): void {
  const seen = new Map<string, number>();
  ids.forEach((id, index) => {
    checkText(fieldOf(index), id);
    const before = seen.get(id);
    if (before !== undefined) {
      throw invalid(fieldOf(index), `${quote(id)} is ${fieldOf(before)} already`, 'send each item once a call');
    }
    seen.set(id, index);
  });
}

/** Runs a check of one entry and puts `prefix` before the field that it names. */
export function within<T>(prefix: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof MicError) || error.subject === undefined) throw error;
    throw new MicError(error.code, `${prefix}.${error.message}`, {
      subject: `${prefix}.${error.subject}`,
      remedy: error.remedy,
    });
  }
}
