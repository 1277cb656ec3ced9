import { MicError } from '@mic/domain';
import { readBytes } from './read-bytes';

/** Reads a file of vectors into memory that threads share without a copy. @throws MicError DATA_LOSS for half a number. */
export async function readSharedVectors(path: string): Promise<Float32Array<SharedArrayBuffer>> {
  const bytes = await readBytes(path, { into: (length) => new Uint8Array(new SharedArrayBuffer(length)) });
  if (bytes.length % Float32Array.BYTES_PER_ELEMENT === 0) return new Float32Array(bytes.buffer);
  throw new MicError('DATA_LOSS', `${path} has ${bytes.length} bytes, no whole number of 4-byte elements`, {
    subject: path,
    remedy: 'restore the file from an intact copy',
  });
}
