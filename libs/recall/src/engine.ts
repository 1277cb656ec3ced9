import { DEGRADED_OUTCOMES, hashIds, MicError, type ReleaseId } from '@mic/domain';
import type { FeatureSchema } from '@mic/features';
import { withinBudget, type Budgeted, type Clock } from './budget';
import type { ChannelPorts } from './channel';
import { Eligibility } from './eligibility';
import { droppedOf, sourceOf, type Refused } from './explain';
import { knownRows, mergeHistories, NO_HISTORY } from './history';
import { Items, NO_LIVE_ITEMS, type LiveItems } from './items';
import { LateBreakers } from './late-breaker';
import type { ChannelList } from './merge';
import { withOverrides } from './overrides';
import type { CallOptions, ItemCatalog, PackedHistory, UserContext, UserEmbedder, UserVectors } from './ports';
import { pickProfile, profileHash, type PickedProfile, type Profiles, type RecallProfile } from './profile';
import { rankLists, type RankedCandidates } from './rank-lists';
import { runChannels, type ChannelRunner, type Trip, type UserState } from './run-channels';
import type {
  ChannelReport,
  DroppedCandidate,
  RecallRequest,
  RecallResult,
  RecallService,
  ScoreParts,
} from './recall-types';
import { UserFields, type GivenFields } from './user-fields';

export interface RecallPorts extends ChannelPorts {
  readonly embedder: UserEmbedder;
}

export interface RecallEngineOptions {
  readonly ports: RecallPorts;
  /** Items of the release that answers. */
  readonly catalog: ItemCatalog;
  /** Fields of the users of the release. */
  readonly schema: Pick<FeatureSchema, 'userFields'>;
  /** What is said of items beside the release; asked for each request. None by default. */
  readonly liveItems?: () => LiveItems;
  /** Search width of the item index where a profile names none; undefined: it has none. */
  readonly indexEf?: number;
  /** Likewise of the user index. */
  readonly userIndexEf?: number;
  /** Asked for each request: they may change. */
  readonly profiles: () => Profiles;
  /** Told of every answer but rehearsals, before it is put into words. */
  readonly onRanked?: (request: RecallRequest, ranked: RankedRecall) => void;
  /** performance.now by default. */
  readonly clock?: Clock;
  /**
   * How long things wait for this process just now, milliseconds; 0 by default. A request has waited that long before it
   * was read, and its answer will, and its deadline knows of neither.
   */
  readonly queueDelayMs?: () => number;
  /** Of what is late again and again; engines of several releases share them. Its own by default. */
  readonly lateBreakers?: LateBreakers;
}

/** A ranked answer in rows, before it is put into words. */
export interface RankedRecall extends RankedCandidates {
  /** What it was made by, overrides included. */
  readonly picked: PickedProfile;
  /** Items wanted. */
  readonly n: number;
  readonly items: Items;
  readonly userKnown: boolean;
  readonly basicScore: RecallResult['basicScore'];
  /** Each channel's candidates alone, in the channel's order; of channels that were to be run. */
  readonly lists: readonly ChannelList[];
  readonly reports: readonly ChannelReport[];
  /** What the items were scored with; null where the user has no vector. */
  readonly userVectors: UserVectors | null;
  /** What was found and is not returned; empty unless the request asked to explain. */
  readonly dropped: readonly DroppedCandidate[];
}

/** What becomes of what a pressed request would ask for. */
const PRESSED = {
  outcome: 'SHED',
  message: 'the process is busy: what runs already takes the time that this request has',
  elapsedMs: 0,
} as const;

/** Beyond it, a share of a long deadline would be time wasted, milliseconds. */
const LARGEST_SHARED_RESERVE_MS = 50;

/**
 * The recall path: user context, then all channels at once, each within its budget, then fallbacks where too little was found,
 * then merge and rerank. What fails or is late is reported and left out; the rest is answered.
 */
export class RecallEngine implements RecallService {
  readonly #ports: RecallPorts;
  readonly #catalog: ItemCatalog;
  readonly #userFields: UserFields;
  readonly #liveItems: () => LiveItems;
  readonly #efs: Pick<ChannelRunner, 'indexEf' | 'userIndexEf'>;
  readonly #profiles: () => Profiles;
  readonly #onRanked: RecallEngineOptions['onRanked'];
  readonly #clock: Clock;
  readonly #queueDelayMs: () => number;
  readonly #breakers: LateBreakers;
  #items: { readonly of: LiveItems; readonly items: Items } | null = null;

