import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeStringTable } from '@mic/release';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readIds } from './read-ids';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-ids-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function idsIn(name: string, content: string | Uint8Array): Promise<string[]> {
  const path = join(folder, name);
  await writeFile(path, content);
  return readIds(path);
}

it('takes an id a line, an array, a string table', async () => {
  expect(await idsIn('a.txt', 'ann\nböb\r\n ζ')).toEqual(['ann', 'böb', ' ζ']);
  expect(await idsIn('b.txt', 'ann\n')).toEqual(['ann']);
  expect(await idsIn('c.txt', '')).toEqual([]);
  expect(await idsIn('d.json', '["ann", "a\\nb", 17]')).toEqual(['ann', 'a\nb', '17']);
  await writeStringTable(join(folder, 'e'), ['ann', 'böb']);
  expect(await readIds(join(folder, 'e.utf8'))).toEqual(['ann', 'böb']);
});

it.each([
  ['f.txt', 'a\n\nb', 'has an empty id in row 1'],
  ['g.txt', 'a\nb\na\n', 'has the id "a" twice, in rows 0 and 2'],
  ['h.txt', Uint8Array.of(0x61, 0xff), 'is not UTF-8'],
  ['i.json', '{"a": 1}', 'is no array: Invalid input: expected array, received object'],
  ['j.json', '["a", 1.5]', 'has no text in row 1: Invalid input'],
  ['k.csv', 'a', 'must end in .txt (one id a line), .json (an array) or .utf8 (a string table)'],
])('refuses %s', async (name, content, message) => {
  await expect(idsIn(name, content)).rejects.toThrow(message);
});
