import type { ReleaseId } from '@mic/domain';

/** The items of one release, as the gateway holds them in memory. */
export interface ItemCatalog {
  readonly releaseId: ReleaseId;
  readonly itemCount: number;
  readonly dimension: number;
  /** itemCount x dimension, row-major, unit vectors. */
  readonly vectors: Float32Array;
  /** Category of each item: an index into the release's category names; 0 is "none". */
  readonly categories: Uint32Array;
  readonly categoryNames: readonly string[];
  /** Number of training events of each item. */
  readonly popularity: Float32Array;
  /** Item rows of a category, or of all for 0, most events first; as many as the release lists, none where it lists none. */
  popular(category: number): Uint32Array;
  itemId(row: number): string;
  /** Rows of packed item hashes, NO_ROW where the release does not know the item. */
  rowsOf(itemHashes: Uint32Array): Uint32Array;
}
