import { join } from 'node:path';
import { HashRows, parseReleaseId, type ReleaseId } from '@mic/domain';
import type { ItemCatalog } from '@mic/recall';
import { categoryNamesSchema, readReleaseJson } from './check-contents';
import { readColumn } from './columns';
import { RELEASE_FILES as FILES, stringTableFiles } from './layout';
import type { Manifest } from './manifest';
import { PopularLists } from './popular-lists';
import { readBytes } from './read-bytes';
import { StringTable } from './string-table';

/** The items of a release as plain columns, which travel between threads. */
export interface ItemColumns {
  readonly releaseId: ReleaseId;
  readonly dimension: number;
  /** items x dimension. */
  readonly vectors: Float32Array;
  readonly categories: Uint32Array;
  readonly categoryNames: readonly string[];
  readonly popularity: Float32Array;
  /** (categories + 1) x popularLength rows, padded with NO_ROW. */
  readonly popular: Uint32Array;
  readonly popularLength: number;
  readonly idsUtf8: Uint8Array;
  readonly idOffsets: Uint32Array;
  readonly hashes: Uint32Array;
  /** The table of HashRows over the hashes. */
  readonly hashSlots: Uint32Array;
}

/** Reads the items of a verified release. @param given their vectors, where they are read already. */
export async function readItemColumns(
  directory: string,
  { id, dimension, lists }: Manifest,
  given?: Float32Array,
): Promise<ItemColumns> {
  const [utf8Path, offsetsPath] = stringTableFiles(FILES.itemIds);
  const at = (path: string): string => join(directory, path);
  const [vectors, categories, names, popularity, popular, idsUtf8, idOffsets, hashes] = await Promise.all([
    given ?? readColumn(at(FILES.itemVectors), Float32Array),
    readColumn(at(FILES.itemCategories), Uint32Array),
    readReleaseJson(directory, FILES.categoryNames, categoryNamesSchema),
    readColumn(at(FILES.itemPopularity), Float32Array),
    readColumn(at(FILES.itemPopular), Uint32Array),
    readBytes(at(utf8Path)),
    readColumn(at(offsetsPath), Uint32Array),
    readColumn(at(FILES.itemHashes), Uint32Array),
  ]);
  const hashSlots = new HashRows(hashes).slots;
  return {
    releaseId: parseReleaseId(id),
    dimension,
    vectors,
    categories,
    categoryNames: names.value,
    popularity,
    popular,
    popularLength: lists.popular.length,
    idsUtf8,
    idOffsets,
    hashes,
    hashSlots,
  };
}

/** The items of a release as the recall path asks for them. */
export function itemCatalog(columns: ItemColumns): ItemCatalog {
  const { releaseId, dimension, vectors, categories, categoryNames, popularity } = columns;
  const ids = new StringTable(columns.idsUtf8, columns.idOffsets);
  const popular = new PopularLists(columns.popular, columns.popularLength);
  const rowByHash = new HashRows(columns.hashes, columns.hashSlots);
  return {
    releaseId,
    itemCount: ids.count,
    dimension,
    vectors,
    categories,
    categoryNames,
    popularity,
    popular: (category) => popular.of(category),
    itemId: (row) => ids.at(row),
    rowsOf: (itemHashes) => rowByHash.rowsOf(itemHashes),
  };
}
