import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '@mic/release-build';
import { inject } from 'vitest';

/** Other specs wait so long at most for the one that makes something, milliseconds. */
const PATIENCE_MS = 110_000;

/**
 * Makes something for all specs of a run, by the first that needs it.
 *
 * @param make fills the folder that it is given.
 * @returns the folder, which nobody must change.
 */
export async function onceARun(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(inject('sharedFolder'), name);
  const work = async (): Promise<void> => {
    if (existsSync(`${folder}.made`)) return;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    await make(folder);
    await writeFile(`${folder}.made`, '');
  };
  await withLock(`${folder}.lock`, 'a spec', work, PATIENCE_MS);
  return folder;
}
