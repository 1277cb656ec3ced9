import type { FieldSpec } from './schema';

/** Where one field stands in an encoded row. */
export interface FieldPlace {
  readonly name: string;
  /** First integer of the field. */
  readonly offset: number;
  /** Integers of the field: 1, or a multi field's width. */
  readonly width: number;
  /** Rows of an embedding table for the field: every encoded value is below it. */
  readonly tableSize: number;
}

/** The layout of an encoded row: fields side by side in schema order. */
export interface FieldLayout {
  readonly places: readonly FieldPlace[];
  /** Integers per row. */
  readonly width: number;
}

/** Rows of an embedding table for a field: row 0 is "missing", then one row per vocabulary entry or bucket. */
export function tableSizeOf(field: FieldSpec): number {
  return field.type === 'numeric' ? field.boundaries.length + 2 : field.vocabulary.length + 1;
}

/** Integers that a field takes in an encoded row. */
export function widthOf(field: FieldSpec): number {
  return field.type === 'multi' ? field.width : 1;
}

export function layoutOf(fields: readonly FieldSpec[]): FieldLayout {
  const places: FieldPlace[] = [];
  let width = 0;
  for (const field of fields) {
    places.push({ name: field.name, offset: width, width: widthOf(field), tableSize: tableSizeOf(field) });
    width += widthOf(field);
  }
  return { places, width };
}
