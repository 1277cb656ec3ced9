import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mic } from './installation';

const USERS = 20_000;
const EVENTS_PER_ITEM = 30;
const SEEDS = [1, 2, 3];

/**
 * Makes a world, and a release of it for each of some models, with the history in the store.
 *
 * @param seeds one for each model.
 * @returns the ids of the releases.
 */
export async function makeReleases(
  home: string,
  store: string | undefined,
  items: number,
  tell: (line: string) => void,
  seeds: readonly number[] = SEEDS,
): Promise<string[]> {
  const data = join(home, 'datasets/world');
  const size = ['--users', String(USERS), '--items', String(items), '--events', String(items * EVENTS_PER_ITEM)];
  await mic('data', 'synth', ...size, '--seed', '1', '--out', data);
  const at = store === undefined ? [] : ['--store', store];
  await mic('history', 'import', '--data', data, '--home', home, ...at);
  const releaseIds: string[] = [];
  for (const seed of seeds) {
    tell(`making release ${releaseIds.length + 1} of ${seeds.length}`);
    const model = join(home, `runs/seed-${seed}`);
    await mic('train', '--data', data, '--out', model, '--seed', String(seed), '--max-steps', '100');
    const report = join(model, 'm.json');
    await mic('build', '--model', model, '--data', data, '--home', home, '--parent', 'none', '--json', report);
    releaseIds.push((JSON.parse(await readFile(report, 'utf8')) as { readonly id: string }).id);
  }
  return releaseIds;
}

/** Ids of the releases of a home, oldest first. */
export async function releasesOf(home: string): Promise<string[]> {
  const listed = JSON.parse(await mic('release', 'list', '--home', home, '--json')) as {
    readonly manifest: { readonly id: string } | null;
  }[];
  const ids = listed.flatMap(({ manifest }) => (manifest ? [manifest.id] : []));
  if (ids.length < 2) throw new Error(`${home} has ${ids.length} releases; a swap needs two`);
  return ids;
}
