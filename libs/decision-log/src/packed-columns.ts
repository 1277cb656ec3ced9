import { z } from 'zod';

/** Typed arrays in JSON: base64 of their little-endian bytes, so that numbers come back as they were, to the bit. */
export const packColumn = (column: Uint32Array | Float32Array): string =>
  Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString('base64');

const bytesOf = (text: string, context: z.RefinementCtx): ArrayBuffer => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % 4 !== 0) context.addIssue({ code: 'custom', message: `${bytes.length} bytes are no column` });
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~3));
};

export const rowsColumn = z.base64().transform((text, context) => new Uint32Array(bytesOf(text, context)));
export const numbersColumn = z.base64().transform((text, context) => new Float32Array(bytesOf(text, context)));
