import type { EmbedderServiceClient, EmbedItemsRequest } from '@mic/contracts';
import { MicError, type ReleaseId } from '@mic/domain';
import type { CallOptions, ItemEmbedder } from '@mic/recall';
import { unary } from '@mic/rpc';
import { malformed, packed } from '@mic/wire';
import { wantedOnWire, type CallersRelease, type ServiceCaller } from './service-caller';
import type { ServiceConnection } from './service-connection';

/** Items of one call. */
const MAX_BATCH = 512;

/**
 * The item tower of a user-embedder; connect by UserEmbedderClient.connect. More than 512 items go in several calls, one after
 * the other, so that users who are embedded meanwhile get their turn; all of them share the caller's time.
 */
export class ItemEmbedderClient implements ItemEmbedder {
  readonly #client: EmbedderServiceClient;
  readonly #caller: ServiceCaller;
  readonly #release: CallersRelease;

  constructor({ client, caller }: ServiceConnection<EmbedderServiceClient>, release: CallersRelease) {
    this.#client = client;
    this.#caller = caller;
    this.#release = release;
  }

  async embedItems(releaseId: ReleaseId, fields: readonly Int32Array[], options: CallOptions): Promise<Float32Array> {
    const wanted = wantedOnWire(this.#release, releaseId);
    const batches: Float32Array[] = [];
    const began = performance.now();
    for (let first = 0; first < fields.length; first += MAX_BATCH) {
      const timeoutMs = options.timeoutMs === undefined ? undefined : options.timeoutMs - (performance.now() - began);
      if (timeoutMs !== undefined && timeoutMs <= 0) throw late(first, fields.length);
      const batch = fields.slice(first, first + MAX_BATCH);
      const items = batch.map((codes) => ({ itemRow: [], fields: packed(codes), usersPooled: [] }));
      batches.push(await this.#embedBatch({ ...wanted, items }, { ...options, timeoutMs }));
    }
    const vectors = new Float32Array(batches.reduce((sum, batch) => sum + batch.length, 0));
    let at = 0;
    for (const batch of batches) {
      vectors.set(batch, at);
      at += batch.length;
    }
    return vectors;
  }

  async #embedBatch(request: EmbedItemsRequest, options: CallOptions): Promise<Float32Array> {
    const answer = await this.#caller.call('embedItems', options, (call) =>
      unary(this.#client, 'embedItems', request, call),
    );
    this.#caller.checkAnswered(this.#release.releaseId, answer.releaseId);
    if (answer.vectors.length !== request.items.length * answer.dimension) throw malformed('vectors of another length');
    return Float32Array.from(answer.vectors);
  }
}

function late(done: number, wanted: number): MicError {
  return new MicError('DEADLINE_EXCEEDED', `${done} of ${wanted} items were embedded when time was up`, {
    remedy: 'allow more time, or ask for less',
  });
}
