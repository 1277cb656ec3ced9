import { writeFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { MicError } from '@mic/domain';
import { readBytes } from './read-bytes';

/** The typed arrays that column files hold. */
export type Column = Float32Array | Float64Array | Int32Array | Uint32Array;

/** Constructor of a column's typed array. */
export interface ColumnType<T extends Column> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): T;
}

/** Which part of a column to read, in elements. */
export interface ColumnRange {
  readonly start: number;
  readonly count: number;
}

/** The bytes of a column as its file holds them; shares the array's memory. */
export function columnBytes(column: Column): Uint8Array {
  requireLittleEndian();
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

/** Writes a column file: the array's numbers, little-endian, nothing else. */
export async function writeColumn(path: string, column: Column): Promise<void> {
  await writeFile(path, columnBytes(column));
}

/**
 * Reads a column file, or a range of it, into memory of its own (never a view into a shared or pooled buffer).
 *
 * @throws MicError DATA_LOSS when the file is no whole number of elements or ends before the range does.
 */
export async function readColumn<T extends Column>(path: string, type: ColumnType<T>, range?: ColumnRange): Promise<T> {
  const size = type.BYTES_PER_ELEMENT;
  const bytes = await readBytes(path, {
    range: range && { firstByte: range.start * size, byteLength: range.count * size },
  });
  if (bytes.length % size !== 0) {
    throw new MicError('DATA_LOSS', `${path} has ${bytes.length} bytes, no whole number of ${size}-byte elements`, {
      subject: path,
      remedy: 'restore the file from an intact copy',
    });
  }
  requireLittleEndian();
  return new type(bytes.buffer);
}

function requireLittleEndian(): void {
  if (endianness() === 'LE') return;
  throw new MicError('UNIMPLEMENTED', 'column files are little-endian and this machine is not', {
    remedy: 'run on a little-endian machine (x86-64, arm64)',
  });
}
