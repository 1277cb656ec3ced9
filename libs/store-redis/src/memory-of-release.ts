import type { ReleaseShape } from '@mic/recall';

/**
 * What a release takes in Redis 7.0 on a 64-bit machine with jemalloc, computed from the sizes of its records (ours; the parts
 * are those of Redis's sources: dict.h, object.c, sds.h). A key is an entry of the main table, the key's text, and the
 * value: an object with its text beside it up to 44 bytes, else apart. jemalloc rounds each up to its size class.
 */
export function bytesOfRelease(shape: ReleaseShape, names: RecordNames, inCluster: boolean): number {
  const { users, userIdBytes, items, idDimension, profileWidth, similarUsers, similarItems } = shape;
  const perUser = users === 0 ? 0 : 1 / users;
  const userValue = USER_HEADER + 4 * (idDimension + profileWidth) + 8 * similarUsers * perUser;
  const userIdLength = userIdBytes * perUser;
  const itemValue = LIST_HEADER + (items === 0 ? 0 : (8 * similarItems) / items);
  const entry = inCluster ? CLUSTER_ENTRY : ENTRY;
  const record = (name: number, value: number): number => entry + textBytes(name) + valueBytes(value);
  const rowDigits = (rows: number): number => Math.max(1, String(Math.max(0, rows - 1)).length);
  const keys = 2 * users + items;
  return Math.round(
    users * record(names.user + userIdLength, userValue) +
      users * record(names.userName + rowDigits(users), userIdLength) +
      items * record(names.similarItems + rowDigits(items), itemValue) +
      // Slots of the main table: between one and two for each key, doubled where the table doubles.
      keys * SLOTS_PER_KEY * POINTER,
  );
}

/** Lengths of the names of records, without user id and row. */
export interface RecordNames {
  readonly user: number;
  readonly userName: number;
  readonly similarItems: number;
}

const POINTER = 8;
const SLOTS_PER_KEY = 1.5;
/** dictEntry: key, value, next; a cluster's has two more, the links of its slot. */
const ENTRY = 24;
const CLUSTER_ENTRY = 40;
/** redisObject. */
const OBJECT = 16;
/** Longest text that is kept in one piece with its object. */
const EMBEDDED = 44;
/** Headers of our records (libs/store-records/src/codec.ts). */
const USER_HEADER = 20;
const LIST_HEADER = 8;

function valueBytes(length: number): number {
  if (length <= EMBEDDED) return sizeClass(OBJECT + 3 + length + 1);
  return OBJECT + textBytes(length);
}

/** A text (sds): a header of 3, 5 or 9 bytes, the bytes, and a final zero. */
function textBytes(length: number): number {
  const header = length < 256 ? 3 : length < 65_536 ? 5 : 9;
  return sizeClass(header + length + 1);
}

/** jemalloc's size class: multiples of 8 up to 64, then four classes for each doubling. */
function sizeClass(bytes: number): number {
  if (bytes <= 64) return Math.ceil(bytes / 8) * 8;
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}
