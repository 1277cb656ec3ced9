import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MicCallError, MicClient } from '@mic/client';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHarness, type Harness } from './harness';
import { pythonWithGrpc } from './python';

const exec = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

/** The one code block of README.md in a language that calls the API, with the address of the server that runs here. */
function snippet(language: string): string {
  const readme = readFileSync(`${root}README.md`, 'utf8');
  const blocks = [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text!);
  const [found, ...others] = blocks.filter((text) => text.includes('127.0.0.1:7070'));
  expect(others).toEqual([]);
  return found!.replaceAll('127.0.0.1:7070', harness.server.address);
}

describe('what README.md shows', () => {
  it('in TypeScript recalls, appends and streams', async () => {
    const printed: string[] = [];
    const print = (...words: unknown[]): void => void printed.push(words.map(String).join(' '));
    const { code } = await transform(snippet('ts').replace(/^import .*\n/, ''), { loader: 'ts' });
    const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
    const run = new AsyncFunction('MicClient', 'MicCallError', 'console', code) as (...given: unknown[]) => unknown;
    await run(MicClient, MicCallError, { log: print, error: print });
    expect(printed).toEqual([
      'film-1 0.75 U2I U2U2I U2I2I',
      'partial: U2I OK, U2U2I LATE, U2I2I EMPTY, POPULAR DISABLED',
      '42 1',
      '43 1',
    ]);
    expect(harness.history.events).toMatchObject([{ userId: '42', itemId: 'film-1' }]);
  });

  it('in Python recalls', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mic-readme-'));
    try {
      const buf = `${root}node_modules/.bin/buf`;
      await exec(buf, ['build', '-o', join(folder, 'protos.binpb')], { cwd: root });
      const { stdout } = await exec(pythonWithGrpc(), ['-c', snippet('python')], { cwd: folder });
      expect(stdout).toBe('film-1 0.75\n');
      expect(harness.recall.requests.at(-1)).toMatchObject({ userId: '42', n: 20, requestId: 'from-python' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('by hand recalls', async () => {
    const [command, ...args] = snippet('sh')
      .trim()
      .match(/'[^']*'|\S+/g)!;
    expect([command, args[0]]).toEqual(['npx', 'buf']);
    const given = args.slice(1).map((word) => word.replaceAll("'", ''));
    const { stdout } = await exec(`${root}node_modules/.bin/buf`, given, { cwd: root });
    expect(JSON.parse(stdout)).toMatchObject({ userId: '42', items: [{ itemId: 'film-1' }] });
  });
});
