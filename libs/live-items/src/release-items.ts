import { hashIds, MicError, NO_ROW } from '@mic/domain';
import { categoryOf, compileFields, encodeRow, layoutOf, type FeatureSchema } from '@mic/features';
import { NO_LIVE_ITEMS, type ItemCatalog, type ItemEmbedder, type LiveItems } from '@mic/recall';
import type { KnownItems } from './known-items';

/** Items embedded in one call. */
const EMBED_AT_ONCE = 128;
/** Longest time that such a call may take, milliseconds. */
const EMBED_WITHIN_MS = 5_000;
/** Calls made at most to find which items of a look the tower fails for. */
const MOST_SPLITS = 64;

export interface ReleaseItemsOptions {
  readonly catalog: ItemCatalog;
  readonly schema: FeatureSchema;
  readonly embedder: ItemEmbedder;
}

/** The live items as one release sees them: new ones with a vector by its item tower, from their fields alone. */
export class ReleaseItems {
  readonly #options: ReleaseItemsOptions;
  readonly #encoders: ReturnType<typeof compileFields>;
  readonly #width: number;
  /** Vectors by item id, of the fields with that key. */
  readonly #vectors = new Map<string, { readonly key: string; readonly vector: Float32Array }>();
  /** Items that the tower fails for, with the key of their fields. */
  readonly #without = new Map<string, string>();
  #current: LiveItems = NO_LIVE_ITEMS;

  constructor(options: ReleaseItemsOptions) {
    this.#options = options;
    this.#encoders = compileFields(options.schema.itemFields);
    this.#width = layoutOf(options.schema.itemFields).width;
  }

  /** Another object as soon as something has changed. Its revision is that up to which everything is in it. */
  get current(): LiveItems {
    return this.#current;
  }

  /**
   * Takes over what is known. What is hidden or of another category counts at once; new items when they have their vectors. An
   * item for which the tower fails, though it gives others a vector, is named once and left out until its fields change.
   *
   * @throws MicError when the tower gives no vectors; what it could do without them is done.
   */
  async apply(known: KnownItems): Promise<void> {
    const ids = [...known.fields.keys()];
    const rows = this.#options.catalog.rowsOf(hashIds(ids));
    const newIds = ids.filter((_, i) => rows[i] === NO_ROW);
    const missing = newIds.filter((id) => !this.#isDone(id, known));
    for (const of of [this.#vectors, this.#without])
      for (const id of of.keys()) if (!known.fields.has(id)) of.delete(id);
    const categories = new Map<number, string>();
    ids.forEach((id, i) => {
      const row = rows[i]!;
      if (row === NO_ROW) return;
      const name = categoryOf(this.#options.schema, known.fields.get(id)!.fields);
      if (name !== this.#nameOf(row)) categories.set(row, name);
    });
    const put = (): void => {
      this.#current = this.#snapshot(known, newIds, categories);
    };
    put();
    if (missing.length === 0) return;
    const failures: Failure[] = [];
    for (let first = 0; first < missing.length; first += EMBED_AT_ONCE) {
      await this.#embed(missing.slice(first, first + EMBED_AT_ONCE), known, failures);
    }
    const isTowerWell = failures.length < missing.length;
    if (isTowerWell) for (const { id } of failures) this.#leaveOut(id, known);
    put();
    if (failures.length > 0) throw isTowerWell ? withoutVector(failures) : failures[0]!.error;
  }

  /** Whether nothing more is to be asked of the tower for an item. */
  #isDone(id: string, known: KnownItems): boolean {
    const { key } = known.fields.get(id)!;
    return this.#vectors.get(id)?.key === key || this.#without.get(id) === key;
  }

  #leaveOut(id: string, known: KnownItems): void {
    this.#without.set(id, known.fields.get(id)!.key);
    this.#vectors.delete(id);
  }

  #snapshot(known: KnownItems, newIds: readonly string[], categories: ReadonlyMap<number, string>): LiveItems {
    const { dimension } = this.#options.catalog;
    const ready = newIds.filter((id) => this.#vectors.has(id));
    const isComplete = newIds.every((id) => this.#isDone(id, known));
    const vectors = new Float32Array(ready.length * dimension);
    ready.forEach((id, i) => {
      vectors.set(this.#vectors.get(id)!.vector, i * dimension);
    });
    return {
      revision: isComplete ? (known.mark?.revision ?? 0) : this.#current.revision,
      newItems: ready.map((itemId) => ({
        itemId,
        category: categoryOf(this.#options.schema, known.fields.get(itemId)!.fields),
      })),
      vectors,
      categories,
      hiddenIds: [...known.hidden],
    };
  }

  /** Embeds some items; where the tower fails for them together, each half by itself, down to those that it fails for. */
  async #embed(ids: readonly string[], known: KnownItems, failures: Failure[], splits = { made: 0 }): Promise<void> {
    try {
      await this.#embedTogether(ids, known);
    } catch (error) {
      if (!(error instanceof MicError) || error.code !== 'INTERNAL' || splits.made >= MOST_SPLITS) throw error;
      if (ids.length === 1) {
        failures.push({ id: ids[0]!, error });
        return;
      }
      splits.made++;
      const middle = Math.ceil(ids.length / 2);
      for (const half of [ids.slice(0, middle), ids.slice(middle)]) await this.#embed(half, known, failures, splits);
    }
  }

  async #embedTogether(ids: readonly string[], known: KnownItems): Promise<void> {
    const { catalog, embedder } = this.#options;
    const encoded = ids.map((id) => {
      const row = new Int32Array(this.#width);
      encodeRow(this.#encoders, known.fields.get(id)!.fields, row, 0);
      return row;
    });
    const options = {
      signal: AbortSignal.timeout(EMBED_WITHIN_MS),
      requestId: `live-items/${known.mark?.revision ?? 0}`,
      timeoutMs: EMBED_WITHIN_MS,
    };
    const vectors = await embedder.embedItems(catalog.releaseId, encoded, options);
    ids.forEach((id, i) => {
      const vector = vectors.slice(i * catalog.dimension, (i + 1) * catalog.dimension);
      this.#vectors.set(id, { key: known.fields.get(id)!.key, vector });
    });
  }

  #nameOf(row: number): string {
    const { categories, categoryNames } = this.#options.catalog;
    return categoryNames[categories[row]!] ?? '';
  }
}

/** An item that the tower fails for, alone. */
interface Failure {
  readonly id: string;
  readonly error: MicError;
}

function withoutVector(failures: readonly Failure[]): MicError {
  const [{ id, error }] = failures as [Failure];
  const others = failures.length > 1 ? ` and ${failures.length - 1} more` : '';
  return new MicError('INTERNAL', `no vector for the live item ${JSON.stringify(id)}${others}: ${error.message}`, {
    subject: id,
    remedy: 'upsert it with other fields; with these it is not returned by this release',
  });
}
