import { open } from 'node:fs/promises';
import { MicError } from '@mic/domain';

/** Bytes before the first element. */
const HEADER_BYTES = 96;
/** Elements whose vectors are compared with the ones expected. */
const SAMPLES = 16;

/**
 * Checks an hnswlib file before the library sees it, because the library loads a file of another dimension, and
 * crashes on a damaged one. Header (little-endian, 64-bit sizes, hnswlib 0.8): offset of level 0, most elements,
 * elements, bytes per element, offsets of label and vector within an element, highest level (int32), entry point
 * (uint32), maxM, maxM0, M, level multiplier (float64), efConstruction; then the elements of level 0, each its links,
 * vector (float32) and label (uint64); then the links of the higher levels. What is not in the file is the space: that
 * the file is the one that was built, its sha256 has to say.
 *
 * @param vectors count x dimension, the rows that labels name.
 * @throws MicError DATA_LOSS when the file is no index of these vectors.
 */
export async function checkIndexFile(
  path: string,
  vectors: Float32Array,
  count: number,
  dimension: number,
): Promise<void> {
  const refuse = (message: string): never => {
    throw new MicError('DATA_LOSS', `${path} is not the index of these vectors: ${message}`, {
      subject: path,
      remedy: 'copy the release again from an intact copy, or build a new one',
    });
  };
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new MicError('DATA_LOSS', `${path} cannot be opened`, { subject: path, cause, remedy: 'restore the file' });
  });
  try {
    const fileBytes = (await file.stat()).size;
    if (fileBytes < HEADER_BYTES) refuse(`it has ${fileBytes} bytes`);
    const header = Buffer.alloc(HEADER_BYTES);
    await file.read(header, 0, HEADER_BYTES, 0);
    const size = (at: number): number => Number(header.readBigUInt64LE(at));
    const [elements, elementBytes, labelAt, vectorAt, maxM0] = [size(16), size(24), size(32), size(40), size(64)];
    if (elements !== count) refuse(`it holds ${elements} rows, not ${count}`);
    if (labelAt - vectorAt !== dimension * 4)
      refuse(`its vectors take ${labelAt - vectorAt} bytes, not ${dimension * 4}`);
    if (
      size(0) !== 0 ||
      size(8) < count ||
      vectorAt !== maxM0 * 4 + 4 ||
      elementBytes !== labelAt + 8 ||
      header.readUInt32LE(52) >= count
    ) {
      refuse('its header contradicts itself');
    }
    const upperAt = HEADER_BYTES + count * elementBytes;
    if (fileBytes < upperAt) refuse(`it has ${fileBytes} bytes of at least ${upperAt}`);
    const upper = Buffer.alloc(fileBytes - upperAt);
    await file.read(upper, 0, upper.length, upperAt);
    if (!upperLinksFit(upper, count, size(56) * 4 + 4))
      refuse('the links of its higher levels do not end with the file');
    const element = Buffer.alloc(elementBytes);
    for (let sample = 0; sample < Math.min(SAMPLES, count); sample++) {
      const internal = Math.floor((sample * count) / Math.min(SAMPLES, count));
      await file.read(element, 0, elementBytes, HEADER_BYTES + internal * elementBytes);
      const row = Number(element.readBigUInt64LE(labelAt));
      if (row >= count) refuse(`it names row ${row} of ${count}`);
      for (let d = 0; d < dimension; d++) {
        if (element.readFloatLE(vectorAt + d * 4) !== vectors[row * dimension + d])
          refuse(`row ${row} has another vector`);
      }
    }
  } finally {
    await file.close();
  }
}

/** Every element has the length of its higher links in bytes, a multiple of one level's, and then these links. */
function upperLinksFit(upper: Buffer, count: number, levelBytes: number): boolean {
  let at = 0;
  for (let element = 0; element < count; element++) {
    if (at + 4 > upper.length) return false;
    const length = upper.readUInt32LE(at);
    if (length % levelBytes !== 0) return false;
    at += 4 + length;
  }
  return at === upper.length;
}
