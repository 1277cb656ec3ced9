import { DEGRADED_OUTCOMES, hashIds, MicError, type ReleaseId } from '@mic/domain';
import { withinBudget, type Budgeted, type Clock } from './budget';
import { NO_CANDIDATES, type ChannelInput, type RecallChannel } from './channel';
import { RECALL_CHANNELS } from './channels/registry';
import { Eligibility } from './eligibility';
import { knownRows, mergeHistories, NO_HISTORY } from './history';
import type { ChannelList } from './merge';
import type {
  CallOptions,
  ItemCatalog,
  ItemIndex,
  NeighborReader,
  PackedHistory,
  UserContext,
  UserEmbedder,
  UserVectors,
} from './ports';
import { pickProfile, type Profiles, type RecallProfile } from './profile';
import type { ChannelReport, RecallRequest, RecallResult, RecallService, ScoreParts } from './recall-types';
import { rankLists, type RankedCandidates } from './rank-lists';

export interface RecallPorts {
  readonly embedder: UserEmbedder;
  readonly index: ItemIndex;
  readonly store: NeighborReader;
}

export interface RecallEngineOptions {
  readonly ports: RecallPorts;
  /** Items of the release that answers. */
  readonly catalog: ItemCatalog;
  /** Asked for each request: they may change. */
  readonly profiles: () => Profiles;
  /** performance.now by default. */
  readonly clock?: Clock;
  /**
   * How long things wait for this process just now, milliseconds; 0 by default. A request has waited that long before it
   * was read, and its answer will, and its deadline knows of neither.
   */
  readonly queueDelayMs?: () => number;
}

/** A ranked answer in rows, before it is put into words. */
export interface RankedRecall extends RankedCandidates {
  readonly profileName: string;
  readonly profileHash: string;
  readonly userKnown: boolean;
  readonly basicScore: RecallResult['basicScore'];
  /** Each channel's candidates alone, in the channel's order. */
  readonly lists: readonly ChannelList[];
  readonly reports: readonly ChannelReport[];
  /** What the items were scored with; null where the user has no vector. */
  readonly userVectors: UserVectors | null;
}

/** Beyond it, a share of a long deadline would be time wasted, milliseconds. */
const LARGEST_SHARED_RESERVE_MS = 50;

/** One request on its way. */
interface Trip {
  readonly request: RecallRequest;
  readonly profile: RecallProfile;
  readonly signal: AbortSignal;
  /** Milliseconds until the reserve for merge and rerank begins. */
  readonly timeLeft: () => number;
}

/**
 * The recall path: user context, then all channels at once, each within its budget, then merge and rerank. What fails or
 * is late is reported and left out; the rest is answered.
 */
export class RecallEngine implements RecallService {
  readonly #ports: RecallPorts;
  readonly #catalog: ItemCatalog;
  readonly #profiles: () => Profiles;
  readonly #clock: Clock;
  readonly #queueDelayMs: () => number;

  constructor(options: RecallEngineOptions) {
    const { ports, catalog, profiles, clock = () => performance.now(), queueDelayMs = () => 0 } = options;
    this.#ports = ports;
    this.#catalog = catalog;
    this.#profiles = profiles;
    this.#clock = clock;
    this.#queueDelayMs = queueDelayMs;
  }

  async recall(request: RecallRequest, deadlineMs: number, signal: AbortSignal): Promise<RecallResult> {
    const ranked = await this.rank(request, deadlineMs, signal);
    const catalog = this.#catalog;
    const { merged, scores } = ranked;
    return {
      userId: request.userId,
      userKnown: ranked.userKnown,
      requestId: request.requestId,
      releaseId: catalog.releaseId,
      profile: ranked.profileName,
      profileHash: ranked.profileHash,
      degraded: ranked.reports.some(({ outcome }) => DEGRADED_OUTCOMES.has(outcome)),
      basicScore: ranked.basicScore,
      items: Array.from(ranked.order, (i) => ({
        itemId: catalog.itemId(merged.rows[i]!),
        score: scores.score[i]!,
        category: catalog.categoryNames[catalog.categories[merged.rows[i]!]!] ?? '',
        sources: merged.sourcesOf(i),
        ...(request.explain && {
          parts: partsOf(scores, i),
        }),
      })),
      channels: ranked.reports,
    };
  }

