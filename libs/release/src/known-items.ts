import { join } from 'node:path';
import { hashIds, HashRows, NO_ROW } from '@mic/domain';
import { categoryOf, featureSchemaSchema } from '@mic/features';
import type { LiveItem } from '@mic/recall';
import { categoryNamesSchema, readReleaseJson } from './check-contents';
import { readColumn } from './columns';
import { RELEASE_FILES as FILES } from './layout';

/**
 * The live items that say nothing a release does not know by itself: it has the item, of the same category. Hidden ones are not
 * among them.
 *
 * @param directory of a release, verified.
 */
export async function itemsKnownBy(directory: string, items: readonly LiveItem[]): Promise<LiveItem[]> {
  const [hashes, categories, names, schema] = await Promise.all([
    readColumn(join(directory, FILES.itemHashes), Uint32Array),
    readColumn(join(directory, FILES.itemCategories), Uint32Array),
    readReleaseJson(directory, FILES.categoryNames, categoryNamesSchema),
    readReleaseJson(directory, FILES.featureSchema, featureSchemaSchema),
  ]);
  const rows = new HashRows(hashes).rowsOf(hashIds(items.map(({ itemId }) => itemId)));
  return items.filter(({ fields }, i) => {
    if (fields === null || rows[i] === NO_ROW) return false;
    return names.value[categories[rows[i]!]!] === categoryOf(schema.value, fields);
  });
}
