import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { hourlyCommand } from './hourly';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'mic-hourly-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

it('mic hourly --status writes its JSON to the file that it is given', async () => {
  const file = join(folder, 'status.json');
  const printed = vi.spyOn(console, 'log').mockReturnValue();
  await hourlyCommand().parseAsync(['--home', folder, '--status', '--json', file], { from: 'user' });
  expect(printed.mock.calls).toEqual([['this home has had no hourly run']]);
  printed.mockRestore();
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ last: null, underWay: null });
});
