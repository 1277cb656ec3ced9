import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MicError } from '@mic/domain';
import { columnBytes, readColumn, writeColumn } from './columns';
import { withTempDir } from './spec-fixture';
import { packStrings, readStringTable, StringTable, writeStringTable } from './string-table';

describe('columns', () => {
  it('writes little-endian bytes and nothing else', () =>
    withTempDir(async (directory) => {
      const path = join(directory, 'a.u32');
      await writeColumn(path, Uint32Array.of(1, 0x01020304));
      expect([...(await readFile(path))]).toEqual([1, 0, 0, 0, 4, 3, 2, 1]);
    }));

  it.each([
    [Float32Array, [1.5, -2, 0.25]],
    [Float64Array, [1e300, -1, 0]],
    [Int32Array, [-1, 5, 2 ** 31 - 1]],
    [Uint32Array, [0, 7, 0xffffffff]],
  ] as const)('reads back what it wrote: %o', (type, values) =>
    withTempDir(async (directory) => {
      const path = join(directory, 'column');
      const column = new type(values);
      await writeColumn(path, column);
      const back = await readColumn<typeof column>(path, type as never);
      expect(back).toEqual(column);
      expect(back.byteOffset).toBe(0);
      expect(back.buffer.byteLength).toBe(column.byteLength);
    }),
  );

  it('writes only the part that a view covers', () =>
    withTempDir(async (directory) => {
      const path = join(directory, 'column');
      await writeColumn(path, Float32Array.of(1, 2, 3, 4).subarray(1, 3));
      expect([...(await readColumn(path, Float32Array))]).toEqual([2, 3]);
      expect(columnBytes(Uint32Array.of(9, 8).subarray(1))).toEqual(Uint8Array.of(8, 0, 0, 0));
    }));

  it('reads a range, and refuses one that is not there', () =>
    withTempDir(async (directory) => {
      const path = join(directory, 'column');
      await writeColumn(path, Int32Array.of(1, 2, 3, 4, 5));
      expect([...(await readColumn(path, Int32Array, { start: 2, count: 2 }))]).toEqual([3, 4]);
      expect(await readColumn(path, Int32Array, { start: 5, count: 0 })).toHaveLength(0);
      await expect(readColumn(path, Int32Array, { start: 3, count: 3 })).rejects.toThrow(/ends at byte 20, not 24/);
    }));

  it('refuses a file that is no whole number of elements', () =>
    withTempDir(async (directory) => {
      const path = join(directory, 'column');
      await writeFile(path, Buffer.alloc(7));
      await expect(readColumn(path, Float32Array)).rejects.toThrow(MicError);
    }));
});

describe('string table', () => {
  const strings = ['', 'a', 'ζωή', 'tab\tand\nbreak', '😀', 'a'];

  it('reads back what it wrote, row by row', () =>
    withTempDir(async (directory) => {
      const base = join(directory, 'ids');
      await writeStringTable(base, strings);
      const table = await readStringTable(base);
      expect(table.count).toBe(6);
      expect(table.slice()).toEqual(strings);
      expect(table.slice(2, 4)).toEqual(['ζωή', 'tab\tand\nbreak']);
      expect(table.at(4)).toBe('😀');
    }));

  it('holds no strings', () =>
    withTempDir(async (directory) => {
      await writeStringTable(join(directory, 'ids'), []);
      expect((await readStringTable(join(directory, 'ids'))).count).toBe(0);
    }));

  it('counts offsets in bytes of UTF-8', () => {
    const { utf8, offsets } = packStrings(['é', 'x']);
    expect([...offsets]).toEqual([0, 2, 3]);
    expect([...utf8]).toEqual([0xc3, 0xa9, 0x78]);
    expect(new StringTable(utf8, offsets).at(1)).toBe('x');
  });

  it.each([
    [Uint32Array.of(), 'the first offset is not 0'],
    [Uint32Array.of(1, 3), 'the first offset is not 0'],
    [Uint32Array.of(0, 2, 1), 'offset 2 is below the one before it'],
    [Uint32Array.of(0, 2), 'the last offset is 2, the text has 3 bytes'],
  ])('refuses offsets %j', (offsets, message) =>
    withTempDir(async (directory) => {
      const base = join(directory, 'ids');
      await writeFile(`${base}.utf8`, 'abc');
      await writeColumn(`${base}.offsets.u32`, offsets);
      await expect(readStringTable(base)).rejects.toThrow(message);
    }),
  );
});
