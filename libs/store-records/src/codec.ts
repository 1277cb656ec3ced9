import { HASH_WORDS } from '@mic/domain';
import type { PackedHistory } from '@mic/recall';
import { damaged } from './record-errors';

/** First byte of every packed value. */
const VERSION = 1;

/** Bytes of a history entry: uint64 item hash, float64 time in ms, float32 weight; all little-endian. */
const ENTRY_BYTES = 20;
const HISTORY_HEADER = 1;

/** A history, or its events [from, to): version byte, then entries, newest first. */
export function encodeHistory(
  { itemHashes, timesMs, weights }: PackedHistory,
  from = 0,
  to: number = timesMs.length,
): Buffer {
  const buffer = Buffer.allocUnsafe(HISTORY_HEADER + (to - from) * ENTRY_BYTES);
  const view = viewOf(buffer);
  view.setUint8(0, VERSION);
  for (let i = from; i < to; i++) {
    const at = HISTORY_HEADER + (i - from) * ENTRY_BYTES;
    view.setUint32(at, itemHashes[i * HASH_WORDS]!, true);
    view.setUint32(at + 4, itemHashes[i * HASH_WORDS + 1]!, true);
    view.setFloat64(at + 8, timesMs[i]!, true);
    view.setFloat32(at + 16, weights[i]!, true);
  }
  return buffer;
}

/**
 * The newest `limit` events of a packed history; copies, so that nothing points into the store's memory.
 * @param oldestMs events before that moment are left out.
 */
export function decodeHistory(buffer: Buffer | undefined, limit = Infinity, oldestMs = -Infinity): PackedHistory {
  const count = Math.min(buffer ? countSince(buffer, oldestMs) : 0, limit);
  const history = {
    itemHashes: new Uint32Array(count * HASH_WORDS),
    timesMs: new Float64Array(count),
    weights: new Float32Array(count),
  };
  if (!buffer) return history;
  const view = viewOf(buffer);
  for (let i = 0; i < count; i++) {
    const at = HISTORY_HEADER + i * ENTRY_BYTES;
    history.itemHashes[i * HASH_WORDS] = view.getUint32(at, true);
    history.itemHashes[i * HASH_WORDS + 1] = view.getUint32(at + 4, true);
    history.timesMs[i] = view.getFloat64(at + 8, true);
    history.weights[i] = view.getFloat32(at + 16, true);
  }
  return history;
}

/** How many events a packed history has, and when the newest of them happened (-Infinity where there is none). */
export function historyExtent(buffer: Buffer): { readonly count: number; readonly newestMs: number } {
  const count = entriesOf(buffer);
  return { count, newestMs: count > 0 ? timeOf(viewOf(buffer), 0) : -Infinity };
}

/** How many events of a packed history happened at `oldestMs` or later: the first ones. */
export function countSince(buffer: Buffer, oldestMs: number): number {
  const count = entriesOf(buffer);
  const view = viewOf(buffer);
  if (count === 0 || timeOf(view, count - 1) >= oldestMs) return count;
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeOf(view, middle) >= oldestMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function entriesOf(buffer: Buffer): number {
  const entries = (buffer.length - HISTORY_HEADER) / ENTRY_BYTES;
  checkVersion(buffer, Number.isInteger(entries));
  return entries;
}

const timeOf = (view: DataView, entry: number): number =>
  view.getFloat64(HISTORY_HEADER + entry * ENTRY_BYTES + 8, true);

/** A user of a release without its id. */
export interface PackedUser {
  readonly row: number;
  readonly embedding: Float32Array;
  readonly profile: Int32Array;
  readonly similarRows: Uint32Array;
  readonly similarities: Float32Array;
}

const USER_HEADER = 20;

/** A user: version, row and three lengths (uint32 each), then embedding, profile, similar rows, similarities. */
export function encodeUser({ row, embedding, profile, similarRows, similarities }: PackedUser): Buffer {
  const header = Uint32Array.of(VERSION, row, embedding.length, profile.length, similarRows.length);
  return Buffer.concat([header, embedding, profile, similarRows, similarities].map(bytesOf));
}

export function decodeUser(buffer: Buffer): PackedUser {
  checkVersion(buffer, buffer.length >= USER_HEADER);
  const words = wordsOf(buffer);
  const [, row, embedding, profile, similar] = new Uint32Array(words, 0, 5) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  checkVersion(buffer, words.byteLength === USER_HEADER + 4 * (embedding + profile + 2 * similar));
  let at = USER_HEADER;
  const next = (length: number): number => (at += length * 4) - length * 4;
  return {
    row,
    embedding: new Float32Array(words, next(embedding), embedding),
    profile: new Int32Array(words, next(profile), profile),
    similarRows: new Uint32Array(words, next(similar), similar),
    similarities: new Float32Array(words, next(similar), similar),
  };
}

/** A neighbour list, best first. */
export interface PackedList {
  readonly rows: Uint32Array;
  readonly scores: Float32Array;
}

/** A list: version and length (uint32 each), then rows (uint32), then scores (float32). */
export function encodeList({ rows, scores }: PackedList): Buffer {
  return Buffer.concat([Uint32Array.of(VERSION, rows.length), rows, scores].map(bytesOf));
}

export function decodeList(buffer: Buffer): PackedList {
  checkVersion(buffer, buffer.length >= 8);
  const words = wordsOf(buffer);
  const length = new Uint32Array(words, 4, 1)[0]!;
  checkVersion(buffer, words.byteLength === 8 + 8 * length);
  return { rows: new Uint32Array(words, 8, length), scores: new Float32Array(words, 8 + 4 * length, length) };
}

const bytesOf = (array: Uint32Array | Int32Array | Float32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const viewOf = (buffer: Buffer): DataView => new DataView(buffer.buffer, buffer.byteOffset, buffer.length);

/** A copy of the bytes that starts at a word boundary. */
const wordsOf = (buffer: Buffer): ArrayBuffer =>
  buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length) as ArrayBuffer;

function checkVersion(buffer: Buffer, wellFormed: boolean): void {
  if (wellFormed && buffer[0] === VERSION) return;
  throw damaged(`a record of the store is damaged or of another version (${buffer[0]})`);
}
