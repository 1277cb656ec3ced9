import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MicError } from '@mic/domain';
import { DATASET_FILES } from './dataset-info';

/**
 * Fills a new directory beside `out` and moves it there when `fill` is done: `out` never holds half a dataset.
 * @param fill gets the directory to fill and a scratch directory that is removed afterwards
 * @throws MicError ALREADY_EXISTS when `out` is a file, or holds files and `force` is not set; with `force` too when
 * what it holds is not a dataset.
 */
export async function writeDirectory<T>(
  out: string,
  force: boolean,
  fill: (dir: string, scratch: string) => Promise<T>,
): Promise<T> {
  const target = resolve(out);
  await checkTarget(target, force);
  const suffix = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const temporary = join(dirname(target), `.${basename(target)}.tmp-${suffix}`);
  const scratch = `${temporary}-scratch`;
  await mkdir(temporary, { recursive: true });
  await mkdir(scratch);
  try {
    const result = await fill(temporary, scratch);
    const replaced = `${temporary}-replaced`;
    if (existsSync(target)) await rename(target, replaced);
    await rename(temporary, target);
    await rm(replaced, { recursive: true, force: true });
    return result;
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(scratch, { recursive: true, force: true });
  }
}

async function checkTarget(target: string, force: boolean): Promise<void> {
  if (!existsSync(target)) return;
  if (!(await stat(target)).isDirectory()) {
    throw new MicError('ALREADY_EXISTS', `${target} is a file`, {
      remedy: 'name a folder for the dataset',
      subject: 'out',
    });
  }
  const isDataset = existsSync(join(target, DATASET_FILES.info));
  if (readdirSync(target).length === 0 || (force && isDataset)) return;
  throw new MicError('ALREADY_EXISTS', `${target} is not empty${isDataset ? ': it holds a dataset' : ''}`, {
    remedy: isDataset
      ? 'name another folder, or replace the dataset with --force'
      : 'name another folder; --force replaces a dataset, and this folder holds none',
    subject: 'out',
  });
}
