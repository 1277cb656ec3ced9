import { rm } from 'node:fs/promises';
import { openDuck, sqlText } from './duck';

/** Columns of a logged event, and their types. */
const COLUMNS = {
  user_id: 'VARCHAR',
  item_id: 'VARCHAR',
  time_ms: 'BIGINT',
  weight: 'FLOAT',
  accepted_ms: 'BIGINT',
} as const;

/** Turns a file of logged events, one JSON object a line, into a table file that `importTable` reads. */
export async function convertEventLines(from: string, to: string, format: 'parquet' | 'csv'): Promise<void> {
  const spillDir = `${to}.spill`;
  const duck = await openDuck(':memory:', spillDir);
  try {
    const columns = Object.entries(COLUMNS).map(([name, type]) => `${name}: '${type}'`);
    const lines = `read_json(${sqlText(from)}, format = 'newline_delimited', columns = {${columns.join(', ')}})`;
    const options = format === 'parquet' ? 'FORMAT parquet, COMPRESSION zstd' : 'FORMAT csv, HEADER';
    await duck.connection.run(`COPY (SELECT * FROM ${lines}) TO ${sqlText(to)} (${options})`);
  } finally {
    duck.close();
    await rm(spillDir, { recursive: true, force: true });
  }
}
