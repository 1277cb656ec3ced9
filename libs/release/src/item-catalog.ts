import { join } from 'node:path';
import { HashRows, type ReleaseId } from '@mic/domain';
import type { ItemCatalog } from '@mic/recall';
import { categoryNamesSchema, readReleaseJson } from './check-contents';
import { readColumn } from './columns';
import { RELEASE_FILES as FILES } from './layout';
import type { Manifest } from './manifest';
import { readStringTable } from './string-table';

/** Loads the items of a verified release. */
export async function loadItemCatalog(
  directory: string,
  manifest: Manifest,
  releaseId: ReleaseId,
): Promise<ItemCatalog> {
  const [vectors, categories, names, popularity, ids, hashes] = await Promise.all([
    readColumn(join(directory, FILES.itemVectors), Float32Array),
    readColumn(join(directory, FILES.itemCategories), Uint32Array),
    readReleaseJson(directory, FILES.categoryNames, categoryNamesSchema),
    readColumn(join(directory, FILES.itemPopularity), Float32Array),
    readStringTable(join(directory, FILES.itemIds)),
    readColumn(join(directory, FILES.itemHashes), Uint32Array),
  ]);
  const rowByHash = new HashRows(hashes);
  return {
    releaseId,
    itemCount: manifest.counts.items,
    dimension: manifest.dimension,
    vectors,
    categories,
    categoryNames: names.value,
    popularity,
    itemId: (row) => ids.at(row),
    rowsOf: (itemHashes) => rowByHash.rowsOf(itemHashes),
  };
}