  constructor(options: RecallEngineOptions) {
    this.#ports = options.ports;
    this.#catalog = options.catalog;
    this.#userFields = new UserFields(options.schema);
    this.#liveItems = options.liveItems ?? (() => NO_LIVE_ITEMS);
    this.#efs = { indexEf: options.indexEf, userIndexEf: options.userIndexEf };
    this.#profiles = options.profiles;
    this.#onRanked = options.onRanked;
    this.#clock = options.clock ?? (() => performance.now());
    this.#queueDelayMs = options.queueDelayMs ?? (() => 0);
    this.#breakers = options.lateBreakers ?? new LateBreakers({ clock: this.#clock });
  }

  async recall(request: RecallRequest, deadlineMs: number, signal: AbortSignal): Promise<RecallResult> {
    const ranked = await this.rank(request, deadlineMs, signal);
    if (!request.isRehearsal) this.#onRanked?.(request, ranked);
    const { merged, scores, items, picked } = ranked;
    return {
      userId: request.userId,
      userKnown: ranked.userKnown,
      requestId: request.requestId,
      releaseId: items.releaseId,
      profile: picked.name,
      profileHash: picked.hash,
      degraded: ranked.reports.some(({ outcome }) => DEGRADED_OUTCOMES.has(outcome)),
      basicScore: ranked.basicScore,
      items: Array.from(ranked.order, (i) => ({
        itemId: items.itemId(merged.rows[i]!),
        score: scores.score[i]!,
        category: items.categoryName(items.categoryOf(merged.rows[i]!)),
        sources: merged.sourcesOf(i).map(({ list, place }) => sourceOf(list, place, request.explain === true)),
        ...(request.explain && { parts: partsOf(scores, i) }),
      })),
      channels: ranked.reports,
      itemsRevision: items.revision,
      dropped: ranked.dropped,
    };
  }

  /**
   * The answer in rows.
   *
   * @throws MicError INVALID_ARGUMENT for a profile, n, override or field that does not exist or goes too far,
   *   FAILED_PRECONDITION for another release, DEADLINE_EXCEEDED when no time was left at the start of a request that is not pressed, CANCELLED when the caller
   *   cancels.
   */
  async rank(request: RecallRequest, deadlineMs: number, signal: AbortSignal): Promise<RankedRecall> {
    const started = this.#clock();
    const picked = this.#profileOf(request);
    const { profile } = picked;
    const n = wantedItems(request.n, profile);
    this.#checkRelease(request.releaseId);
    const total = Number.isFinite(deadlineMs) ? deadlineMs : profile.timeoutMs;
    if (total <= 0 && !request.isPressed)
      throw new MicError('DEADLINE_EXCEEDED', 'the deadline had passed when the request arrived');
    const reserve = this.#reserveMs(profile, total);
    const timeToAnswer = (): number => total - (this.#clock() - started);
    const timeLeft = (): number => timeToAnswer() - reserve;
    const trip: Trip = { request, n, profile, items: this.#currentItems(), signal, timeLeft, timeToAnswer };
    // A field that does not exist is refused before anything is done.
    const fields = request.userFields ? this.#userFields.encode(request.userFields) : null;
    const user = await this.#readUser(trip, fields);
    const runs = await runChannels(trip, user, {
      ports: this.#ports,
      ...this.#efs,
      clock: this.#clock,
      breakers: this.#breakers,
    });
    const vectors = await user.vectors;
    const known = vectors?.outcome === 'OK' ? vectors.value : null;
    const lists = runs.filter(({ report }) => report.outcome !== 'DISABLED').map(({ list }) => list);
    const ranked = rankLists(lists, trip.items, known, profile, n);
    const refused: Refused = new Map(runs.map((run) => [run.report.channel, run.refused]));
    return {
      picked,
      n,
      items: trip.items,
      userKnown: user.context.outcome === 'OK' && user.context.value.userKnown,
      basicScore: known ? 'USER_VECTOR' : 'CHANNEL_SIMILARITY',
      lists,
      reports: runs.map(({ report }) => report),
      userVectors: known,
      dropped: request.explain ? droppedOf(ranked, lists, refused, user.eligibility, trip.items) : [],
      ...ranked,
    };
  }

  #profileOf({ profile: name = '', userId, overrides }: RecallRequest): PickedProfile {
    const picked = pickProfile(this.#profiles(), name, userId);
    if (!overrides) return picked;
    const profile = withOverrides(picked.profile, overrides);
    return { ...picked, profile, hash: profileHash(profile) };
  }

  /** The same object for as long as nothing is said of items. */
  #currentItems(): Items {
    const live = this.#liveItems();
    if (this.#items?.of !== live) this.#items = { of: live, items: new Items(this.#catalog, live) };
    return this.#items.items;
  }

  /** Time kept back for what comes after the channels, and for what the queues of this process take. */
  #reserveMs({ reserveMs, reserveShare }: RecallProfile, total: number): number {
    const shared = Math.min(total * reserveShare, LARGEST_SHARED_RESERVE_MS);
    return (
      Math.max(Math.min(reserveMs, total / 2), shared) +
      Math.min(2 * this.#queueDelayMs(), total / 2, LARGEST_SHARED_RESERVE_MS)
    );
  }

  async #readUser(trip: Trip, fields: GivenFields | null): Promise<UserState> {
    const { request, items } = trip;
    const context = request.isPressed ? PRESSED : await this.#readContext(trip);
    const history = historyOf(request, context);
    const historyRows = knownRows(items.rowsOf((history ?? NO_HISTORY).itemHashes));
    const rows = history && historyRows;
    const vectors = request.isPressed ? Promise.resolve(null) : this.#embed(trip, context, rows, fields);
    // Awaited later; a cancellation that ends the channels first must not leave it unhandled.
    vectors.catch(() => undefined);
    const rowsOf = (ids: readonly string[]): Uint32Array => items.rowsOf(hashIds(ids));
    const eligibility = new Eligibility(items, {
      seen: request.includeSeen ? [] : historyRows,
      excluded: rowsOf(request.excludeItemIds ?? []),
      categories: request.categories ?? [],
      only: request.onlyItemIds && request.onlyItemIds.length > 0 ? rowsOf(request.onlyItemIds) : undefined,
    });
    return { context, historyRows, eligibility, vectors };
  }

  #readContext({ request, profile, signal, timeLeft }: Trip): Promise<Budgeted<UserContext>> {
    const { userId, requestId } = request;
    const wanted = { releaseId: this.#catalog.releaseId, userId, historyLimit: profile.historyLimit };
    return withinBudget((options) => this.#ports.store.userContext(wanted, options), {
      timeoutMs: Math.min(profile.contextTimeoutMs, profile.contextShare * timeLeft()),
      hedgeAfterMs: profile.contextHedgeAfterMs,
      breaker: this.#breakers.of('CONTEXT'),
      signal,
      requestId,
      clock: this.#clock,
    });
  }

