import { open } from 'node:fs/promises';
import { MicError } from '@mic/domain';

/** Linux reads at most 2 GiB in one call. */
const LONGEST_READ_BYTES = 1 << 30;

/**
 * A file, or `byteLength` bytes of it from `firstByte` on, in memory of its own: readFile and Buffer may answer with a
 * view into a pool, which a typed array cannot be laid over.
 *
 * @throws MicError DATA_LOSS when the file ends before the range does.
 */
export async function readBytes(
  path: string,
  range?: { readonly firstByte: number; readonly byteLength: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path, 'r');
  try {
    const { firstByte, byteLength } = range ?? { firstByte: 0, byteLength: (await file.stat()).size };
    const bytes = new Uint8Array(byteLength);
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
