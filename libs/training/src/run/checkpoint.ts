import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MicError } from '@mic/domain';
import { columnBytes, readColumn } from '@mic/release';

/** Everything that a run continues from, as named arrays and a JSON value. */
export interface Checkpoint {
  /** Steps made. */
  readonly step: number;
  readonly arrays: Readonly<Record<string, Float32Array>>;
  readonly bytes: Readonly<Record<string, Uint8Array>>;
  /** What is neither: means of losses so far, figures of epochs. */
  readonly rest: unknown;
}

/** The list of a checkpoint's files; written last, so that a folder that has it is whole. */
const contentsSchema = z.strictObject({
  formatVersion: z.literal(1),
  step: z.int().min(0),
  /** Length of each array; file NAME.f32. */
  arrays: z.record(z.string(), z.int().min(0)),
  /** Length of each; file NAME.bin. */
  bytes: z.record(z.string(), z.int().min(0)),
  rest: z.unknown(),
});

const CONTENTS = 'contents.json';
const fileOf = (folder: string, name: string, ending: string): string =>
  join(folder, `${encodeURIComponent(name)}.${ending}`);
const FOLDER = /^step-(\d+)$/;

/**
 * Writes a checkpoint into a folder of its own below `dir` and removes older ones. Whenever the process is killed, the
 * newest whole checkpoint stays.
 */
export async function writeCheckpoint(dir: string, { step, arrays, bytes, rest }: Checkpoint): Promise<void> {
  const folder = join(dir, `step-${step}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, values] of Object.entries(arrays))
    await writeDurably(fileOf(folder, name, 'f32'), columnBytes(values));
  for (const [name, values] of Object.entries(bytes)) await writeDurably(fileOf(folder, name, 'bin'), values);
  const lengths = (of: Readonly<Record<string, { readonly length: number }>>): Record<string, number> =>
    Object.fromEntries(Object.entries(of).map(([name, { length }]) => [name, length]));
  const contents = { formatVersion: 1, step, arrays: lengths(arrays), bytes: lengths(bytes), rest };
  const partial = join(folder, `${CONTENTS}.new`);
  await writeDurably(partial, Buffer.from(JSON.stringify(contents)));
  await rename(partial, join(folder, CONTENTS));
  for (const other of await stepsOf(dir)) {
    if (other !== step) await rm(join(dir, `step-${other}`), { recursive: true, force: true });
  }
}

/**
 * The newest whole checkpoint below `dir`, or null.
 *
 * @throws MicError DATA_LOSS when it is damaged.
 */
export async function readCheckpoint(dir: string): Promise<Checkpoint | null> {
  for (const step of (await stepsOf(dir)).sort((a, b) => b - a)) {
    const folder = join(dir, `step-${step}`);
    let text: string;
    try {
      text = await readFile(join(folder, CONTENTS), 'utf8');
    } catch {
      continue; // its writer was killed
    }
    try {
      const { arrays, bytes, rest } = contentsSchema.parse(JSON.parse(text));
      return {
        step,
        arrays: await readAll(arrays, (name) => readColumn(fileOf(folder, name, 'f32'), Float32Array)),
        bytes: await readAll(bytes, (name) => readFile(fileOf(folder, name, 'bin'))),
        rest,
      };
    } catch (cause) {
      throw new MicError('DATA_LOSS', `the checkpoint ${folder} is damaged: ${(cause as Error).message}`, {
        subject: folder,
        remedy: 'remove it, or train from the start with --restart',
        cause,
      });
    }
  }
  return null;
}

async function readAll<T extends { readonly length: number }>(
  lengths: Readonly<Record<string, number>>,
  read: (name: string) => Promise<T>,
): Promise<Record<string, T>> {
  const all: Record<string, T> = {};
  for (const [name, length] of Object.entries(lengths)) {
    const values = await read(name);
    if (values.length !== length) throw new RangeError(`${name} has ${values.length} numbers instead of ${length}`);
    all[name] = values;
  }
  return all;
}

async function stepsOf(dir: string): Promise<number[]> {
  try {
    await stat(dir);
  } catch {
    return [];
  }
  return (await readdir(dir)).flatMap((name) => FOLDER.exec(name)?.[1] ?? []).map(Number);
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
