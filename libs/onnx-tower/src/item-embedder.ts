import { MicError, type ReleaseId } from '@mic/domain';
import type { TowerSignature } from '@mic/features';
import type { CallOptions, ItemEmbedder } from '@mic/recall';
import { checkTower } from './check-tower';
import { listedFeeds } from './feeds';
import { finishVectors } from './finish-vectors';
import type { ModelSession } from './session';
import { SessionThread } from './session-thread';

/** The inputs of the item tower for one item. */
export interface ItemTowerInput {
  /** The item's trained id embedding (length: the signature's itemIdDimension), or null: new item, id masked. */
  readonly itemRow: Float32Array | null;
  /** Item fields as integers in the feature schema's layout, or null: every field masked. */
  readonly fields: Int32Array | null;
  /** Mean id embedding of users of the item (length: idDimension), or null: none is known. */
  readonly usersPooled: Float32Array | null;
}

export interface OnnxItemEmbedderOptions {
  readonly releaseId: ReleaseId;
  readonly signature: TowerSignature;
  /** ONNX model that meets the signature; its memory changes hands. */
  readonly model: Uint8Array;
}

/** The item tower of one release in this process: vectors for items that are newer than the release. */
export class OnnxItemEmbedder implements ItemEmbedder {
  readonly #releaseId: ReleaseId;
  readonly #signature: TowerSignature;
  readonly #session: ModelSession;

  private constructor(releaseId: ReleaseId, signature: TowerSignature, session: ModelSession) {
    this.#releaseId = releaseId;
    this.#signature = signature;
    this.#session = session;
  }

  /** @throws MicError FAILED_PRECONDITION when the model is none, or its inputs and outputs are not the signature's. */
  static async open({ releaseId, signature, model }: OnnxItemEmbedderOptions): Promise<OnnxItemEmbedder> {
    const session = await SessionThread.open(model, `the item tower of release ${releaseId}`);
    try {
      checkTower(session, 'item', signature);
    } catch (error) {
      await session.close();
      throw error;
    }
    return new OnnxItemEmbedder(releaseId, signature, session);
  }

  /**
   * Items x dimension, row-major, unit vectors.
   * @throws MicError CANCELLED when the answer is not wanted any more before the tower runs; INTERNAL when the tower fails.
   */
  async embed(inputs: readonly ItemTowerInput[], { signal }: CallOptions): Promise<Float32Array> {
    if (signal.aborted) throw new MicError('CANCELLED', 'the items are not wanted any more');
    const { idDimension, itemIdDimension, itemFieldsWidth, maskedItemRow, maskedUserRow, itemTower } = this.#signature;
    const size = inputs.length;
    const itemRows = new Float32Array(size * itemIdDimension);
    const fields = new BigInt64Array(size * itemFieldsWidth);
    const usersPooled = new Float32Array(size * idDimension);
    inputs.forEach((input, i) => {
      itemRows.set(input.itemRow ?? maskedItemRow, i * itemIdDimension);
      input.fields?.forEach((code, f) => (fields[i * itemFieldsWidth + f] = BigInt(code)));
      usersPooled.set(input.usersPooled ?? maskedUserRow, i * idDimension);
    });
    const feeds = {
      item_row: { data: itemRows, dims: [size, itemIdDimension] },
      fields: { data: fields, dims: [size, itemFieldsWidth] },
      users_pooled: { data: usersPooled, dims: [size, idDimension] },
    };
    const { item_vectors } = await this.#session.run(listedFeeds(feeds, itemTower), ['item_vectors']);
    const vectors = item_vectors!.data as Float32Array;
    const problem = finishVectors(vectors, size, this.#signature);
    if (problem === null) return vectors;
    throw new MicError('INTERNAL', `the item tower of release ${this.#releaseId} ${problem}`);
  }

  /** @throws MicError FAILED_PRECONDITION for another release; else as `embed`. */
  async embedItems(releaseId: ReleaseId, fields: readonly Int32Array[], options: CallOptions): Promise<Float32Array> {
    if (releaseId !== this.#releaseId) {
      throw new MicError('FAILED_PRECONDITION', `this item tower is of release ${this.#releaseId}, not ${releaseId}`, {
        subject: 'release_id',
        remedy: `ask for ${this.#releaseId}`,
      });
    }
    const inputs = fields.map((codes) => ({ itemRow: null, fields: codes, usersPooled: null }));
    return this.embed(inputs, options);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}
