import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError, type Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SAMPLE_TABLE_SCHEMA } from '@mic/dataset';
import { dataCommand } from './data';

let dir: string;
let stdout: string;
let stderr: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mic-data-spec-'));
  stdout = '';
  stderr = '';
  vi.spyOn(console, 'log').mockImplementation((line: string) => void (stdout += `${line}\n`));
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

/** Runs `mic data ...`; help goes to stdout, usage errors to stderr. */
async function run(...args: string[]): Promise<void> {
  const command = dataCommand();
  const prepare = (one: Command) => {
    one.exitOverride().configureOutput({
      writeOut: (text) => (stdout += text),
      writeErr: (text) => (stderr += text),
    });
    one.commands.forEach(prepare);
  };
  prepare(command);
  await command.parseAsync(args, { from: 'user' });
}

describe('mic data', () => {
  it('makes a world, and shows it', async () => {
    const out = join(dir, 'toy');
    await run('synth', '--users', '20', '--items', '30', '--events', '200', '--seed', '1', '--out', out, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ dataset: out, events: 200, users: 20, itemRows: 30, bad: [] });
    stdout = '';
    await run('show', out);
    for (const text of [
      '200 events of 20 users',
      '2025-1',
      'country (categorical)',
      'user-00000',
      'category: category',
    ]) {
      expect(stdout).toContain(text);
    }
    stdout = '';
    await run('show', out, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ name: 'synthetic', sample: { events: [{}, {}, {}] } });
  });

  it('imports a table, and prints bad rows with their lines', async () => {
    writeFileSync(join(dir, 'e.csv'), 'u,i,t\na,x,1\na,y,soon\n,z,2\na,w,3\n');
    writeFileSync(
      join(dir, 'schema.json'),
      JSON.stringify({
        name: 'x',
        events: { files: 'e.csv', columns: { user: 'u', item: 'i', timestamp: 't' }, timestampUnit: 's' },
      }),
    );
    const flags = ['import', 'table', '--schema', join(dir, 'schema.json'), '--out', join(dir, 'out')];
    await expect(run(...flags)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await run(...flags, '--max-bad-rows', '2');
    expect(stdout).toContain('2 events of 1 users and 2 items');
    expect(stdout).toMatch(/events.*e\.csv.*1.*unreadable timestamp.*3/);
    expect(stdout).toMatch(/events.*e\.csv.*1.*missing user id.*4/);
  });

  it('prints a whole schema file in its help', async () => {
    await expect(run('import', 'table', '--help')).rejects.toBeInstanceOf(CommanderError);
    const sample = stdout.slice(stdout.indexOf('\n{') + 1, stdout.indexOf('\n}') + 2);
    expect(JSON.parse(sample)).toEqual(SAMPLE_TABLE_SCHEMA);
  });

  it.each([
    [
      ['synth', '--users', '0', '--items', '10', '--events', '5', '--out', 'x'],
      "'--users <n>' argument '0' is invalid",
    ],
    [
      ['synth', '--users', '1', '--items', 'many', '--events', '5', '--out', 'x'],
      "'--items <n>' argument 'many' is invalid",
    ],
    [['import', 'table', '--schema', 'x'], "required option '--out <dir>'"],
  ])('refuses %j', async (args, message) => {
    await expect(run(...args)).rejects.toBeInstanceOf(CommanderError);
    expect(stderr).toContain(message);
  });
});
