import { MicError } from '@mic/domain';

/**
 * A typed array as the value of a packed field. The generated encoders only iterate over it, so that nothing is copied.
 */
export const packed = (values: Float32Array | Float64Array | Uint32Array | Int32Array): number[] =>
  values as unknown as number[];

/** Words of hashes as little-endian bytes: a view, not a copy. */
export const hashBytes = (words: Uint32Array): Buffer => Buffer.from(words.buffer, words.byteOffset, words.byteLength);

/**
 * Words of hashes from little-endian bytes: a copy, because decoded bytes lie anywhere in the message.
 * @throws MicError INTERNAL when they are not `count` hashes.
 */
export function hashWords(bytes: Uint8Array, count: number): Uint32Array {
  if (bytes.length !== count * 8) throw malformed(`${bytes.length} bytes of hashes for ${count} events`);
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

/** An answer that contradicts its proto: the peer is of another version, or broken. */
export function malformed(what: string): MicError {
  return new MicError('INTERNAL', `the answer is malformed: ${what}`, {
    remedy: 'run the same version of all services, and report it if they are',
  });
}

/**
 * Offsets of ragged lists, checked.
 * @throws MicError INTERNAL when they do not begin with 0, descend, or do not end at `total`.
 */
export function offsetsOf(wire: readonly number[], lists: number, total: number): Uint32Array {
  const offsets = Uint32Array.from(wire);
  if (offsets.length !== lists + 1) throw malformed(`${offsets.length} offsets for ${lists} lists`);
  if (offsets[0] !== 0 || offsets[lists] !== total || offsets.some((end, i) => i > 0 && end < offsets[i - 1]!)) {
    throw malformed(`offsets that do not share out ${total} entries`);
  }
  return offsets;
}
