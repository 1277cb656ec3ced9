import { HASH_WORDS, MicError } from '@mic/domain';
import type { PackedHistory } from '@mic/recall';

/** First byte of every packed value. */
const VERSION = 1;

/** Bytes of a history entry: uint64 item hash, float64 time in ms, float32 weight; all little-endian. */
const ENTRY_BYTES = 20;
const HISTORY_HEADER = 1;

/** A history: version byte, then entries, newest first. */
export function encodeHistory({ itemHashes, timesMs, weights }: PackedHistory): Buffer {
  const buffer = Buffer.allocUnsafe(HISTORY_HEADER + timesMs.length * ENTRY_BYTES);
  buffer.writeUInt8(VERSION, 0);
  for (let i = 0; i < timesMs.length; i++) {
    const at = HISTORY_HEADER + i * ENTRY_BYTES;
    buffer.writeUInt32LE(itemHashes[i * HASH_WORDS]!, at);
    buffer.writeUInt32LE(itemHashes[i * HASH_WORDS + 1]!, at + 4);
    buffer.writeDoubleLE(timesMs[i]!, at + 8);
    buffer.writeFloatLE(weights[i]!, at + 16);
  }
  return buffer;
}

/** The newest `limit` events of a packed history; copies, so that nothing points into the store's memory. */
export function decodeHistory(buffer: Buffer | undefined, limit = Infinity): PackedHistory {
  const stored = buffer ? (buffer.length - HISTORY_HEADER) / ENTRY_BYTES : 0;
  if (buffer) checkVersion(buffer, Number.isInteger(stored));
  const count = Math.min(stored, limit);
  const history = {
    itemHashes: new Uint32Array(count * HASH_WORDS),
    timesMs: new Float64Array(count),
    weights: new Float32Array(count),
  };
  for (let i = 0; i < count; i++) {
    const at = HISTORY_HEADER + i * ENTRY_BYTES;
    history.itemHashes[i * HASH_WORDS] = buffer!.readUInt32LE(at);
    history.itemHashes[i * HASH_WORDS + 1] = buffer!.readUInt32LE(at + 4);
    history.timesMs[i] = buffer!.readDoubleLE(at + 8);
    history.weights[i] = buffer!.readFloatLE(at + 16);
  }
  return history;
}

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

/** A copy of the bytes that starts at a word boundary. */
const wordsOf = (buffer: Buffer): ArrayBuffer =>
  buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length) as ArrayBuffer;

function checkVersion(buffer: Buffer, wellFormed: boolean): void {
  if (wellFormed && buffer[0] === VERSION) return;
  throw new MicError('DATA_LOSS', `a record of the store is damaged or of another version (${buffer[0]})`, {
    remedy: 'publish the release again, or restore the store from a backup',
  });
}
