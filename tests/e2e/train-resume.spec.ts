import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mic, MIC } from './processes';

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-resume-'));
  await mic('data', 'synth', '--users', '300', '--items', '200', '--events', '9000', '--out', at('data'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const FLAGS = [
  '--seed',
  '5',
  '--set',
  'loop.epochs=3',
  '--set',
  'loop.checkpointSeconds=0',
  '--set',
  'model.dropout=0.1',
];
const infoOf = async (run: string) =>
  JSON.parse(await readFile(join(at(run), 'model.json'), 'utf8')) as { finalLoss: number; steps: number };

describe('mic train --resume', () => {
  it('goes on after kill -9 at any moment and ends with the same loss', async () => {
    await mic('train', '--data', at('data'), '--out', at('whole'), ...FLAGS);
    const whole = await infoOf('whole');
    const args = ['train', '--data', at('data'), '--out', at('killed')];
    const hasBegun = (): boolean => existsSync(join(at('killed'), 'run.json'));
    let kills = 0;
    for (const wait of [900, 1500, 2000, 2500]) {
      const child = spawn(process.execPath, [MIC, ...args, ...(hasBegun() ? ['--resume'] : FLAGS)], {
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      await Promise.race([sleep(wait), ended]);
      // A busy machine may not have come to the run yet: there is nothing to go on with before.
      for (let polls = 0; !hasBegun() && polls < 100; polls++) await Promise.race([sleep(100), ended]);
      child.kill('SIGKILL');
      const [, signal] = (await ended) as [number | null, string | null];
      if (signal === 'SIGKILL') kills++;
    }
    expect(kills).toBeGreaterThan(0);
    const { status, stderr } = await mic(...args, '--resume');
    expect([status, stderr]).toEqual([0, expect.stringMatching(/going on after step|from the start|is over/)]);
    expect(await infoOf('killed')).toMatchObject({ finalLoss: whole.finalLoss, steps: whole.steps });
    expect(await readFile(join(at('killed'), 'item-rows.f32'))).toEqual(
      await readFile(join(at('whole'), 'item-rows.f32')),
    );
    expect(await readFile(join(at('killed'), 'loss.svg'), 'utf8')).toContain('<svg');
    const over = await mic(...args, '--resume', '--json');
    expect(over.stderr).toContain('is over');
  }, 60_000);

  it('says what is wrong with the flags', async () => {
    const both = await mic('train', '--data', at('data'), '--out', at('whole'), '--resume', '--seed', '4');
    expect([both.status, both.stderr]).toEqual([2, expect.stringMatching(/leave out seed/)]);
    const none = await mic('train', '--data', at('data'), '--out', at('nothing'), '--resume');
    expect([none.status, none.stderr]).toEqual([1, expect.stringMatching(/has no run to go on with/)]);
  });
});
