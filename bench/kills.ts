import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Random, type ReleaseId } from '@mic/domain';
import { openStore } from '@mic/open-store';
import type { Store } from '@mic/recall';
import { openRelease } from '@mic/release';
import { BUILD_STAGES } from '@mic/release-build';
import { brokenReleases, pointerProblems, recordsLeft, writtenSoFar } from './check-release';
import { runKilled, type Ended } from './killed-command';
import { buildArgs, builtRelease, makeKillsHome, type KillsHome, type KillsWorld } from './kills-home';

export interface KillsOptions {
  /** An empty folder. */
  readonly home: string;
  /** Address of the store; without it HOME/store. */
  readonly store?: string;
  readonly world: KillsWorld;
  /** Rounds: each kills one build and one publish. */
  readonly times: number;
  readonly seed: number;
}

/** A command that was killed, and what came of it. */
export interface Kill {
  /** Since its process was started, milliseconds. */
  readonly afterMs: number;
  /** What it was at: a stage of a build, a step of a publish, `start` before the first one, `over` when it had ended. */
  readonly at: string;
  /** The run after it ended well. */
  readonly completed: boolean;
  /** How long that run took, waiting for the dead one's lock or lease included, milliseconds. */
  readonly againMs: number;
}

export interface KillRound {
  readonly build: Kill & {
    /** Stages that the run after it took over. */
    readonly takenOver: number;
  };
  readonly publish: Kill & {
    /** Whether the pointer named the release already. */
    readonly moved: boolean;
    /** The next publish was one of another release. */
    readonly abandoned: boolean;
  };
  /** What must not be; empty in a good round. */
  readonly violations: readonly string[];
}

export interface KillsReport {
  readonly buildMs: number;
  readonly publishMs: number;
  readonly rounds: readonly KillRound[];
  /** Those that came before the command had ended by itself. */
  readonly kills: number;
  readonly completed: number;
  readonly violations: readonly string[];
  /** Kills by what they hit. */
  readonly hits: { readonly build: Record<string, number>; readonly publish: Record<string, number> };
}

/** What a command was at that had ended before it was killed. */
const OVER = 'over';
/** One round in so many abandons the release whose publish was killed: another one is published first. */
const ABANDON = 4;
/** Releases that stay in the store by default. */
const KEPT = 3;

/**
 * Kills builds and publishes at random moments, looks at what a reader would find, and runs each again to its end. What must
 * hold: no release is visible that is not whole; the pointer names a whole one; the next run completes; what was killed
 * leaves nothing behind.
 */
export async function benchKills(options: KillsOptions, onRound: (round: KillRound) => void): Promise<KillsReport> {
  const { home: folder, store, world, times, seed } = options;
  const home = await makeKillsHome(folder, store, world, seed);
  const { buildMs, publishMs } = home;
  const random = new Random(seed);
  const rounds: KillRound[] = [];
  let served = home.releaseId;
  for (let n = 0; n < times; n++) {
    const { round, releaseId } = await new Round(home, store ?? join(folder, 'store'), random).run(n, served);
    served = releaseId;
    rounds.push(round);
    onRound(round);
  }
  const kills = rounds.flatMap(({ build, publish }) => [build, publish]).filter(({ at }) => at !== OVER);
  return {
    buildMs,
    publishMs,
    rounds,
    kills: kills.length,
    completed: kills.filter(({ completed }) => completed).length,
    violations: rounds.flatMap(({ violations }, i) => violations.map((violation) => `round ${i + 1}: ${violation}`)),
    hits: {
      build: counted(rounds.map(({ build }) => build.at)),
      publish: counted(rounds.map(({ publish }) => publish.at)),
    },
  };
}

class Round {
  readonly #home: KillsHome;
  readonly #store: string;
  readonly #random: Random;
  readonly #releasesDir: string;
  readonly #violations: string[] = [];

  constructor(home: KillsHome, store: string, random: Random) {
    this.#home = home;
    this.#store = store;
    this.#random = random;
    this.#releasesDir = join(home.home, 'releases');
  }

