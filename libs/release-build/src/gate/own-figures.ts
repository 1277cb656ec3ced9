import { NO_ROW } from '@mic/domain';
import type { IndexInfo } from '@mic/release';
import type { ListColumns } from '../nearest-lists';
import type { GateFigure } from './gate-config';
import type { Figure } from './judge';

/** What a release is judged by on its own. */
export interface OwnParts {
  readonly dimension: number;
  /** U x dimension and I x dimension, unit vectors. */
  readonly userVectors: Float32Array;
  readonly itemVectors: Float32Array;
  readonly userIndex: IndexInfo;
  readonly itemIndex: IndexInfo;
  readonly u2u: Pick<ListColumns, 'rows'> & { readonly length: number; readonly recall: number };
  readonly i2i: Pick<ListColumns, 'rows'> & { readonly length: number; readonly recall: number };
}

/** Figures that need nothing but the release itself. */
export function ownFigures(parts: OwnParts): Record<Exclude<GateFigure, `parent.${string}`>, Figure> {
  const { dimension, userVectors, itemVectors, u2u, i2i } = parts;
  const users = userVectors.length / dimension;
  const items = itemVectors.length / dimension;
  return {
    'items.recallAt100': recallOf(parts.itemIndex),
    'users.recallAt100': recallOf(parts.userIndex),
    'u2u.recall': u2u.recall,
    'i2i.recall': i2i.recall,
    'u2u.full': fullShare(u2u.rows, u2u.length, users),
    'i2i.full': fullShare(i2i.rows, i2i.length, items),
    'i2i.coverage': coverage(i2i.rows, items),
    'users.sameVector': sameShare(userVectors, dimension),
    'items.sameVector': sameShare(itemVectors, dimension),
    'users.meanLength': meanLength(userVectors, dimension),
    'items.meanLength': meanLength(itemVectors, dimension),
  };
}

const recallOf = (index: IndexInfo): Figure => (index.kind === 'hnsw' ? index.recallAt100 : 1);

/** Share of the lists that are as long as they can be. */
function fullShare(rows: Uint32Array, length: number, count: number): Figure {
  const longest = Math.min(length, count - 1);
  if (count === 0 || longest === 0) return { missing: 'there are no lists' };
  let full = 0;
  for (let list = 0; list < count; list++) if (rows[list * length + longest - 1] !== NO_ROW) full++;
  return full / count;
}

function coverage(rows: Uint32Array, count: number): number {
  const seen = new Uint8Array(count);
  for (const row of rows) if (row !== NO_ROW) seen[row] = 1;
  return seen.reduce((sum, one) => sum + one, 0) / count;
}

/** Share of the vectors that another one before them equals, by their first four numbers. */
function sameShare(vectors: Float32Array, dimension: number): Figure {
  const count = vectors.length / dimension;
  if (count === 0) return { missing: 'there are no vectors' };
  const seen = new Set<string>();
  for (let at = 0; at < vectors.length; at += dimension) seen.add(vectors.subarray(at, at + 4).join());
  return 1 - seen.size / count;
}

function meanLength(vectors: Float32Array, dimension: number): Figure {
  const count = vectors.length / dimension;
  if (count === 0) return { missing: 'there are no vectors' };
  const sums = new Float64Array(dimension);
  vectors.forEach((value, i) => (sums[i % dimension]! += value));
  return Math.hypot(...sums) / count;
}
