import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mic } from './processes';

/** An installation that is made in seconds: a small world, trained for one epoch. */
export interface SmallHome {
  readonly home: string;
  readonly data: string;
  readonly releaseId: string;
  /** Users of the world, in the order of their numbers. */
  readonly userIds: readonly string[];
}

const USERS = 300;

/** Makes the installation: dataset, model, release, history; published into its own store or the one given. */
export async function makeSmallHome(store?: string): Promise<SmallHome> {
  const home = await mkdtemp(join(tmpdir(), 'mic-e2e-'));
  const data = join(home, 'datasets/small');
  const world = ['--users', String(USERS), '--items', '200', '--events', '6000', '--seed', '1'];
  await succeed('data', 'synth', ...world, '--out', data);
  const at = store === undefined ? [] : ['--store', store];
  await succeed('history', 'import', '--data', data, '--home', home, ...at);
  const releaseId = await buildRelease(home, data, 1);
  await succeed('publish', '--home', home, '--release', releaseId, ...at);
  const userIds = Array.from({ length: USERS }, (_, i) => `user-${String(i).padStart(5, '0')}`);
  return { home, data, releaseId, userIds };
}

/** Trains and builds a release into a home, without publishing it. */
export async function buildRelease(home: string, data: string, seed: number): Promise<string> {
  const model = join(home, `runs/seed-${seed}`);
  await succeed('train', '--data', data, '--out', model, '--seed', String(seed), '--set', 'loop.epochs=1');
  const file = join(model, 'manifest.json');
  await succeed('build', '--model', model, '--data', data, '--home', home, '--json', file);
  return (JSON.parse(await readFile(file, 'utf8')) as { id: string }).id;
}

/**
 * Profiles of a home: the default one, and `patient`, under which nothing is late on a machine that is busy with other tests.
 *
 * @returns the flags of `mic up` and `mic serve`.
 */
export async function patientProfiles(home: string): Promise<string[]> {
  const file = join(home, 'profiles.json');
  const channels = Object.fromEntries(['U2I', 'U2U2I', 'U2I2I'].map((name) => [name, { timeoutMs: 10_000 }]));
  const patient = { contextTimeoutMs: 10_000, channels };
  await writeFile(file, JSON.stringify({ default: 'default', profiles: { default: {}, patient } }));
  return ['--profiles', file];
}

/** Runs the command line and throws when it fails. */
export async function succeed(...args: string[]) {
  const finished = await mic(...args);
  if (finished.status !== 0) throw new Error(`mic ${args.join(' ')}: ${finished.stderr}`);
  return finished;
}
