import type { FieldValue } from '@mic/contracts';
import type { ItemFields } from '@mic/recall';
import { checkCount, checkFinite, checkText, invalid, quote } from './checks';
import { MAX_FIELDS, MAX_TEXTS } from './limits';

type WireFields = Readonly<Record<string, FieldValue>>;

/**
 * Checks raw fields by name: of an item, or of a user.
 *
 * @param field what errors call them: a bad value of `genre` is field["genre"].
 * @throws MicError INVALID_ARGUMENT that names the field.
 */
export function toItemFields(field: string, wire: WireFields): ItemFields {
  // A map that was decoded with this name has it for its prototype and not among its entries.
  if (Object.getPrototypeOf(wire) !== Object.prototype) throw noFieldName(field);
  const entries = Object.entries(wire);
  checkCount(field, entries.length, 0, MAX_FIELDS);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const named = `${field}[${quote(name)}]`;
      if (name === '__proto__') throw noFieldName(field);
      return [checkText(named, name), toFieldValue(named, value)];
    }),
  );
}

/** Fields as the protos have them. */
export function fromItemFields(fields: ItemFields): Record<string, FieldValue> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, fromFieldValue(value)]));
}

function toFieldValue(field: string, { text, number, texts }: FieldValue): ItemFields[string] {
  const given = [text, number, texts].filter((value) => value !== undefined).length;
  if (given !== 1) {
    const message = given === 0 ? 'has no value' : 'has more than one value';
    throw invalid(field, message, 'set one of text, number and texts, or leave the field out');
  }
  if (text !== undefined) return text === '' ? text : checkText(field, text);
  if (number !== undefined) return checkFinite(field, number);
  const { values } = texts!;
  checkCount(`${field}.texts`, values.length, 0, MAX_TEXTS);
  return values.map((value, index) => checkText(`${field}.texts[${index}]`, value));
}

function fromFieldValue(value: ItemFields[string]): FieldValue {
  if (typeof value === 'string') return { text: value };
  return typeof value === 'number' ? { number: value } : { texts: { values: [...value] } };
}

const noFieldName = (field: string): Error =>
  invalid(`${field}["__proto__"]`, 'has a name that no field can have', 'name fields as the feature schema does');
