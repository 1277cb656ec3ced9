import type { DuckDBConnection } from '@duckdb/node-api';
import { MicError } from '@mic/domain';
import type { BadRows } from './dataset-info';
import { queryRows } from './duck';
import type { StagedTable } from './staged-table';

/** Lines kept per file and reason. */
const LINES_KEPT = 20;
/** Lines and reasons named in an error. */
const LINES_NAMED = 5;
/** More bad rows than this share of a table mean that its mapping is wrong. */
const DEFAULT_BAD_SHARE = 0.1;

/**
 * Counts the rows of a checked table (columns file, line, reason) by file and reason.
 * @throws MicError FAILED_PRECONDITION when there are more than `maxBadRows` (default: 10 % of the table's rows).
 */
export async function collectBadRows(
  connection: DuckDBConnection,
  table: BadRows['table'],
  staged: StagedTable,
  checked: string,
  maxBadRows: number | undefined,
): Promise<BadRows[]> {
  const rows = await queryRows<{ file: number; reason: string; count: number; lines: number[] }>(
    connection,
    `SELECT file, reason, count(*)::DOUBLE AS count, min(line, ${LINES_KEPT}) AS lines
     FROM ${checked} WHERE reason IS NOT NULL GROUP BY file, reason ORDER BY file, count DESC, reason`,
  );
  const bad = rows.map(({ file, reason, count, lines }) => ({
    table,
    file: staged.files[file]!.label,
    reason,
    count,
    lines,
  }));
  const total = bad.reduce((sum, { count }) => sum + count, 0);
  if (total > (maxBadRows ?? Math.floor(staged.rows * DEFAULT_BAD_SHARE)))
    throw tooManyBadRows(table, total, staged.rows, bad);
  return bad;
}

function tooManyBadRows(table: string, total: number, rows: number, bad: readonly BadRows[]): MicError {
  const parts = bad.slice(0, LINES_NAMED).map(({ file, reason, count, lines }) => {
    const more = count > LINES_NAMED ? ', ...' : '';
    return `${count} x ${reason} (${file}, line ${lines.slice(0, LINES_NAMED).join(', ')}${more})`;
  });
  return new MicError('FAILED_PRECONDITION', `${total} of ${rows} rows of the ${table} are bad: ${parts.join('; ')}`, {
    remedy: 'correct the mapping in the schema file or the rows; to leave that many rows out, set --max-bad-rows',
    subject: table,
  });
}
