import { writeFile } from 'node:fs/promises';
import { MicError } from '@mic/domain';
import { readBytes } from './read-bytes';
import { columnBytes, readColumn } from './columns';
import { stringTableFiles } from './layout';

/** Strings by row, decoded when they are asked for: concatenated UTF-8 and N + 1 offsets. */
export class StringTable {
  readonly count: number;
  readonly #utf8: Buffer;
  readonly #offsets: Uint32Array;

  /** @param offsets ascending; string r is bytes [offsets[r], offsets[r + 1]). */
  constructor(utf8: Uint8Array, offsets: Uint32Array) {
    this.#utf8 = Buffer.from(utf8.buffer, utf8.byteOffset, utf8.byteLength);
    this.#offsets = offsets;
    this.count = Math.max(0, offsets.length - 1);
  }

  at(row: number): string {
    return this.#utf8.toString('utf8', this.#offsets[row]!, this.#offsets[row + 1]!);
  }

  /** Rows first .. end - 1, or all. */
  slice(first = 0, end = this.count): string[] {
    return Array.from({ length: end - first }, (_, i) => this.at(first + i));
  }
}

/**
 * Packs strings for a string table.
 *
 * @throws MicError RESOURCE_EXHAUSTED above 4 GiB of UTF-8.
 */
export function packStrings(strings: readonly string[]): { utf8: Uint8Array; offsets: Uint32Array } {
  const offsets = new Uint32Array(strings.length + 1);
  let bytes = 0;
  strings.forEach((text, row) => {
    bytes += Buffer.byteLength(text, 'utf8');
    offsets[row + 1] = bytes;
  });
  if (bytes > 0xffffffff) {
    throw new MicError('RESOURCE_EXHAUSTED', `the ids take ${bytes} bytes; a string table holds 4 GiB`, {
      remedy: 'use shorter ids',
    });
  }
  const utf8 = Buffer.alloc(bytes);
  strings.forEach((text, row) => utf8.write(text, offsets[row]!, 'utf8'));
  return { utf8, offsets };
}

/** Writes `<base>.utf8` and `<base>.offsets.u32`. */
export async function writeStringTable(base: string, strings: readonly string[]): Promise<void> {
  const { utf8, offsets } = packStrings(strings);
  const [utf8Path, offsetsPath] = stringTableFiles(base);
  await writeFile(utf8Path, utf8);
  await writeFile(offsetsPath, columnBytes(offsets));
}

/** Reads what writeStringTable wrote. @throws MicError DATA_LOSS when offsets and text do not fit each other. */
export async function readStringTable(base: string): Promise<StringTable> {
  const [utf8Path, offsetsPath] = stringTableFiles(base);
  const utf8 = await readBytes(utf8Path);
  const offsets = await readColumn(offsetsPath, Uint32Array);
  const problem = stringTableProblem(utf8, offsets);
  if (problem) {
    throw new MicError('DATA_LOSS', `${offsetsPath}: ${problem}`, {
      subject: offsetsPath,
      remedy: 'restore the file from an intact copy',
    });
  }
  return new StringTable(utf8, offsets);
}

/** What is wrong with a packed table, or null. */
export function stringTableProblem(utf8: Uint8Array, offsets: Uint32Array): string | null {
  if (offsets.length === 0 || offsets[0] !== 0) return 'the first offset is not 0';
  for (let row = 1; row < offsets.length; row++) {
    if (offsets[row]! < offsets[row - 1]!) return `offset ${row} is below the one before it`;
  }
  const end = offsets[offsets.length - 1]!;
  return end === utf8.length ? null : `the last offset is ${end}, the text has ${utf8.length} bytes`;
}
