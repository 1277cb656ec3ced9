import { availableParallelism } from 'node:os';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';

/** A DuckDB that spills to disk, and one connection to it. */
export interface Duck {
  readonly connection: DuckDBConnection;
  close(): void;
}

/**
 * @param path database file, or ':memory:'
 * @param spillDir folder for data above the memory limit; DuckDB makes it when it needs it
 */
export async function openDuck(path: string, spillDir: string): Promise<Duck> {
  const instance = await DuckDBInstance.create(path, {
    memory_limit: '2GB',
    temp_directory: spillDir,
    threads: String(availableParallelism()),
    preserve_insertion_order: 'true',
    // Everything that is used is built in: never reach for the network.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return {
    connection,
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A string literal of SQL. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A quoted name of SQL. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** All rows of a query as objects. Cast BIGINT to DOUBLE in the query: it would come as a bigint. */
export async function queryRows<T>(connection: DuckDBConnection, sql: string): Promise<T[]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowObjectsJS() as T[];
}

/** The only row of a query. */
export async function queryRow<T>(connection: DuckDBConnection, sql: string): Promise<T> {
  const [row] = await queryRows<T>(connection, sql);
  return row!;
}

/** A condition of SQL: nothing but blanks. */
export function isBlank(expression: string): string {
  return `trim(coalesce(${expression}, '')) = ''`;
}
