import { MicError } from '@mic/domain';
import { FieldEncoder } from './field-encoder';
import type { FieldSpec, RawValue } from './schema';

/** Raw values of one user or item by field name. */
export type RawRow = Readonly<Record<string, RawValue>>;

/** Compiles fields once; the encoders stand in schema order and give rows in the layout of layoutOf. */
export function compileFields(fields: readonly FieldSpec[]): readonly FieldEncoder[] {
  return fields.map((field) => new FieldEncoder(field));
}

/** Encodes one row at out[offset]; a field that is absent is encoded as missing, a raw name that no field has is ignored. */
export function encodeRow(encoders: readonly FieldEncoder[], raw: RawRow, out: Int32Array, offset: number): void {
  let at = offset;
  for (const encoder of encoders) {
    encoder.encode(raw[encoder.name], out, at);
    at += encoder.width;
  }
}

/**
 * As encodeRow, for values that a caller typed.
 * @throws MicError INVALID_ARGUMENT for a raw name that no field has.
 */
export function encodeRowStrict(encoders: readonly FieldEncoder[], raw: RawRow, out: Int32Array, offset: number): void {
  const known = encoders.map((encoder) => encoder.name);
  for (const name of Object.keys(raw)) {
    if (known.includes(name)) continue;
    throw new MicError('INVALID_ARGUMENT', `there is no field ${JSON.stringify(name)}`, {
      remedy: known.length > 0 ? `use the fields ${known.join(', ')}` : 'leave the fields out: the model has none',
      subject: name,
    });
  }
  encodeRow(encoders, raw, out, offset);
}

/** Encodes rows into one array of rows.length x width integers. */
export function encodeRows(encoders: readonly FieldEncoder[], rows: readonly RawRow[]): Int32Array {
  const width = encoders.reduce((sum, encoder) => sum + encoder.width, 0);
  const out = new Int32Array(rows.length * width);
  rows.forEach((row, index) => {
    encodeRow(encoders, row, out, index * width);
  });
  return out;
}