  /** The user's vectors within the time of U2I; null when the history could not be read, so that they would mislead. */
  async #embed(
    { request, profile, signal, timeLeft }: Trip,
    context: Budgeted<UserContext>,
    historyRows: Uint32Array | null,
    fields: GivenFields | null,
  ): Promise<Budgeted<UserVectors> | null> {
    if (historyRows === null) return null;
    const user = context.outcome === 'OK' ? context.value : null;
    const { releaseId, dimension, itemCount } = this.#catalog;
    const stored = user?.profile ?? null;
    const input = {
      userRow: user?.userRow ?? null,
      profile: fields ? this.#userFields.over(stored, fields) : stored,
      // The tower knows the items of its release.
      historyRows: historyRows.filter((row) => row < itemCount),
    };
    const embed = async (options: CallOptions): Promise<UserVectors> =>
      checkVectors(await this.#ports.embedder.embed(releaseId, input, options), dimension);
    return withinBudget(embed, {
      timeoutMs: Math.min(profile.channels.U2I.timeoutMs, timeLeft()),
      hedgeAfterMs: profile.channels.U2I.hedgeAfterMs,
      breaker: this.#breakers.of('VECTORS'),
      signal,
      requestId: request.requestId,
      clock: this.#clock,
    });
  }

  #checkRelease(wanted: ReleaseId | undefined): void {
    if (wanted === undefined || wanted === this.#catalog.releaseId) return;
    throw new MicError('FAILED_PRECONDITION', `release ${wanted} is not served, ${this.#catalog.releaseId} is`, {
      subject: 'release_id',
      remedy: 'leave release_id empty, or ask for the release that is served',
    });
  }
}

/** Stored and inline history as one; null when the store did not answer and the caller gave none. */
function historyOf({ inlineHistory }: RecallRequest, context: Budgeted<UserContext>): PackedHistory | null {
  if (context.outcome !== 'OK') return inlineHistory ?? null;
  const stored = context.value.history;
  return inlineHistory ? mergeHistories(inlineHistory, stored) : stored;
}

const partsOf = (scores: RankedCandidates['scores'], i: number): ScoreParts => ({
  basic: scores.basic[i]!,
  repetition: scores.repetition[i]!,
  diversity: scores.diversity[i]!,
  similarUsers: scores.similarUsers[i]!,
  similarItems: scores.similarItems[i]!,
});

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
