import { isUtf8 } from 'node:buffer';
import { DOUBLE, INTEGER, VARCHAR } from '@duckdb/node-api';
import { MicError } from '@mic/domain';
import { ChunkWriter } from './chunk-writer';
import { RecordScanner, type RecordSyntax } from './record-scanner';
import { emptyFile, readBytes, type SourceFile } from './source-files';
import { missingColumn, type StagingContext, type StagingTarget } from './staged-table';
import type { ColumnRef, TableSource } from './table-schema';

/** Columns of a staged table before the cells. */
const LEADING_COLUMNS = 4;
const REPLACEMENT_CHARACTER = '\ufffd';

/** Stages a CSV or TSV file. */
export async function stageDelimited(
  context: StagingContext,
  target: StagingTarget,
  source: TableSource,
): Promise<void> {
  const syntax: RecordSyntax = {
    delimiter: source.delimiter ?? (target.file.format === 'tsv' ? '\t' : ','),
    quote: source.quote === '' ? null : source.quote,
    encoding: source.encoding,
  };
  await stageRecords(context, target, syntax, source.header);
}

/**
 * Stages the records of a text file. A record whose number of fields is not that of the first one, whose quotes are
 * broken or whose bytes are not text of the encoding gets a problem.
 * @param header whether the first record names the columns
 */
export async function stageRecords(
  context: StagingContext,
  target: StagingTarget,
  syntax: RecordSyntax,
  header: boolean,
): Promise<void> {
  const { file, columns } = target;
  const types = [DOUBLE, INTEGER, DOUBLE, VARCHAR, ...columns.map(() => VARCHAR)];
  const writer = await ChunkWriter.open(context.connection, target.table, types);
  const scanner = new RecordScanner(syntax);
  let places: readonly number[] | null = null;
  let expectedFields = 0;
  let ordinal = target.firstOrdinal;

  const onRecord = () => {
    if (places === null) {
      if (scanner.broken) throw brokenHeader(file);
      expectedFields = scanner.fieldCount;
      places = header ? placesByName(scanner, columns, file) : placesByNumber(expectedFields, columns, file);
      if (header) return;
    }
    const { row } = writer;
    row[0] = ordinal++;
    row[1] = target.index;
    row[2] = scanner.line;
    let problem: string | null = null;
    if (scanner.broken) problem = 'broken quoting';
    else if (scanner.fieldCount !== expectedFields) problem = 'wrong number of columns';
    for (let column = 0; column < places.length; column++) {
      let text: string | null = null;
      if (problem === null) {
        text = scanner.text(places[column]!);
        problem = textProblem(text, scanner, places[column]!);
        if (problem !== null) text = null;
      }
      row[LEADING_COLUMNS + column] = text;
    }
    row[3] = problem;
    writer.endRow();
  };

  let rest: Buffer = Buffer.alloc(0);
  let isFirst = true;
  for await (const part of readBytes(file, context.onBytes)) {
    let buffer = rest.length === 0 ? part : Buffer.concat([rest, part]);
    if (isFirst && buffer.length >= 3) {
      if (buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) buffer = buffer.subarray(3);
      isFirst = false;
    }
    rest = isFirst ? buffer : buffer.subarray(scanner.scan(buffer, false, onRecord));
  }
  scanner.scan(rest, true, onRecord);
  writer.close();
  if (ordinal === target.firstOrdinal) throw emptyFile(file.label);
}

function textProblem(text: string, scanner: RecordScanner, field: number): string | null {
  if (text.includes(REPLACEMENT_CHARACTER) && !isUtf8(scanner.bytes(field))) return 'not UTF-8 text';
  return text.includes('\0') ? 'NUL byte' : null;
}

function placesByName(scanner: RecordScanner, columns: readonly ColumnRef[], file: SourceFile): number[] {
  const names = Array.from({ length: scanner.fieldCount }, (_, field) => scanner.text(field));
  return columns.map((ref) => {
    if (typeof ref === 'number') {
      throw new MicError(
        'INVALID_ARGUMENT',
        `column ${ref} is given by number, and ${file.label} is read with a header`,
        {
          remedy: `name the column (there are ${names.join(', ')}), or set "header": false`,
          subject: String(ref),
        },
      );
    }
    const place = names.indexOf(ref);
    if (place === -1) throw missingColumn(ref, file.label, names);
    if (names.indexOf(ref, place + 1) !== -1) {
      throw new MicError('INVALID_ARGUMENT', `${file.label} has two columns ${JSON.stringify(ref)}`, {
        remedy: 'rename one of them in the file',
        subject: ref,
      });
    }
    return place;
  });
}

function placesByNumber(count: number, columns: readonly ColumnRef[], file: SourceFile): number[] {
  return columns.map((ref) => {
    if (typeof ref === 'number' && ref <= count) return ref - 1;
    throw new MicError('INVALID_ARGUMENT', `${file.label} has no column ${JSON.stringify(ref)}`, {
      remedy: `a file without header has columns by number, here 1 to ${count}`,
      subject: String(ref),
    });
  });
}

function brokenHeader(file: SourceFile): MicError {
  return new MicError('INVALID_ARGUMENT', `the first row of ${file.label} has a quote that does not close`, {
    remedy: 'set "quote" in the schema file ("" where quotes mean nothing)',
    subject: file.label,
  });
}
