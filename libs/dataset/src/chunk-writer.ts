import {
  DuckDBDataChunk,
  type DuckDBAppender,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';

/** Rows of a data chunk: DuckDB's vector size. */
const CHUNK_ROWS = 2048;

/** Appends rows to a DuckDB table a whole chunk at a time. */
export class ChunkWriter {
  /** The row under construction: set every column, then call endRow. */
  readonly row: DuckDBValue[];
  readonly #appender: DuckDBAppender;
  readonly #types: readonly DuckDBType[];
  readonly #columns: DuckDBValue[][];
  #count = 0;

  static async open(connection: DuckDBConnection, table: string, types: readonly DuckDBType[]): Promise<ChunkWriter> {
    return new ChunkWriter(await connection.createAppender(table), types);
  }

  private constructor(appender: DuckDBAppender, types: readonly DuckDBType[]) {
    this.#appender = appender;
    this.#types = types;
    this.row = types.map(() => null);
    this.#columns = types.map(() => new Array<DuckDBValue>(CHUNK_ROWS).fill(null));
  }

  endRow(): void {
    for (let column = 0; column < this.row.length; column++) this.#columns[column]![this.#count] = this.row[column]!;
    if (++this.#count === CHUNK_ROWS) this.#flush();
  }

  close(): void {
    if (this.#count > 0) this.#flush();
    this.#appender.closeSync();
  }

  #flush(): void {
    const count = this.#count;
    const chunk = DuckDBDataChunk.create(this.#types, count);
    this.#columns.forEach((values, column) => {
      chunk.setColumnValues(column, count === CHUNK_ROWS ? values : values.slice(0, count));
    });
    this.#appender.appendDataChunk(chunk);
    this.#count = 0;
  }
}
