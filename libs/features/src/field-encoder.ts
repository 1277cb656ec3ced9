import { tableSizeOf, widthOf } from './layout';
import type { FieldSpec, RawValue } from './schema';

/** One field, compiled: its vocabulary is a map that is built once. Encoded values follow fieldSpecSchema. */
export class FieldEncoder {
  readonly name: string;
  /** Integers that the field takes in a row. */
  readonly width: number;
  /** Every encoded value is below it. */
  readonly tableSize: number;
  readonly #codes: ReadonlyMap<string, number>;
  readonly #boundaries: Float64Array | null;
  readonly #multi: boolean;

  constructor(field: FieldSpec) {
    this.name = field.name;
    this.width = widthOf(field);
    this.tableSize = tableSizeOf(field);
    this.#codes = new Map(field.type === 'numeric' ? [] : field.vocabulary.map((value, index) => [value, index + 1]));
    this.#multi = field.type === 'multi';
    this.#boundaries = field.type === 'numeric' ? Float64Array.from(field.boundaries) : null;
  }

  /**
   * Writes the field's `width` integers at out[offset]; every one of them is written. Unseen values of a multi field
   * take no place, repeated ones take one. A categorical field that is given a list takes its first value; a numeric
   * field reads numbers and their decimal text.
   */
  encode(value: RawValue, out: Int32Array, offset: number): void {
    if (this.#boundaries) {
      out[offset] = bucketOf(this.#boundaries, toNumber(value));
    } else if (this.#multi) {
      this.#encodeMany(value, out, offset);
    } else {
      out[offset] = this.#firstCode(value);
    }
  }

  #codeOf(value: string | number): number {
    return this.#codes.get(typeof value === 'string' ? value : String(value)) ?? 0;
  }

  #firstCode(value: RawValue): number {
    if (value === null || value === undefined) return 0;
    if (typeof value === 'string' || typeof value === 'number') return this.#codeOf(value);
    return value.length === 0 ? 0 : this.#codeOf(value[0]!);
  }

  #encodeMany(value: RawValue, out: Int32Array, offset: number): void {
    out.fill(0, offset, offset + this.width);
    if (value === null || value === undefined) return;
    const values = typeof value === 'string' || typeof value === 'number' ? [value] : value;
    let kept = 0;
    for (const one of values) {
      const code = this.#codeOf(one);
      if (code === 0 || out.subarray(offset, offset + kept).includes(code)) continue;
      out[offset + kept++] = code;
      if (kept === this.width) return;
    }
  }
}

function toNumber(value: RawValue): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return Number.NaN;
  return Number(value);
}

/** 0 for NaN, else 1 + the number of boundaries that are <= the value. */
function bucketOf(boundaries: Float64Array, value: number): number {
  if (Number.isNaN(value)) return 0;
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (boundaries[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low + 1;
}
