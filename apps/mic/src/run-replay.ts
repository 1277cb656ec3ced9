import { join } from 'node:path';
import { readDecisions, replay, type Decision, type Replay } from '@mic/decision-log';
import { MicError, toMicError } from '@mic/domain';
import { pickProfile, profileHash, type ItemCatalog, type Profiles, type RecallProfile } from '@mic/recall';
import { openParts } from '@mic/release';
import type { Home } from './home';

export interface ReplayOptions {
  readonly home: Home;
  /** A file of the decision log, or a folder of such files. */
  readonly log: string;
  /** Ranks again by these; null: by what is recorded. */
  readonly profiles: Profiles | null;
  /** Of the profiles; '' as a request that names none. */
  readonly profile: string;
  /** Only decisions of this request. */
  readonly requestId?: string;
  readonly onDecision?: (decision: Decision, replayed: Replay) => void;
}

/** What came of replaying a log. */
export interface ReplayReport {
  readonly decisions: number;
  /** The same items in the same order with the same scores, to the bit. */
  readonly same: number;
  /** Mean share of the recorded items that are among the replayed ones. */
  readonly meanOverlap: number;
  /** Decisions whose first item is the same. */
  readonly sameFirst: number;
  /** Decisions by profile hash, as recorded. */
  readonly byProfile: Readonly<Record<string, number>>;
  /** Hashes of the profiles that ranked; empty where it was the recorded ones. */
  readonly rankedBy: readonly string[];
  /** Decisions of releases that are not in the home, or of other content, by release. */
  readonly withoutRelease: Readonly<Record<string, number>>;
  /** Lines that are no decisions, with the first. */
  readonly unreadable: number;
  readonly firstUnreadable: string | null;
}

/** Ranks every decision of a log again. @throws MicError NOT_FOUND when there is no log. */
export async function runReplay(options: ReplayOptions): Promise<ReplayReport> {
  const { log, profiles, requestId, onDecision } = options;
  const catalogs = new Catalogs(options.home);
  const totals = { decisions: 0, same: 0, sameFirst: 0, overlap: 0, unreadable: 0 };
  const byProfile: Record<string, number> = {};
  const withoutRelease: Record<string, number> = {};
  const rankedBy = new Set<string>();
  let firstUnreadable: string | null = null;
  for await (const line of readDecisions(log)) {
    if ('problem' in line) {
      totals.unreadable++;
      firstUnreadable ??= `${line.at}: ${line.problem.message}`;
      continue;
    }
    const { decision } = line;
    if (requestId !== undefined && decision.requestId !== requestId) continue;
    const catalog = await catalogs.of(decision);
    if (catalog === null) {
      withoutRelease[decision.releaseId] = (withoutRelease[decision.releaseId] ?? 0) + 1;
      continue;
    }
    const profile = profiles ? rankingProfile(profiles, options.profile, decision, rankedBy) : undefined;
    const replayed = replay(decision, catalog, profile);
    totals.decisions++;
    totals.same += Number(replayed.isSame);
    totals.sameFirst += Number(replayed.recorded.itemIds[0] === replayed.replayed.itemIds[0]);
    totals.overlap += replayed.overlap;
    byProfile[decision.profile.hash] = (byProfile[decision.profile.hash] ?? 0) + 1;
    onDecision?.(decision, replayed);
  }
  const { overlap, ...counts } = totals;
  return {
    ...counts,
    meanOverlap: totals.decisions === 0 ? 1 : overlap / totals.decisions,
    byProfile,
    rankedBy: [...rankedBy],
    withoutRelease,
    firstUnreadable,
  };
}

function rankingProfile(profiles: Profiles, name: string, { userId }: Decision, used: Set<string>): RecallProfile {
  const { profile } = pickProfile(profiles, name, userId);
  used.add(profileHash(profile));
  return profile;
}

/** The items of releases, opened once each. */
class Catalogs {
  readonly #home: Home;
  readonly #opened = new Map<string, ItemCatalog | null>();

  constructor(home: Home) {
    this.#home = home;
  }

  /** Null where the home has no such release, or another one under its id. @throws MicError DATA_LOSS when it is damaged. */
  async of({ releaseId, manifestSha256 }: Decision): Promise<ItemCatalog | null> {
    const key = `${releaseId} ${manifestSha256}`;
    if (!this.#opened.has(key)) this.#opened.set(key, await this.#open(releaseId, manifestSha256));
    return this.#opened.get(key)!;
  }

  async #open(releaseId: string, manifestSha256: string): Promise<ItemCatalog | null> {
    try {
      const { catalog, manifest } = await openParts(join(this.#home.releases, releaseId), ['catalog']);
      return manifest.manifestSha256 === manifestSha256 ? catalog : null;
    } catch (error) {
      const told = toMicError(error);
      if (told.code === 'NOT_FOUND') return null;
      throw new MicError(told.code, told.message, { subject: told.subject, remedy: told.remedy, cause: error });
    }
  }
}
