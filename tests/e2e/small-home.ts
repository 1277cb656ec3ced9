import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onceARun } from './once-a-run';
import { mic } from './processes';

/** An installation of a small world, trained for one epoch: made once a run, and copied for each spec. */
export interface SmallHome {
  readonly home: string;
  readonly data: string;
  readonly releaseId: string;
  /** Users of the world, in the order of their numbers. */
  readonly userIds: readonly string[];
}

const USERS = 300;

const WORLD = ['--users', String(USERS), '--items', '200', '--events', '6000', '--seed', '1'];
const dataOf = (home: string): string => join(home, 'datasets/small');

/** Makes the installation: dataset, model, release, history; published into its own store or the one given. */
export async function makeSmallHome(store?: string): Promise<SmallHome> {
  const home = await mkdtemp(join(tmpdir(), 'mic-e2e-'));
  await cp(await sharedHome(), home, { recursive: true });
  const data = dataOf(home);
  const releaseId = await releaseOf(home);
  if (store !== undefined) {
    await rm(join(home, 'store'), { recursive: true });
    await publishInto(home, releaseId, '--store', store);
  }
  const userIds = Array.from({ length: USERS }, (_, i) => `user-${String(i).padStart(5, '0')}`);
  return { home, data, releaseId, userIds };
}

/** Puts another release of the same dataset into a home, without publishing it; one of each seed. */
export async function addRelease(home: string, seed: number): Promise<string> {
  const data = dataOf(await sharedHome());
  const built = await onceARun(`seed-${seed}`, (folder) => buildRelease(folder, data, seed));
  const releaseId = await releaseOf(built);
  await cp(join(built, 'releases', releaseId), join(home, 'releases', releaseId), { recursive: true });
  return releaseId;
}

const sharedHome = (): Promise<string> =>
  onceARun('home', async (home) => {
    await succeed('data', 'synth', ...WORLD, '--out', dataOf(home));
    await buildRelease(home, dataOf(home), 1);
    await publishInto(home, await releaseOf(home));
  });

async function buildRelease(home: string, data: string, seed: number): Promise<void> {
  const model = join(home, 'runs/small');
  await succeed('train', '--data', data, '--out', model, '--seed', String(seed), '--set', 'loop.epochs=1');
  await succeed('build', '--model', model, '--data', data, '--home', home, '--json', join(home, BUILT));
}

/** What `mic build` says of a home's release. */
const BUILT = 'runs/built.json';
const releaseOf = async (home: string): Promise<string> =>
  (JSON.parse(await readFile(join(home, BUILT), 'utf8')) as { id: string }).id;

async function publishInto(home: string, releaseId: string, ...store: string[]): Promise<void> {
  await succeed('history', 'import', '--data', dataOf(home), '--home', home, ...store);
  await succeed('publish', '--home', home, '--release', releaseId, ...store);
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
