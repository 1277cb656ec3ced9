import { MicError } from '@mic/domain';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** A record that is longer than this is not one: a quote that never closes, or a file without lines. */
const LONGEST_RECORD_BYTES = 8 << 20;

const NEEDS_MORE = -1;
const BROKEN_QUOTES = -2;

/** How a text file is cut into records; null: lines are not split, or quotes mean nothing. */
export interface RecordSyntax {
  readonly delimiter: string | null;
  readonly quote: string | null;
  readonly encoding: 'utf-8' | 'latin-1';
}

/**
 * Cuts delimited text (RFC 4180) into records and knows the physical line on which each one starts. Blank lines are
 * passed over. Where a quote is broken (text behind the closing one, or none), only the line on which the record starts
 * is lost: the scan goes on with the next line. A general CSV parser gives up the rest of the file there.
 */
export class RecordScanner {
  /** Fields of the record. */
  fieldCount = 0;
  /** Physical line on which the record starts, from 1. */
  line = 0;
  /** True: the line cannot be split, its quotes are broken. */
  broken = false;

  readonly #delimiter: Buffer | null;
  readonly #quote: number;
  readonly #latin1: boolean;
  readonly #quoteText: string;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #hasDoubledQuotes: boolean[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #nextLine = 1;
  #newlines = 0;

  constructor(syntax: RecordSyntax) {
    this.#delimiter = syntax.delimiter === null ? null : Buffer.from(syntax.delimiter, 'latin1');
    this.#quoteText = syntax.quote ?? '';
    this.#quote = syntax.quote ? syntax.quote.charCodeAt(0) : -1;
    this.#latin1 = syntax.encoding === 'latin-1';
  }

  /**
   * Calls `onRecord` for each whole record of the buffer; the record is in the scanner's fields for the time of the call.
   * @param atEnd nothing follows the buffer
   * @returns bytes used: give the rest again, with what follows it
   */
  scan(buffer: Buffer, atEnd: boolean, onRecord: () => void): number {
    this.#buffer = buffer;
    let at = 0;
    while (at < buffer.length) {
      if (buffer[at] === LINE_FEED || (buffer[at] === CARRIAGE_RETURN && buffer[at + 1] === LINE_FEED)) {
        at += buffer[at] === LINE_FEED ? 1 : 2;
        this.#nextLine++;
        continue;
      }
      let next = this.#splitRecord(at, atEnd);
      this.broken = next === BROKEN_QUOTES;
      if (this.broken) {
        const lineEnd = buffer.indexOf(LINE_FEED, at);
        if (lineEnd === -1) next = atEnd ? buffer.length : NEEDS_MORE;
        else next = lineEnd + 1;
        this.#newlines = 0;
      }
      if (next === NEEDS_MORE) {
        if (buffer.length - at > LONGEST_RECORD_BYTES) throw this.#tooLong();
        return at;
      }
      this.line = this.#nextLine;
      this.#nextLine += this.#newlines + 1;
      onRecord();
      at = next;
    }
    return at;
  }

  /** Bytes of a field, without its quotes. */
  bytes(field: number): Buffer {
    return this.#buffer.subarray(this.#starts[field], this.#ends[field]);
  }

  text(field: number): string {
    const start = this.#starts[field]!;
    const end = this.#ends[field]!;
    const text = this.#buffer.toString(this.#latin1 ? 'latin1' : 'utf8', start, end);
    return this.#hasDoubledQuotes[field] ? text.replaceAll(this.#quoteText + this.#quoteText, this.#quoteText) : text;
  }

  /** Splits the record that starts at `at`. @returns where the next one starts, or NEEDS_MORE, or BROKEN_QUOTES. */
  #splitRecord(at: number, atEnd: boolean): number {
    const buffer = this.#buffer;
    const length = buffer.length;
    this.fieldCount = 0;
    this.#newlines = 0;
    let from = at;
    for (;;) {
      if (buffer[from] === this.#quote) {
        const close = this.#closingQuote(from, atEnd, at);
        if (close < 0) return close;
        const after = close + 1;
        if (after === length) return atEnd ? length : NEEDS_MORE;
        if (buffer[after] === LINE_FEED) return after + 1;
        if (buffer[after] === CARRIAGE_RETURN) {
          if (after + 1 === length) return atEnd ? length : NEEDS_MORE;
          if (buffer[after + 1] === LINE_FEED) return after + 2;
        }
        if (!this.#isDelimiter(after)) {
          return !atEnd && after + (this.#delimiter?.length ?? 0) > length ? NEEDS_MORE : BROKEN_QUOTES;
        }
        from = after + this.#delimiter!.length;
      } else {
        const first = this.#delimiter === null ? -1 : this.#delimiter[0]!;
        let end = from;
        while (end < length && buffer[end] !== LINE_FEED && (buffer[end] !== first || !this.#isDelimiter(end))) end++;
        if (end === length && !atEnd) return NEEDS_MORE;
        if (end === length || buffer[end] === LINE_FEED) {
          this.#addField(from, end > from && buffer[end - 1] === CARRIAGE_RETURN ? end - 1 : end, false);
          return Math.min(end + 1, length);
        }
        this.#addField(from, end, false);
        from = end + this.#delimiter!.length;
      }
    }
  }

  /** Adds the quoted field that opens at `open`. @returns the place of its closing quote, or a negative code. */
  #closingQuote(open: number, atEnd: boolean, recordStart: number): number {
    const buffer = this.#buffer;
    let doubled = false;
    let close = open + 1;
    for (;;) {
      close = buffer.indexOf(this.#quote, close);
      if (close === -1) {
        return atEnd || buffer.length - recordStart > LONGEST_RECORD_BYTES ? BROKEN_QUOTES : NEEDS_MORE;
      }
      if (close + 1 === buffer.length && !atEnd) return NEEDS_MORE;
      if (buffer[close + 1] !== this.#quote) break;
      doubled = true;
      close += 2;
    }
    for (let at = open + 1; at < close; at++) if (buffer[at] === LINE_FEED) this.#newlines++;
    this.#addField(open + 1, close, doubled);
    return close;
  }

  #isDelimiter(at: number): boolean {
    const delimiter = this.#delimiter;
    if (delimiter === null) return false;
    for (let i = 0; i < delimiter.length; i++) if (this.#buffer[at + i] !== delimiter[i]) return false;
    return true;
  }

  #addField(start: number, end: number, hasDoubledQuotes: boolean): void {
    this.#starts[this.fieldCount] = start;
    this.#ends[this.fieldCount] = end;
    this.#hasDoubledQuotes[this.fieldCount] = hasDoubledQuotes;
    this.fieldCount++;
  }

  #tooLong(): MicError {
    return new MicError('INVALID_ARGUMENT', `line ${this.#nextLine} is longer than ${LONGEST_RECORD_BYTES >> 20} MiB`, {
      remedy: 'check that the file is text with one row a line',
    });
  }
}
