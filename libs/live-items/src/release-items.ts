import { hashIds, MicError, NO_ROW } from '@mic/domain';
import { categoryOf, compileFields, encodeRow, layoutOf, type FeatureSchema } from '@mic/features';
import { NO_LIVE_ITEMS, type ItemCatalog, type ItemEmbedder, type LiveItems } from '@mic/recall';
import type { KnownFields, KnownItems } from './known-items';

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

  /** Shows what is known: what is hidden or of another category counts at once, new items as soon as they have their vectors. */
  show(known: KnownItems): void {
    const { ids, rows } = this.#rowsOf(known);
    for (const of of [this.#vectors, this.#without])
      for (const id of of.keys()) if (!known.fields.has(id)) of.delete(id);
    const categories = new Map<number, string>();
    ids.forEach((id, i) => {
      const row = rows[i]!;
      if (row === NO_ROW) return;
      const name = categoryOf(this.#options.schema, known.fields.get(id)!.fields);
      if (name !== this.#nameOf(row)) categories.set(row, name);
    });
    const newIds = ids.filter((_, i) => rows[i] === NO_ROW);
    this.#current = this.#snapshot(known, newIds, categories);
  }

  /**
   * Asks the tower for the vectors that are missing, and shows their items. An item for which the tower fails, though it is well,
   * is named once and left out until its fields change. What is known may change meanwhile: that is for the next time.
   *
   * @throws MicError when the tower gives no vectors, or none for some items; what it gave counts.
   */
  async embedMissing(known: KnownItems): Promise<void> {
    const missing = this.#missing(known);
    if (missing.length === 0) return;
    const round: Round = { revision: known.mark?.revision ?? 0, isTowerWell: false, failures: [] };
    let ended: { readonly error: unknown } | null = null;
    try {
      for (let first = 0; first < missing.length; first += EMBED_AT_ONCE) {
        await this.#embed(missing.slice(first, first + EMBED_AT_ONCE), round);
        this.show(known);
      }
    } catch (error) {
      ended = { error };
    }
    const { failures } = round;
    for (const { item } of failures) this.#leaveOut(item);
    this.show(known);
    if (ended) throw ended.error;
    if (failures.length > 0) throw withoutVector(failures);
  }

  #rowsOf({ fields }: KnownItems): { readonly ids: readonly string[]; readonly rows: Uint32Array } {
    const ids = [...fields.keys()];
    return { ids, rows: this.#options.catalog.rowsOf(hashIds(ids)) };
  }

  #missing(known: KnownItems): Missing[] {
    const { ids, rows } = this.#rowsOf(known);
    return ids
      .filter((id, i) => rows[i] === NO_ROW && !this.#isDone(id, known))
      .map((id) => ({ id, ...known.fields.get(id)! }));
  }

  /** Whether nothing more is to be asked of the tower for an item. */
  #isDone(id: string, known: KnownItems): boolean {
    const { key } = known.fields.get(id)!;
    return this.#vectors.get(id)?.key === key || this.#without.get(id) === key;
  }

  #leaveOut({ id, key }: Missing): void {
    this.#without.set(id, key);
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
  async #embed(items: readonly Missing[], round: Round, splits = { made: 0 }): Promise<void> {
    try {
      await this.#embedTogether(items, round);
    } catch (error) {
      if (!(error instanceof MicError) || error.code !== 'INTERNAL' || splits.made >= MOST_SPLITS) throw error;
      if (!(await this.#isTowerWell(round))) throw error;
      if (items.length === 1) {
        round.failures.push({ item: items[0]!, error });
        return;
      }
      splits.made++;
      const middle = Math.ceil(items.length / 2);
      for (const half of [items.slice(0, middle), items.slice(middle)]) await this.#embed(half, round, splits);
    }
  }

  async #embedTogether(items: readonly Missing[], round: Round): Promise<void> {
    const { dimension } = this.#options.catalog;
    const encoded = items.map(({ fields }) => {
      const row = new Int32Array(this.#width);
      encodeRow(this.#encoders, fields, row, 0);
      return row;
    });
    const vectors = await this.#ask(encoded, round);
    items.forEach(({ id, key }, i) => {
      this.#vectors.set(id, { key, vector: vectors.slice(i * dimension, (i + 1) * dimension) });
    });
    round.isTowerWell = true;
  }

  /** Whether the tower gave a vector to some item, or gives one to an item of which nothing is known. */
  async #isTowerWell(round: Round): Promise<boolean> {
    round.isTowerWell ||= await this.#ask([new Int32Array(this.#width)], round).then(
      () => true,
      () => false,
    );
    return round.isTowerWell;
  }

  #ask(encoded: readonly Int32Array[], { revision }: Round): Promise<Float32Array> {
    const { catalog, embedder } = this.#options;
    return embedder.embedItems(catalog.releaseId, encoded, {
      signal: AbortSignal.timeout(EMBED_WITHIN_MS),
      requestId: `live-items/${revision}`,
      timeoutMs: EMBED_WITHIN_MS,
    });
  }

  #nameOf(row: number): string {
    const { categories, categoryNames } = this.#options.catalog;
    return categoryNames[categories[row]!] ?? '';
  }
}

/** An item whose vector is missing. */
interface Missing extends KnownFields {
  readonly id: string;
}

/** An item that the tower fails for, alone. */
interface Failure {
  readonly item: Missing;
  readonly error: MicError;
}

/** What became of some items that were asked for. */
interface Round {
  /** Up to which they are known. */
  readonly revision: number;
  isTowerWell: boolean;
  readonly failures: Failure[];
}

function withoutVector(failures: readonly Failure[]): MicError {
  const [{ item, error }] = failures as [Failure];
  const { id } = item;
  const others = failures.length > 1 ? ` and ${failures.length - 1} more` : '';
  return new MicError('INTERNAL', `no vector for the live item ${JSON.stringify(id)}${others}: ${error.message}`, {
    subject: id,
    remedy: 'upsert it with other fields; with these it is not returned by this release',
  });
}
