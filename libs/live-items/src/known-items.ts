import type { ItemFields, LiveItemChanges, LiveItemsMark } from '@mic/recall';

/** Fields of an item, and what tells them from others. */
export interface KnownFields {
  readonly fields: ItemFields;
  /** The same for the same fields. */
  readonly key: string;
}

/** What is said of items, as far as it was read. */
export class KnownItems {
  readonly #fields = new Map<string, KnownFields>();
  readonly #hidden = new Set<string>();
  #mark: LiveItemsMark | null = null;

  /** How far it was read; null: not yet. */
  get mark(): LiveItemsMark | null {
    return this.#mark;
  }

  /** Items that are there, by id. */
  get fields(): ReadonlyMap<string, KnownFields> {
    return this.#fields;
  }

  get hidden(): ReadonlySet<string> {
    return this.#hidden;
  }

  /** @returns whether anything is another than before. */
  take({ revision, epoch, isWhole, items }: LiveItemChanges): boolean {
    const isNews = this.#mark === null || isWhole || items.length > 0;
    this.#mark = { revision, epoch };
    if (isWhole) {
      this.#fields.clear();
      this.#hidden.clear();
    }
    for (const { itemId, fields } of items) {
      this.#fields.delete(itemId);
      this.#hidden.delete(itemId);
      if (fields === null) this.#hidden.add(itemId);
      else this.#fields.set(itemId, { fields, key: JSON.stringify(fields) });
    }
    return isNews;
  }
}
