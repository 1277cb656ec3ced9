/** Ids of two releases. */
export interface VocabularyOverlap {
  readonly inBoth: number;
  /** Only in the second. */
  readonly added: number;
  /** Only in the first. */
  readonly gone: number;
}

export function vocabularyOverlap(a: readonly string[], b: readonly string[]): VocabularyOverlap {
  const known = new Set(a);
  const inBoth = b.reduce((sum, id) => sum + Number(known.has(id)), 0);
  return { inBoth, added: b.length - inBoth, gone: a.length - inBoth };
}
