import { NO_ROW } from '@mic/domain';

/** How far a unit vector's squared length may be from 1, and a similarity beyond 1: float32 sums, other hardware. */
const TOLERANCE = 1e-3;

/** The first value that is not finite or below `lowest`, in words; null when there is none. */
export function valuesProblem(values: Float32Array, lowest = -Infinity): string | null {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!) || values[i]! < lowest) return `value ${i} is ${values[i]}`;
  }
  return null;
}

/** The first row that is not a finite unit vector, with its length. */
export function firstNotUnit(
  vectors: Float32Array,
  dimension: number,
): { readonly row: number; readonly length: number } | null {
  for (let start = 0; start < vectors.length; start += dimension) {
    let squares = 0;
    for (let i = start; i < start + dimension; i++) squares += vectors[i]! * vectors[i]!;
    // Written so that NaN fails.
    if (!(Math.abs(squares - 1) <= TOLERANCE)) return { row: start / dimension, length: Math.sqrt(squares) };
  }
  return null;
}

/** As firstNotUnit, in words. */
export function vectorsProblem(vectors: Float32Array, dimension: number): string | null {
  const found = firstNotUnit(vectors, dimension);
  return found && `row ${found.row} has the length ${found.length}`;
}

/** What lists hold: rows below `rowCount`, and, of neighbour lists, never the row that a list belongs to. */
export interface ListShape {
  readonly listCount: number;
  readonly width: number;
  readonly rowCount: number;
  readonly withoutSelf: boolean;
}

/**
 * Checks lists of `width` places: rows, then padding to the end (NO_ROW with similarity 0); similarities finite, within
 * -1 .. 1, best first.
 */
export function listsProblem(
  rows: Uint32Array,
  similarities: Float32Array,
  { listCount, width, rowCount, withoutSelf }: ListShape,
): { readonly in: 'rows' | 'similarities'; readonly message: string } | null {
  for (let list = 0; list < listCount; list++) {
    let ended = false;
    let previous = 1 + TOLERANCE;
    for (let i = list * width; i < (list + 1) * width; i++) {
      const row = rows[i]!;
      const similarity = similarities[i]!;
      if (row === NO_ROW) {
        ended = true;
        if (similarity !== 0) return { in: 'similarities', message: `list ${list} has ${similarity} beside padding` };
        continue;
      }
      if (ended) return { in: 'rows', message: `list ${list} goes on after its padding` };
      if (row >= rowCount || (withoutSelf && row === list)) {
        return { in: 'rows', message: `list ${list} names row ${row} of ${rowCount}` };
      }
      if (!(similarity <= previous && similarity >= -1 - TOLERANCE)) {
        return { in: 'similarities', message: `list ${list} has ${similarity}, out of order or range` };
      }
      previous = similarity;
    }
  }
  return null;
}

/** The first place of lists of `width` places that names no row below `rowCount`, or goes on after padding, in words. */
export function paddedRowsProblem(rows: Uint32Array, width: number, rowCount: number): string | null {
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] === NO_ROW) continue;
    if (rows[i]! >= rowCount) return `place ${i} names row ${rows[i]} of ${rowCount}`;
    if (i % width > 0 && rows[i - 1] === NO_ROW) return `list ${Math.floor(i / width)} goes on after its padding`;
  }
  return null;
}
