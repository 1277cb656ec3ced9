import { describe, expect, it } from 'vitest';
import { RecordScanner, type RecordSyntax } from './record-scanner';

const CSV: RecordSyntax = { delimiter: ',', quote: '"', encoding: 'utf-8' };

/** Records as [line, ...fields]; a broken one as [line, null]. The text comes in parts of `step` bytes. */
function scan(text: string | Buffer, syntax = CSV, step = Infinity): (string | number | null)[][] {
  const bytes = Buffer.from(text as string);
  const scanner = new RecordScanner(syntax);
  const records: (string | number | null)[][] = [];
  const onRecord = () => {
    const fields = Array.from({ length: scanner.fieldCount }, (_, field) => scanner.text(field));
    records.push(scanner.broken ? [scanner.line, null] : [scanner.line, ...fields]);
  };
  let rest = Buffer.alloc(0);
  for (let at = 0; at < bytes.length; at += step) {
    const buffer = Buffer.concat([rest, bytes.subarray(at, Math.min(bytes.length, at + step))]);
    rest = buffer.subarray(scanner.scan(buffer, false, onRecord));
  }
  scanner.scan(rest, true, onRecord);
  return records;
}

const TRICKY = 'u,i\r\n1,2\n\n\r\n"a\r\nb","x""y"\n,""\n3,12" vinyl\n"b"x,1\nlast,"é';

describe('RecordScanner', () => {
  it('splits records and counts physical lines', () => {
    expect(scan(TRICKY)).toEqual([
      [1, 'u', 'i'],
      [2, '1', '2'],
      [5, 'a\r\nb', 'x"y'],
      [7, '', ''],
      [8, '3', '12" vinyl'],
      [9, null],
      [10, null],
    ]);
  });

  it.each([1, 2, 3, 5, 7])('reads the same in parts of %i bytes', (step) => {
    expect(scan(TRICKY, CSV, step)).toEqual(scan(TRICKY));
  });

  it('loses only the line of a quote that does not close', () => {
    expect(scan('1,"2\n3,4\n5,"6"\n')).toEqual([
      [1, null],
      [2, '3', '4'],
      [3, '5', '6'],
    ]);
    expect(scan('1,"2\n3,4\n')).toEqual([
      [1, null],
      [2, '3', '4'],
    ]);
  });

  it('knows delimiters of several characters', () => {
    const syntax: RecordSyntax = { delimiter: '::', quote: null, encoding: 'utf-8' };
    for (const step of [1, 2, Infinity]) {
      expect(scan('1::a:b::"c\n2::::\n', syntax, step)).toEqual([
        [1, '1', 'a:b', '"c'],
        [2, '2', '', ''],
      ]);
    }
  });

  it('reads lines whole without a delimiter', () => {
    expect(scan('{"a": "x,y"}\r\n\n[1]', { delimiter: null, quote: null, encoding: 'utf-8' })).toEqual([
      [1, '{"a": "x,y"}'],
      [3, '[1]'],
    ]);
  });

  it('reads latin-1', () => {
    expect(scan(Buffer.from('caf\xe9,1\n', 'latin1'), { ...CSV, encoding: 'latin-1' })).toEqual([[1, 'café', '1']]);
  });
});
