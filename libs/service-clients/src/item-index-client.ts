import { AnnServiceClient, Index, type SearchRequest as WireRequest } from '@mic/contracts';
import type { ScoredLists } from '@mic/domain';
import type { CallOptions, ItemIndex, SearchRequest } from '@mic/recall';
import { createClient, unary } from '@mic/rpc';
import { fromWireLists, packed } from '@mic/wire';
import { wantedOnWire, type CallersRelease, type ServiceCaller, type ServiceCallerOptions } from './service-caller';
import { connectionOf, type ServiceConnection } from './service-connection';

/** The item index of an ann-service. */
export class ItemIndexClient implements ItemIndex {
  readonly #client: AnnServiceClient;
  readonly #caller: ServiceCaller;
  readonly #release: CallersRelease;

  constructor({ client, caller }: ServiceConnection<AnnServiceClient>, release: CallersRelease) {
    this.#client = client;
    this.#caller = caller;
    this.#release = release;
  }

  /** @param target see grpcTarget. @param options of all clients on this connection. */
  static connect(target: string, options?: ServiceCallerOptions): ServiceConnection<AnnServiceClient> {
    return connectionOf('ann-service', createClient(AnnServiceClient, target), options);
  }

  async search({ releaseId, count, vectors, k, ef }: SearchRequest, options: CallOptions): Promise<ScoredLists> {
    const request: WireRequest = {
      ...wantedOnWire(this.#release, releaseId),
      index: Index.INDEX_ITEMS,
      vectors: { count, values: packed(vectors) },
      rows: undefined,
      k,
      ef,
    };
    const answer = await this.#caller.call('search', options, (call) => unary(this.#client, 'search', request, call));
    this.#caller.checkAnswered(releaseId, answer.releaseId);
    return fromWireLists(answer.lists, count);
  }
}
