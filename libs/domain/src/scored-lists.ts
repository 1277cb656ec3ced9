/** Ragged lists of scored rows, packed: list i is [offsets[i], offsets[i + 1]), best first. */
export interface ScoredLists {
  /** Length: number of lists + 1; offsets[0] = 0. */
  readonly offsets: Uint32Array;
  readonly rows: Uint32Array;
  /** Similarity (dot product of unit vectors, -1 .. 1) of each row. */
  readonly scores: Float32Array;
}
