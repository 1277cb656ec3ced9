import { Index, type AnnServiceClient, type SearchRequest as WireRequest } from '@mic/contracts';
import type { ScoredLists } from '@mic/domain';
import type { CallOptions, SearchByUsersRequest, SearchRequest, UserIndex } from '@mic/recall';
import { unary } from '@mic/rpc';
import { fromWireLists, packed } from '@mic/wire';
import { wantedOnWire, type CallersRelease, type ServiceCaller } from './service-caller';
import type { ServiceConnection } from './service-connection';

/** The user vectors of an ann-service; connect by ItemIndexClient.connect. */
export class UserIndexClient implements UserIndex {
  readonly #client: AnnServiceClient;
  readonly #caller: ServiceCaller;
  readonly #release: CallersRelease;

  constructor({ client, caller }: ServiceConnection<AnnServiceClient>, release: CallersRelease) {
    this.#client = client;
    this.#caller = caller;
    this.#release = release;
  }

  searchUsers({ count, vectors, ...request }: SearchRequest, options: CallOptions): Promise<ScoredLists> {
    const queries = { vectors: { count, values: packed(vectors) }, rows: undefined };
    return this.#search(Index.INDEX_USERS, queries, count, request, options);
  }

  searchByUsers({ userRows, ...request }: SearchByUsersRequest, options: CallOptions): Promise<ScoredLists> {
    const queries = { vectors: undefined, rows: { rows: packed(userRows), of: Index.INDEX_USERS } };
    return this.#search(Index.INDEX_ITEMS, queries, userRows.length, request, options);
  }

  async #search(
    index: Index,
    queries: Pick<WireRequest, 'vectors' | 'rows'>,
    count: number,
    { releaseId, k, ef }: Omit<SearchByUsersRequest, 'userRows'>,
    options: CallOptions,
  ): Promise<ScoredLists> {
    const request: WireRequest = { ...wantedOnWire(this.#release, releaseId), index, ...queries, k, ef };
    if (count === 0) return { offsets: new Uint32Array(1), rows: new Uint32Array(), scores: new Float32Array() };
    const answer = await this.#caller.call('search', options, (call) => unary(this.#client, 'search', request, call));
    this.#caller.checkAnswered(releaseId, answer.releaseId);
    return fromWireLists(answer.lists, count);
  }
}
