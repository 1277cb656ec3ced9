import { describe, expect, it } from 'vitest';
import { compileFields, encodeRow, encodeRowStrict, encodeRows } from './encode-row';
import { layoutOf } from './layout';
import type { FieldSpec } from './schema';

const fields: FieldSpec[] = [
  { name: 'country', type: 'categorical', vocabulary: ['de', 'fr', 'se'] },
  { name: 'tags', type: 'multi', vocabulary: ['a', 'b', 'c', 'd'], width: 3 },
  { name: 'age', type: 'numeric', boundaries: [18, 30, 45] },
];
const encoders = compileFields(fields);
const encode = (raw: Parameters<typeof encodeRow>[1]) => [...encodeRows(encoders, [raw])];

describe('layoutOf', () => {
  it('places fields side by side and sizes their tables', () => {
    expect(layoutOf(fields)).toEqual({
      places: [
        { name: 'country', offset: 0, width: 1, tableSize: 4 },
        { name: 'tags', offset: 1, width: 3, tableSize: 5 },
        { name: 'age', offset: 4, width: 1, tableSize: 5 },
      ],
      width: 5,
    });
    expect(layoutOf([])).toEqual({ places: [], width: 0 });
  });
});

describe('encodeRow', () => {
  it('encodes each type', () => {
    expect(encode({ country: 'fr', tags: ['d', 'a'], age: 29 })).toEqual([2, 4, 1, 0, 2]);
  });

  it('writes 0 for what is missing or unseen', () => {
    expect(encode({})).toEqual([0, 0, 0, 0, 0]);
    expect(encode({ country: 'it', tags: ['x', 'b'], age: null })).toEqual([0, 2, 0, 0, 0]);
    expect(encode({ country: null, tags: [], age: Number.NaN })).toEqual([0, 0, 0, 0, 0]);
    expect(encode({ country: [], age: 'old' })).toEqual([0, 0, 0, 0, 0]);
  });

  it('puts a number into 1 + the boundaries that are not above it', () => {
    const bucket = (age: number | string) => encode({ age })[4];
    expect([17, 18, 29.9, 30, 44, 45, 1000].map(bucket)).toEqual([1, 2, 2, 3, 3, 4, 4]);
    expect([-Infinity, Infinity].map(bucket)).toEqual([1, 4]);
    expect(bucket('30')).toBe(3);
    expect(bucket(' ')).toBe(0);
  });

  it('keeps the first distinct known values of a multi field', () => {
    expect(encode({ tags: ['b', 'b', 'x', 'a', 'd', 'c'] }).slice(1, 4)).toEqual([2, 1, 4]);
    expect(encode({ tags: 'c' }).slice(1, 4)).toEqual([3, 0, 0]);
  });

  it('takes the first value of a list for a categorical field, and numbers by their text', () => {
    expect(encode({ country: ['se', 'de'] })[0]).toBe(3);
    const [year] = compileFields([{ name: 'year', type: 'categorical', vocabulary: ['1999'] }]);
    const out = new Int32Array(1);
    year!.encode(1999, out, 0);
    expect([...out]).toEqual([1]);
  });

  it('writes at an offset, and overwrites what was there', () => {
    const out = new Int32Array(9).fill(7);
    encodeRow(encoders, { tags: ['a'] }, out, 2);
    expect([...out]).toEqual([7, 7, 0, 1, 0, 0, 0, 7, 7]);
  });

  it('does not take a property of Object for a value', () => {
    expect(encode({ country: 'constructor', tags: ['__proto__'] })).toEqual([0, 0, 0, 0, 0]);
  });

  it('encodes a multi field of width 1', () => {
    const narrow = compileFields([{ name: 'tags', type: 'multi', vocabulary: ['a', 'b'], width: 1 }]);
    expect([...encodeRows(narrow, [{ tags: ['x', 'b'] }, { tags: ['a', 'b'] }])]).toEqual([2, 1]);
  });
});

describe('encodeRowStrict', () => {
  it('refuses an unknown field and names the known ones', () => {
    const out = new Int32Array(5);
    encodeRowStrict(encoders, { country: 'de' }, out, 0);
    expect([...out]).toEqual([1, 0, 0, 0, 0]);
    expect(() => encodeRowStrict(encoders, { citty: 'x' }, out, 0)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: 'there is no field "citty"',
        remedy: 'use the fields country, tags, age',
        subject: 'citty',
      }),
    );
  });
});
