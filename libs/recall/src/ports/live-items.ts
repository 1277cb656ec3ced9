import type { CallOptions } from './call-options';

/** Raw fields of an item by name, as UpsertItems takes them. */
export type ItemFields = Readonly<Record<string, string | number | readonly string[]>>;

/** The newest that was said of an item beside the releases: it is there, with these fields, or it must not be returned. */
export interface LiveItem {
  readonly itemId: string;
  /** Null: the item is hidden. */
  readonly fields: ItemFields | null;
}

/** Up to which change a reader knows the live items. */
export interface LiveItemsMark {
  /** Number of the newest change; 0 before the first. */
  readonly revision: number;
  /** Another text when records were forgotten, or may have been lost with a server, which no revision shows. */
  readonly epoch: string;
}

/** What a reader of live items has not seen yet. */
export interface LiveItemChanges extends LiveItemsMark {
  /** True where `items` are all there are: what the reader had is to be dropped. */
  readonly isWhole: boolean;
  /** In the order of their changes; each item once, as it is now. */
  readonly items: readonly LiveItem[];
}

/** Read side of the live items, a control record of the store: read by whoever serves items, and small. */
export interface LiveItemRecords {
  /** @param known what the reader has; null: nothing. */
  liveItems(known: LiveItemsMark | null): Promise<LiveItemChanges>;
}

/**
 * Write side of the live items. Idempotent: saying the same again changes nothing and makes no revision; of two things said the
 * later one counts.
 */
export interface LiveItemWriter {
  /**
   * Stores what is said of some items, all or none.
   * @returns the revision after it.
   * @throws MicError RESOURCE_EXHAUSTED when there would be more records than the store's cap.
   */
  writeLiveItems(items: readonly LiveItem[], options?: CallOptions): Promise<number>;
}

/** What callers say of items: checked, stored, and in force here when a call returns. */
export interface ItemWriter {
  /** @returns the revision after it. @throws MicError INVALID_ARGUMENT for a field that the release does not have. */
  upsertItems(
    items: readonly { readonly itemId: string; readonly fields: ItemFields }[],
    options: CallOptions,
  ): Promise<number>;
  /** Hides items. @returns the revision after it. */
  removeItems(itemIds: readonly string[], options: CallOptions): Promise<number>;
}

/** The offline side: what a release knows by itself needs no record. */
export interface LiveItemKeeper {
  /**
   * Takes records away.
   * @param items as they were read: one that was changed since stays.
   * @returns how many went.
   */
  forgetLiveItems(items: readonly LiveItem[]): Promise<number>;
}
