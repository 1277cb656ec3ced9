import { AnnServiceClient, Index, type SearchRequest as WireRequest } from '@mic/contracts';
import type { ScoredLists } from '@mic/domain';
import type { CallOptions, ItemIndex, SearchRequest } from '@mic/recall';
import { createClient, unary } from '@mic/rpc';
import { fromWireLists, packed } from '@mic/wire';
import { ServiceCaller, wantedOnWire, type CallersRelease } from './service-caller';

/** The item index of an ann-service. */
export class ItemIndexClient implements ItemIndex {
  readonly #client: AnnServiceClient;
  readonly #caller = new ServiceCaller('ann-service');
  readonly #release: CallersRelease;

  constructor(client: AnnServiceClient, release: CallersRelease) {
    this.#client = client;
    this.#release = release;
  }

  /** @param target see grpcTarget. */
  static connect(target: string): AnnServiceClient {
    return createClient(AnnServiceClient, target);
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
    const answer = await this.#caller.call(options, (call) => unary(this.#client, 'search', request, call));
    this.#caller.checkAnswered(releaseId, answer.releaseId);
    return fromWireLists(answer.lists, count);
  }
}
