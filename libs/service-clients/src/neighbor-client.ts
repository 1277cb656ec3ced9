import { randomUUID } from 'node:crypto';
import { NeighborServiceClient } from '@mic/contracts';
import { MicError, type Interaction, type ScoredLists } from '@mic/domain';
import type {
  AppendResult,
  CallOptions,
  HistoryWriter,
  LiveItem,
  LiveItemWriter,
  NeighborReader,
  SimilarUsersItems,
  UserContext,
  UsersItems,
  WantedRelease,
} from '@mic/recall';
import { createClient, unary } from '@mic/rpc';
import {
  fromInteractions,
  fromItems,
  fromWireHistory,
  fromWireLists,
  fromWireSimilarUsers,
  fromWireUsersItems,
  packed,
} from '@mic/wire';
import type { ServiceCaller, ServiceCallerOptions } from './service-caller';
import { connectionOf, type ServiceConnection } from './service-connection';

const noLimit = (): CallOptions => ({ signal: new AbortController().signal, requestId: randomUUID() });

/** The store behind a neighbor-store. */
export class NeighborClient implements NeighborReader, HistoryWriter, LiveItemWriter {
  readonly #client: NeighborServiceClient;
  readonly #caller: ServiceCaller;
  readonly #manifestSha256: string;

  /** @param manifestSha256 of the release that the caller has open; '' when it has none and reads whatever there is. */
  constructor({ client, caller }: ServiceConnection<NeighborServiceClient>, manifestSha256: string) {
    this.#client = client;
    this.#caller = caller;
    this.#manifestSha256 = manifestSha256;
  }

  /** @param target see grpcTarget. @param options of all clients on this connection. */
  static connect(target: string, options?: ServiceCallerOptions): ServiceConnection<NeighborServiceClient> {
    return connectionOf('neighbor-store', createClient(NeighborServiceClient, target), options);
  }

  async userContext(
    request: WantedRelease & { readonly userId: string; readonly historyLimit: number },
    options: CallOptions,
  ): Promise<UserContext> {
    const { releaseId, userId, historyLimit } = request;
    const wire = { releaseId, manifestSha256: this.#sha256(request), userId, historyLimit };
    const answer = await this.#caller.call('getUserContext', options, (call) =>
      unary(this.#client, 'getUserContext', wire, call),
    );
    this.#caller.checkAnswered(releaseId, answer.releaseId);
    const { userKnown } = answer;
    return {
      userKnown,
      userRow: userKnown ? Float32Array.from(answer.userRow) : null,
      profile: userKnown ? Int32Array.from(answer.profile) : null,
      history: fromWireHistory(answer.history),
    };
  }

  async similarUsersItems(
    request: WantedRelease & { readonly userId: string; readonly users: number; readonly itemsPerUser: number },
    options: CallOptions,
  ): Promise<SimilarUsersItems> {
    const { releaseId, userId, users, itemsPerUser } = request;
    const wire = { releaseId, manifestSha256: this.#sha256(request), userId, users, itemsPerUser };
    const answer = await this.#caller.call('getSimilarUsersItems', options, (call) =>
      unary(this.#client, 'getSimilarUsersItems', wire, call),
    );
    this.#caller.checkAnswered(releaseId, answer.releaseId);
    return fromWireSimilarUsers(answer);
  }

  async usersItems(
    request: WantedRelease & { readonly userRows: Uint32Array; readonly itemsPerUser: number },
    options: CallOptions,
  ): Promise<UsersItems> {
    const { releaseId, userRows, itemsPerUser } = request;
    const wire = { releaseId, manifestSha256: this.#sha256(request), userRows: packed(userRows), itemsPerUser };
    const answer = await this.#caller.call('getUsersItems', options, (call) =>
      unary(this.#client, 'getUsersItems', wire, call),
    );
    this.#caller.checkAnswered(releaseId, answer.releaseId);
    return fromWireUsersItems(answer);
  }

  async similarItems(
    request: WantedRelease & { readonly itemRows: Uint32Array; readonly limit: number },
    options: CallOptions,
  ): Promise<ScoredLists> {
    const { releaseId, itemRows, limit } = request;
    const wire = { releaseId, manifestSha256: this.#sha256(request), itemRows: packed(itemRows), limit };
    const answer = await this.#caller.call('getSimilarItems', options, (call) =>
      unary(this.#client, 'getSimilarItems', wire, call),
    );
    this.#caller.checkAnswered(releaseId, answer.releaseId);
    return fromWireLists(answer.lists, itemRows.length);
  }

  async appendEvents(events: readonly Interaction[], options: CallOptions = noLimit()): Promise<AppendResult> {
    if (events.length === 0) return { accepted: 0, duplicates: 0, tooOld: 0 };
    const answer = await this.#caller.call('appendEvents', options, (call) =>
      unary(this.#client, 'appendEvents', fromInteractions(events), call),
    );
    return { accepted: answer.accepted, duplicates: answer.duplicates, tooOld: answer.tooOld };
  }

  /**
   * 1 to 1,000 items, all of them with fields or all of them hidden: one RPC stores either, all or none.
   * @throws MicError INVALID_ARGUMENT when there are both.
   */
  async writeLiveItems(items: readonly LiveItem[], options: CallOptions = noLimit()): Promise<number> {
    const shown = items.flatMap(({ itemId, fields }) => (fields === null ? [] : [{ itemId, fields }]));
    const itemIds = items.flatMap(({ itemId, fields }) => (fields === null ? [itemId] : []));
    if (shown.length > 0 && itemIds.length > 0) {
      throw new MicError('INVALID_ARGUMENT', 'items with fields and hidden ones cannot be stored in one call', {
        subject: 'items',
        remedy: 'send two calls',
      });
    }
    const rpc = itemIds.length > 0 ? 'removeItems' : 'upsertItems';
    const { revision } = await this.#caller.call(rpc, options, (call) =>
      itemIds.length > 0
        ? unary(this.#client, 'removeItems', { itemIds }, call)
        : unary(this.#client, 'upsertItems', { items: fromItems(shown) }, call),
    );
    return revision;
  }

  #sha256({ manifestSha256 }: WantedRelease): string {
    return manifestSha256 ?? this.#manifestSha256;
  }
}
