import { createReadStream, existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { MicError } from '@mic/domain';
import { queryRows, sqlText } from './duck';
import type { TableSource } from './table-schema';

export type SourceFormat = 'csv' | 'tsv' | 'parquet' | 'jsonl';

/** A file that rows are read from. */
export interface SourceFile {
  readonly path: string;
  /** The file as messages name it. */
  readonly label: string;
  /** Bytes on disk. */
  readonly bytes: number;
  readonly format: SourceFormat;
}

const FORMATS_BY_EXTENSION: Readonly<Record<string, SourceFormat>> = {
  csv: 'csv',
  tsv: 'tsv',
  parquet: 'parquet',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
};

/**
 * The files of a source in the order in which they are read: as listed, a glob's in order of their names.
 * @throws MicError when a path or glob names no file, a file is empty, or its format cannot be told.
 */
export async function sourceFiles(
  connection: DuckDBConnection,
  source: TableSource,
  baseDir: string,
): Promise<readonly SourceFile[]> {
  const files: SourceFile[] = [];
  for (const pattern of typeof source.files === 'string' ? [source.files] : source.files) {
    const path = resolve(baseDir, pattern);
    const matches = existsSync(path) ? [path] : await glob(connection, path);
    if (matches.length === 0) {
      throw new MicError('NOT_FOUND', `there is no file ${pattern} (${path})`, {
        remedy: 'correct "files" in the schema file: paths are relative to the schema file',
        subject: pattern,
      });
    }
    for (const match of matches) {
      const label = matches.length === 1 && match === path ? pattern : match.slice(resolve(baseDir).length + 1);
      files.push(describeFile(match, label, source.format));
    }
  }
  return files;
}

async function glob(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  const rows = await queryRows<{ file: string }>(
    connection,
    `SELECT file FROM glob(${sqlText(pattern)}) ORDER BY file`,
  );
  return rows.map(({ file }) => file);
}

function describeFile(path: string, label: string, given: SourceFormat | undefined): SourceFile {
  const stats = statSync(path);
  if (!stats.isFile()) {
    throw new MicError('INVALID_ARGUMENT', `${label} is not a file`, {
      remedy: 'name the files in it',
      subject: label,
    });
  }
  if (stats.size === 0) throw emptyFile(label);
  const extension = /\.([a-z0-9]+)(?:\.gz)?$/i.exec(label)?.[1]?.toLowerCase() ?? '';
  const format = given ?? FORMATS_BY_EXTENSION[extension];
  if (!format) {
    throw new MicError('INVALID_ARGUMENT', `the extension of ${label} does not tell its format`, {
      remedy: 'set "format" in the schema file to csv, tsv, parquet or jsonl',
      subject: label,
    });
  }
  return { path, label, bytes: stats.size, format };
}

export function emptyFile(label: string): MicError {
  return new MicError('INVALID_ARGUMENT', `${label} is empty: it has no rows`, {
    remedy: 'check how the file was made, or leave it out',
    subject: label,
  });
}

/**
 * Bytes of a text file, unzipped where its name ends in .gz.
 * @param onBytes called with the number of bytes read from disk
 */
export async function* readBytes(file: SourceFile, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  const raw = createReadStream(file.path, { highWaterMark: 1 << 20 });
  raw.on('data', (part) => {
    onBytes(part.length);
  });
  let stream: Readable = raw;
  if (/\.gz$/i.test(file.path)) {
    const gunzip = createGunzip({ chunkSize: 1 << 20 });
    raw.on('error', (error) => gunzip.destroy(error));
    stream = raw.pipe(gunzip);
  }
  try {
    for await (const part of stream) yield part as Buffer;
  } catch (cause) {
    throw new MicError(
      'INVALID_ARGUMENT',
      `cannot read ${file.label}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        remedy: 'check that the file is whole and readable',
        subject: file.label,
        cause,
      },
    );
  } finally {
    raw.destroy();
  }
}
