import { NO_ROW } from '@mic/domain';

/** The neighbour lists of one release: of N users or items. */
export interface NeighbourSide {
  readonly ids: readonly string[];
  readonly dimension: number;
  /** N x dimension, unit vectors. */
  readonly vectors: Float32Array;
  /** Places of a list. */
  readonly length: number;
  /** N x length rows, best first, padded with NO_ROW. */
  readonly rows: Uint32Array;
}

/** How alike the neighbour lists of two releases are, on a sample of what both have. */
export interface ListAgreement {
  /** Lists that were compared. */
  readonly lists: number;
  /** Places of the shorter lists: what is longer is cut to them. */
  readonly at: number;
  /** Share of the first release's entries that the second has in its list, mean over the lists; null where there are none. */
  readonly overlap: number | null;
  /**
   * Cosine between the similarities that the two releases give to the same neighbours (those of either list that both
   * know), mean over the lists; turning or mirroring all vectors of a release does not change it. Null where there are none.
   */
  readonly similarityCosine: number | null;
}

/** Lists compared at most, spread evenly over what both releases have. */
const MOST_LISTS = 2_000;

export function listAgreement(a: NeighbourSide, b: NeighbourSide, mostLists = MOST_LISTS): ListAgreement {
  const at = Math.min(a.length, b.length);
  const rowInB = new Map(b.ids.map((id, row) => [id, row]));
  const shared = a.ids.flatMap((id, row) => {
    const other = rowInB.get(id);
    return other === undefined ? [] : [[row, other] as const];
  });
  const rowInA = new Map(a.ids.map((id, row) => [id, row]));
  const lists = Math.min(shared.length, mostLists);
  const overlaps: number[] = [];
  const cosines: number[] = [];
  for (let i = 0; i < lists; i++) {
    const [rowA, rowB] = shared[Math.floor((i * shared.length) / lists)]!;
    const [listA, listB] = [listOf(a, rowA, at), listOf(b, rowB, at)];
    if (listA.length > 0) {
      const has = new Set(listB);
      overlaps.push(listA.reduce((sum, id) => sum + Number(has.has(id)), 0) / listA.length);
    }
    const pairs = [...new Set([...listA, ...listB])].flatMap((id) => {
      const [inA, inB] = [rowInA.get(id), rowInB.get(id)];
      return inA === undefined || inB === undefined
        ? []
        : [[similarity(a, rowA, inA), similarity(b, rowB, inB)] as const];
    });
    const cosine = cosineOf(pairs);
    if (cosine !== null) cosines.push(cosine);
  }
  return { lists, at, overlap: mean(overlaps), similarityCosine: mean(cosines) };
}

function listOf({ ids, rows, length }: NeighbourSide, row: number, at: number): string[] {
  const list = rows.subarray(row * length, row * length + at);
  return Array.from(
    list.filter((other) => other !== NO_ROW),
    (other) => ids[other]!,
  );
}

function similarity({ vectors, dimension }: NeighbourSide, row: number, other: number): number {
  let sum = 0;
  for (let d = 0; d < dimension; d++) sum += vectors[row * dimension + d]! * vectors[other * dimension + d]!;
  return sum;
}

function cosineOf(pairs: readonly (readonly [number, number])[]): number | null {
  let [product, ofA, ofB] = [0, 0, 0];
  for (const [x, y] of pairs) {
    product += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return ofA > 0 && ofB > 0 ? product / Math.sqrt(ofA * ofB) : null;
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
