import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withLock } from './build-lock';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'mic-lock-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

it('refuses a second holder, and lets it in when the first is done or has failed', async () => {
  const second = (): Promise<string> => withLock(folder, 'a build', () => Promise.resolve('done'), 0);
  await withLock(folder, 'a build', async () => {
    await expect(second()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', message: /a build is at work/ });
  });
  expect(await second()).toBe('done');
  await expect(withLock(folder, 'a build', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await second()).toBe('done');
});

it('says what is wrong with a folder that cannot be locked, and not that another one is at work', async () => {
  const other = join(folder, 'other');
  await mkdir(other);
  // A lock is a folder; this one is so old that it would be taken over.
  await writeFile(join(other, '.lock'), '');
  await utimes(join(other, '.lock'), 1, 1);
  await expect(withLock(other, 'a build', () => Promise.resolve(), 0)).rejects.toMatchObject({ code: 'ENOTDIR' });
});