  /**
   * The answer in rows of the release.
   *
   * @throws MicError INVALID_ARGUMENT for a profile or n that does not exist, FAILED_PRECONDITION for another release,
   *   DEADLINE_EXCEEDED when no time was left at the start, CANCELLED when the caller cancels.
   */
  async rank(request: RecallRequest, deadlineMs: number, signal: AbortSignal): Promise<RankedRecall> {
    const started = this.#clock();
    const { name, profile, hash } = pickProfile(this.#profiles(), request.profile ?? '', request.userId);
    const n = wantedItems(request.n, profile);
    this.#checkRelease(request.releaseId);
    const total = Number.isFinite(deadlineMs) ? deadlineMs : profile.timeoutMs;
    if (total <= 0) throw new MicError('DEADLINE_EXCEEDED', 'the deadline had passed when the request arrived');
    const reserve = this.#reserveMs(profile, total);
    const timeLeft = (): number => total - reserve - (this.#clock() - started);
    const trip: Trip = { request, profile, signal, timeLeft };

    const context = await this.#readContext(trip);
    const history = this.#historyOf(trip, context);
    const historyRows = knownRows(this.#catalog.rowsOf((history ?? NO_HISTORY).itemHashes));
    const vectors = this.#embed(trip, context, history && historyRows);
    // Awaited below; a cancellation that ends the channels first must not leave it unhandled.
    vectors.catch(() => undefined);
    const input = this.#channelInput(trip, historyRows, vectors);
    const ran = await Promise.all(RECALL_CHANNELS.map((channel) => this.#runChannel(channel, trip, context, input)));
    const userVectors = await vectors;

    const lists = ran.map(({ list }) => list);
    const known = userVectors?.outcome === 'OK' ? userVectors.value : null;
    return {
      profileName: name,
      profileHash: hash,
      userKnown: context.outcome === 'OK' && context.value.userKnown,
      basicScore: known ? 'USER_VECTOR' : 'CHANNEL_SIMILARITY',
      lists,
      reports: ran.map(({ report }) => report),
      userVectors: known,
      ...rankLists(lists, this.#catalog, known, profile.rerank, n),
    };
  }

  /** Time kept back for what comes after the channels, and for what the queues of this process take. */
  #reserveMs({ reserveMs, reserveShare }: RecallProfile, total: number): number {
    const shared = Math.min(total * reserveShare, LARGEST_SHARED_RESERVE_MS);
    return Math.max(reserveMs, shared) + Math.min(2 * this.#queueDelayMs(), total / 2, LARGEST_SHARED_RESERVE_MS);
  }

  #readContext({ request, profile, signal, timeLeft }: Trip): Promise<Budgeted<UserContext>> {
    const { userId, requestId } = request;
    const wanted = { releaseId: this.#catalog.releaseId, userId, historyLimit: profile.historyLimit };
    return withinBudget((options) => this.#ports.store.userContext(wanted, options), {
      timeoutMs: Math.min(profile.contextTimeoutMs, profile.contextShare * timeLeft()),
      signal,
      requestId,
      clock: this.#clock,
    });
  }

  /** Stored and inline history as one; null when the store did not answer and the caller gave none. */
  #historyOf({ request }: Trip, context: Budgeted<UserContext>): PackedHistory | null {
    if (context.outcome !== 'OK') return request.inlineHistory ?? null;
    const stored = context.value.history;
    return request.inlineHistory ? mergeHistories(request.inlineHistory, stored) : stored;
  }

  /** The user's vectors within the time of U2I; null when the history could not be read, so that they would mislead. */
  async #embed(
    { request, profile, signal, timeLeft }: Trip,
    context: Budgeted<UserContext>,
    historyRows: Uint32Array | null,
  ): Promise<Budgeted<UserVectors> | null> {
    if (historyRows === null) return null;
    const user = context.outcome === 'OK' ? context.value : null;
    const input = { userRow: user?.userRow ?? null, profile: user?.profile ?? null, historyRows };
    const { releaseId, dimension } = this.#catalog;
    const embed = async (options: CallOptions): Promise<UserVectors> =>
      checkVectors(await this.#ports.embedder.embed(releaseId, input, options), dimension);
    return withinBudget(embed, {
      timeoutMs: Math.min(profile.channels.U2I.timeoutMs, timeLeft()),
      signal,
      requestId: request.requestId,
      clock: this.#clock,
    });
  }

  #channelInput(
    { request, profile }: Trip,
    historyRows: Uint32Array,
    vectors: Promise<Budgeted<UserVectors> | null>,
  ): ChannelInput {
    const catalog = this.#catalog;
    const excluded = catalog.rowsOf(hashIds(request.excludeItemIds ?? []));
    const barred = request.includeSeen ? [...excluded] : [...historyRows, ...excluded];
    return {
      releaseId: catalog.releaseId,
      userId: request.userId,
      profile,
      catalog,
      eligibility: new Eligibility(catalog, barred, request.categories ?? []),
      historyRows,
      userVectors: async () => {
        const result = await vectors;
        if (result?.outcome === 'OK') return result.value;
        const code = result ? VECTOR_ERRORS[result.outcome] : 'UNAVAILABLE';
        throw new MicError(code, `the user has no vector: ${result?.message ?? 'no history'}`);
      },
    };
  }

  async #runChannel(
    channel: RecallChannel,
    { request, profile, signal, timeLeft }: Trip,
    context: Budgeted<UserContext>,
    input: ChannelInput,
  ): Promise<{ list: ChannelList; report: ChannelReport }> {
    const settings = profile.channels[channel.name];
    const nothing = { list: { channel: channel.name, candidates: NO_CANDIDATES } };
    const report = { channel: channel.name, candidates: 0, elapsedMs: 0, message: '' };
    if (!settings.enabled)
      return { ...nothing, report: { ...report, outcome: 'DISABLED', message: 'off in the profile' } };
    if (channel.needsHistory && context.outcome !== 'OK' && !request.inlineHistory) {
      const message = `the user's history could not be read: ${context.message}`;
      return { ...nothing, report: { ...report, outcome: context.outcome, elapsedMs: context.elapsedMs, message } };
    }
    const ran = await withinBudget((options) => channel.retrieve(input, this.#ports, options), {
      timeoutMs: Math.min(settings.timeoutMs, timeLeft()),
      signal,
      requestId: request.requestId,
      clock: this.#clock,
    });
    if (ran.outcome !== 'OK') return { ...nothing, report: { ...report, ...ran } };
    const candidates = ran.value;
    const count = candidates.rows.length;
    const without =
      context.outcome === 'OK' ? '' : `answered without the user's stored history and profile: ${context.message}`;
    return {
      list: { channel: channel.name, candidates },
      report: {
        ...report,
        outcome: count > 0 ? 'OK' : 'EMPTY',
        candidates: count,
        elapsedMs: ran.elapsedMs,
        message: count > 0 ? without : ['found no eligible item', without].filter(Boolean).join('; '),
      },
    };
  }

  #checkRelease(wanted: ReleaseId | undefined): void {
    if (wanted === undefined || wanted === this.#catalog.releaseId) return;
    throw new MicError('FAILED_PRECONDITION', `release ${wanted} is not served, ${this.#catalog.releaseId} is`, {
      subject: 'release_id',
      remedy: 'leave release_id empty, or ask for the release that is served',
    });
  }
}

const partsOf = (scores: RankedCandidates['scores'], i: number): ScoreParts => ({
  basic: scores.basic[i]!,
  repetition: scores.repetition[i]!,
  diversity: scores.diversity[i]!,
  similarUsers: scores.similarUsers[i]!,
  similarItems: scores.similarItems[i]!,
});

/** What the lack of a user vector means to a channel that needs it. */
const VECTOR_ERRORS = { LATE: 'DEADLINE_EXCEEDED', FAILED: 'UNAVAILABLE', SHED: 'RESOURCE_EXHAUSTED' } as const;

/** @throws RangeError for vectors that could not be compared with the items'. */
function checkVectors(user: UserVectors, dimension: number): UserVectors {
  if (user.count < 1 || user.vectors.length !== user.count * dimension) {
    throw new RangeError(`the user tower gave ${user.vectors.length} numbers as ${user.count} vectors of ${dimension}`);
  }
  if (!user.vectors.every(Number.isFinite)) throw new RangeError('the user tower gave a vector that is not finite');
  return user;
}

function wantedItems(n: number | undefined, profile: RecallProfile): number {
  const wanted = n ?? profile.n.default;
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= profile.n.max) return wanted;
  throw new MicError('INVALID_ARGUMENT', `n is ${wanted}; this profile allows 1 to ${profile.n.max}`, {
    subject: 'n',
    remedy: `ask for 1 to ${profile.n.max} items, or leave n out for ${profile.n.default}`,
  });
}
