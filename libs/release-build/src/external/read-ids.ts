import { readFile } from 'node:fs/promises';
import { readStringTable } from '@mic/release';
import { z } from 'zod';

/**
 * Ids in the order of their rows, by the file's ending: `.txt` one id a line, `.json` an array of texts or whole numbers,
 * `.utf8` a string table as a release has it (its offsets beside it).
 *
 * @throws Error whose message says what is wrong, without the file's name.
 */
export async function readIds(path: string): Promise<string[]> {
  const ids = await read(path);
  const empty = ids.indexOf('');
  if (empty >= 0) throw new Error(`has an empty id in row ${empty}`);
  const rows = new Map<string, number>();
  for (const [row, id] of ids.entries()) {
    const before = rows.get(id);
    if (before !== undefined) throw new Error(`has the id ${JSON.stringify(id)} twice, in rows ${before} and ${row}`);
    rows.set(id, row);
  }
  return ids;
}

function read(path: string): Promise<string[]> | string[] {
  if (path.endsWith('.txt')) return readLines(path);
  if (path.endsWith('.json')) return readJson(path);
  if (path.endsWith('.utf8')) return readStringTable(path.slice(0, -'.utf8'.length)).then((table) => table.slice());
  throw new Error('must end in .txt (one id a line), .json (an array) or .utf8 (a string table)');
}

async function readLines(path: string): Promise<string[]> {
  const lines = decode(await readFile(path)).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

async function readJson(path: string): Promise<string[]> {
  const parsed = z.array(z.union([z.string(), z.int()])).safeParse(JSON.parse(decode(await readFile(path))));
  if (parsed.success) return parsed.data.map(String);
  const { path: at, message } = parsed.error.issues[0]!;
  throw new Error(at.length === 0 ? `is no array: ${message}` : `has no text in row ${at.join('.')}: ${message}`);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('is not UTF-8');
  }
}
