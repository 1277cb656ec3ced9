import { open } from 'node:fs/promises';
import { MicError } from '@mic/domain';

/** Linux reads at most 2 GiB in one call. */
const LONGEST_READ_BYTES = 1 << 30;

/** What is read of a file, and into which memory. */
export interface ReadBytesOptions<B extends ArrayBufferLike> {
  /** The whole file by default. */
  readonly range?: { readonly firstByte: number; readonly byteLength: number };
  /** Memory of a length; that of the process alone by default. */
  readonly into?: (byteLength: number) => Uint8Array<B>;
}

/**
 * A file, or a range of it, in memory of its own: readFile and Buffer may answer with a view into a pool, which a typed
 * array cannot be laid over.
 *
 * @throws MicError DATA_LOSS when the file ends before the range does.
 */
export async function readBytes<B extends ArrayBufferLike = ArrayBuffer>(
  path: string,
  { range, into = (length) => new Uint8Array(length) as Uint8Array<B> }: ReadBytesOptions<B> = {},
): Promise<Uint8Array<B>> {
  const file = await open(path, 'r');
  try {
    const { firstByte, byteLength } = range ?? { firstByte: 0, byteLength: (await file.stat()).size };
    const bytes = into(byteLength);
    for (let done = 0; done < byteLength;) {
      const length = Math.min(byteLength - done, LONGEST_READ_BYTES);
      const { bytesRead } = await file.read(bytes, done, length, firstByte + done);
      if (bytesRead === 0) {
        throw new MicError('DATA_LOSS', `${path} ends at byte ${firstByte + done}, not ${firstByte + byteLength}`, {
          subject: path,
          remedy: 'restore the file from an intact copy',
        });
      }
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
