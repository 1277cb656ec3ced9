import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRows } from './read-rows';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-rows-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function rowsIn(name: string, content: Uint8Array) {
  const path = join(folder, name);
  await writeFile(path, content);
  return readRows(path);
}

/** A file as NumPy's format says (numpy.lib.format): magic, version, length of the header, header, numbers. */
function npy(header: string, numbers: number, version = 1): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const bytes = Buffer.alloc(start + header.length + 4 * numbers);
  bytes.write('\x93NUMPY', 'latin1');
  bytes[6] = version;
  if (version === 1) bytes.writeUInt16LE(header.length, 8);
  else bytes.writeUInt32LE(header.length, 8);
  bytes.write(header, start, 'latin1');
  for (let i = 0; i < numbers; i++) bytes.writeFloatLE(i / 2, start + header.length + 4 * i);
  return bytes;
}
const header = (descr: string, order: string, shape: string): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`;

it('takes numbers alone, and what numpy.save writes', async () => {
  const plain = new Uint8Array(Float32Array.of(1, 2.5, -3).buffer);
  expect(await rowsIn('a.f32', plain)).toEqual({ values: Float32Array.of(1, 2.5, -3), shape: null });
  const rows = { values: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5), shape: [2, 3] };
  for (const version of [1, 2, 3]) {
    expect(await rowsIn(`b${version}.npy`, npy(header('<f4', 'False', '2, 3'), 6, version))).toEqual(rows);
  }
  expect((await rowsIn('c.npy', npy(header('<f4', 'False', '3,'), 3))).shape).toEqual([3]);
});

it.each([
  ['d.f32', new Uint8Array(6), 'has 6 bytes, no whole number of float32'],
  ['e.npy', new Uint8Array(40), 'is no .npy file'],
  ['f.npy', npy(header('<f8', 'False', '1, 1'), 2), "has elements of type <f8, not <f4: save rows.astype('<f4')"],
  ['g.npy', npy(header('>f4', 'False', '1, 1'), 1), 'has elements of type >f4, not <f4'],
  ['h.npy', npy(header('<f4', 'True', '1, 2'), 2), 'is in Fortran order: save numpy.ascontiguousarray(rows)'],
  ['i.npy', npy(header('<f4', 'False', '2, 2'), 3), 'has 12 bytes of numbers, and its shape [2, 2] needs 16'],
  ['j.npy', npy("{'descr': [('x', '<f4')]}\n", 0), 'is no .npy file of plain numbers'],
  ['k.csv', new Uint8Array(4), 'must end in .f32'],
])('refuses %s', async (name, content, message) => {
  await expect(rowsIn(name, content)).rejects.toThrow(message);
});
