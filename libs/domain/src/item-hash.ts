import xxhash from 'xxhash-wasm';

const { h64 } = await xxhash();

/** Number of 32-bit words of a hash: low word first, so that the bytes are those of a little-endian uint64. */
export const HASH_WORDS = 2;

/**
 * 64-bit hashes (xxHash64, seed 0) of ids, packed as [low, high, low, high, ...]: the form in which histories name
 * items, because a history outlives the releases whose row numbers it could use.
 */
export function hashIds(ids: readonly string[]): Uint32Array {
  const words = new Uint32Array(ids.length * HASH_WORDS);
  ids.forEach((id, index) => {
    const hash = h64(id);
    words[index * HASH_WORDS] = Number(hash & 0xffffffffn);
    words[index * HASH_WORDS + 1] = Number(hash >> 32n);
  });
  return words;
}
