import type { RawRow } from './encode-row';
import type { FeatureSchema } from './schema';

/** The category of an item: the first value of the category field; '' where it has none. */
export function categoryOf({ categoryField }: Pick<FeatureSchema, 'categoryField'>, fields: RawRow): string {
  const value = categoryField === null ? null : fields[categoryField];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' || typeof first === 'number' ? String(first) : '';
}
