import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReleaseId } from '@mic/domain';
import { mic } from './installation';

/** How large the world is of which releases are built. */
export interface KillsWorld {
  readonly users: number;
  readonly items: number;
}

/** A home with a published release, and what further releases are built from. */
export interface KillsHome {
  readonly home: string;
  /** Flags that name the home and its store. */
  readonly at: readonly string[];
  /** The release that is published. */
  readonly releaseId: ReleaseId;
  /**
   * Milliseconds that an undisturbed build takes, an undisturbed publish, and the part of it that works on the store. The
   * machine may be busier or idler later: every one that ends before it is killed says anew how long it took.
   */
  buildMs: number;
  publishMs: number;
  readonly storeMs: number;
}

const MODELS = 2;
const EVENTS_PER_USER = 20;
/** Indexes and lists of all kinds, so that every stage has something to do; a bound that models of one epoch all pass. */
const KNOBS = ['exactIndexBelow=500', 'exactListsBelow=500', 'u2iLength=20', 'evaluatedUsers=200'];
const GATE = 'gate.parent.hitRate.least=0.3';

/** Arguments of the build of release `n`: numbers give models in turn and lists of other lengths, so that no two are one release. */
export function buildArgs(home: string, n: number): string[] {
  const knobs = [...KNOBS, GATE, `popularLength=${20 + n}`].flatMap((knob) => ['--set', knob]);
  const from = ['--model', join(home, `runs/model-${n % MODELS}`), '--data', join(home, 'datasets/world')];
  return ['build', ...from, ...knobs, '--json', reportOf(home)];
}

/** Id of the release that the last build has made. */
export async function builtRelease(home: string): Promise<ReleaseId> {
  return (JSON.parse(await readFile(reportOf(home), 'utf8')) as { readonly releaseId: ReleaseId }).releaseId;
}

/** Makes a world, two models, and two releases of which the second one is published. */
export async function makeKillsHome(
  home: string,
  store: string | undefined,
  world: KillsWorld,
  seed: number,
): Promise<KillsHome> {
  const data = join(home, 'datasets/world');
  const { users, items } = world;
  const size = ['--users', String(users), '--items', String(items), '--events', String(users * EVENTS_PER_USER)];
  await mic('data', 'synth', ...size, '--seed', String(seed), '--out', data);
  const at = ['--home', home, ...(store === undefined ? [] : ['--store', store])];
  for (let model = 0; model < MODELS; model++) {
    const run = [
      '--out',
      join(home, `runs/model-${model}`),
      '--seed',
      String(model + 1),
      '--protocol',
      'leave-one-out',
    ];
    await mic('train', '--data', data, ...run, '--set', 'loop.epochs=1');
  }
  let [buildMs, publishMs, storeMs] = [0, 0, 0];
  for (let n = 0; n < MODELS; n++) {
    const started = performance.now();
    await mic(...buildArgs(home, n), ...at);
    const built = performance.now();
    const release = ['--release', await builtRelease(home)];
    const { stages } = JSON.parse(await mic('publish', ...at, ...release, '--json')) as {
      readonly stages: readonly { readonly seconds: number }[];
    };
    [buildMs, publishMs] = [built - started, performance.now() - built];
    storeMs = 1_000 * stages.reduce((sum, { seconds }) => sum + seconds, 0);
  }
  return { home, at, releaseId: await builtRelease(home), buildMs, publishMs, storeMs };
}

const reportOf = (home: string): string => join(home, 'last-build.json');
