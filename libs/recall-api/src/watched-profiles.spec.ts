import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@mic/rpc';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WatchedProfiles } from './watched-profiles';

let folder: string;
let file: string;
let watched: WatchedProfiles | null;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-profiles-'));
  file = join(folder, 'profiles.json');
  watched = null;
});
afterEach(async () => {
  watched?.close();
  await rm(folder, { recursive: true, force: true });
});

const write = (n: number): Promise<void> =>
  writeFile(file, JSON.stringify({ default: 'a', profiles: { a: { n: { default: n } } } }));
const open = (): Promise<WatchedProfiles> =>
  WatchedProfiles.open(file, createLogger({ level: 'silent', service: 'spec' }), 5);
async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !isSo(); i++) await sleep(5);
  expect(isSo()).toBe(true);
}

describe('WatchedProfiles', () => {
  it('takes a changed file over, and no other object while nothing changes', async () => {
    await write(7);
    watched = await open();
    const first = watched.current;
    expect(first.profiles['a']!.n.default).toBe(7);
    await writeFile(file, JSON.stringify({ profiles: { a: { n: { default: 7 } } }, default: 'a' }));
    await sleep(50);
    expect(watched.current).toBe(first);
    await write(9);
    await until(() => watched!.current.profiles['a']!.n.default === 9);
  });

  it('keeps what it has while the file is wrong or gone', async () => {
    await write(7);
    watched = await open();
    const first = watched.current;
    for (const wrong of [
      '{',
      '{"default": "b", "profiles": {"a": {}}}',
      '{"default": "a", "profiles": {"a": {"n": 3}}}',
    ]) {
      await writeFile(file, wrong);
      await sleep(30);
      expect(watched.current).toBe(first);
    }
    await rm(file);
    await sleep(30);
    expect(watched.current).toBe(first);
    await write(8);
    await until(() => watched!.current.profiles['a']!.n.default === 8);
  });

  it('does not begin with a file that is wrong', async () => {
    await writeFile(file, '{');
    await expect(open()).rejects.toThrow(/it is not JSON/);
  });
});