  /** @param served the release that the pointer names. */
  async run(n: number, served: ReleaseId): Promise<{ readonly round: KillRound; readonly releaseId: ReleaseId }> {
    const build = await this.#killBuild(n);
    const releaseId = await builtRelease(this.#home.home);
    const publish = await this.#killPublish(releaseId, served, n % ABANDON === ABANDON - 1);
    await this.#removeFolders();
    return { round: { build, publish, violations: this.#violations }, releaseId };
  }

  async #killBuild(n: number): Promise<KillRound['build']> {
    const { home, at, buildMs } = this.#home;
    const args = [...buildArgs(home, n + 2), ...at];
    const before = await visible(this.#releasesDir);
    const afterMs = this.#random.next() * buildMs;
    const killed = await runKilled(args, afterMs);
    if (killed.status !== null) this.#home.buildMs = killed.ms;
    this.#violations.push(...(await brokenReleases(this.#releasesDir)));
    const isVisible = (await visible(this.#releasesDir)).length > before.length;
    const finished = stagesOf(killed.stderr, '');
    const again = await runKilled(args);
    const takenOver = stagesOf(again.stderr, ', done before');
    this.#mustComplete(again, 'build');
    const redone = isVisible ? [] : finished.filter((stage) => !takenOver.includes(stage));
    if (redone.length > 0) this.#violations.push(`the build did ${redone.join(', ')} again`);
    if ((await visible(this.#releasesDir)).length !== before.length + 1) this.#violations.push('a build is no release');
    const left = (await readdir(this.#releasesDir)).filter((name) => name.startsWith('.building-'));
    if (left.length > 0) this.#violations.push(`a build has left ${left.join(', ')}`);
    this.#violations.push(...(await brokenReleases(this.#releasesDir)));
    const hit = killed.status !== null ? OVER : isVisible ? 'named' : stageAt(finished);
    return { afterMs, at: hit, completed: again.status === 0, againMs: again.ms, takenOver: takenOver.length };
  }

  async #killPublish(releaseId: ReleaseId, served: ReleaseId, abandoned: boolean): Promise<KillRound['publish']> {
    const { at, publishMs, storeMs } = this.#home;
    const args = (id: ReleaseId): string[] => ['publish', ...at, '--release', id];
    const before = await this.#withStore((store) => store.releases());
    // The store is worked on for a small part of a publish: two kills of three aim at it, the others at all of it.
    const aimed = this.#random.below(3) > 0;
    const from = aimed ? Math.max(0, publishMs - 2 * storeMs) : 0;
    const afterMs = from + this.#random.next() * (publishMs + (aimed ? storeMs / 2 : 0) - from);
    const killed = await runKilled(args(releaseId), afterMs);
    if (killed.status !== null) this.#home.publishMs = killed.ms;
    const found = await this.#withStore(async (store) => {
      this.#violations.push(...(await pointerProblems(store, this.#releasesDir, [served, releaseId])));
      return { step: await this.#stepOf(store, releaseId), pointer: await store.pointer() };
    });
    const started = performance.now();
    let isSealed = found.step === 'point' || found.step === 'retire';
    if (abandoned) {
      this.#mustComplete(await runKilled(args(served)), `publish of ${served}`);
      this.#violations.push(
        ...(await this.#withStore(async (store) => [
          ...(await pointerProblems(store, this.#releasesDir, [served])),
          ...(isSealed ? [] : await recordsLeft(store, this.#releasesDir, [releaseId])),
        ])),
      );
      isSealed = false;
    }
    const again = await runKilled(args(releaseId));
    this.#mustComplete(again, 'publish');
    const againMs = performance.now() - started;
    await this.#withStore(async (store) => {
      const sealed = (await store.releases()).map((release) => release.releaseId);
      const gone = before.map((release) => release.releaseId).filter((id) => !sealed.includes(id));
      const unfinished = await store.unfinished();
      if (sealed.length > KEPT) this.#violations.push(`${sealed.length} releases are in the store`);
      if (unfinished.length > 0) this.#violations.push(`${unfinished.join(', ')} is begun and not finished`);
      this.#violations.push(...(await pointerProblems(store, this.#releasesDir, [releaseId])));
      this.#violations.push(...(await recordsLeft(store, this.#releasesDir, gone)));
    });
    const moved = found.pointer?.releaseId === releaseId;
    const step = killed.status === null ? found.step : OVER;
    return { afterMs, at: step, completed: again.status === 0, againMs, moved, abandoned };
  }

  async #stepOf(store: Store, releaseId: ReleaseId): Promise<string> {
    if ((await store.pointer())?.releaseId === releaseId) return 'retire';
    if ((await store.releases()).some((sealed) => sealed.releaseId === releaseId)) return 'point';
    if (!(await store.unfinished()).includes(releaseId)) return 'start';
    const { users, items } = await writtenSoFar(store, await openRelease(join(this.#releasesDir, releaseId)));
    return items ? 'check' : users ? 'items' : 'users';
  }

  #mustComplete({ status, stderr }: Ended, what: string): void {
    if (status !== 0) this.#violations.push(`the next ${what} ended with ${status}: ${stderr.trim()}`);
  }

  /** A new connection each time: what a reader finds that comes then. */
  async #withStore<T>(look: (store: Store) => Promise<T>): Promise<T> {
    const store = await openStore({ store: this.#store, readOnly: true });
    try {
      return await look(store);
    } finally {
      await store.close();
    }
  }

  /** Folders of releases that the store does not have any more: nothing looks at them again. */
  async #removeFolders(): Promise<void> {
    const sealed = await this.#withStore((store) => store.releases());
    const kept = sealed.map(({ releaseId }): string => releaseId);
    const gone = (await visible(this.#releasesDir)).filter((id) => !kept.includes(id));
    for (const id of gone) await rm(join(this.#releasesDir, id), { recursive: true });
  }
}

/** Stages that a build says to have finished, with that ending of the line. */
function stagesOf(stderr: string, ending: string): string[] {
  const line = new RegExp(`^build: (\\S+) [\\d.]+ s${ending}$`, 'gm');
  return Array.from(stderr.matchAll(line), ([, stage]) => stage!);
}

/** The first stage that was not finished; `start` before all. */
function stageAt(finished: readonly string[]): string {
  if (finished.length === 0) return 'start';
  return BUILD_STAGES.find((stage) => !finished.includes(stage)) ?? 'manifest';
}

const visible = async (releasesDir: string): Promise<string[]> =>
  (await readdir(releasesDir)).filter((name) => !name.startsWith('.'));

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
