import type { Manifest } from '@mic/release';

/** How the files of two releases differ, by their sha256. */
export interface FileDiff {
  readonly same: number;
  /** Bytes of the second release in files that are the same in the first, and in others. */
  readonly sameBytes: number;
  readonly otherBytes: number;
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly gone: readonly string[];
}

export function compareFiles(a: Pick<Manifest, 'files'>, b: Pick<Manifest, 'files'>): FileDiff {
  const before = new Map(a.files.map(({ path, sha256 }) => [path, sha256]));
  const after = new Set(b.files.map(({ path }) => path));
  const same = b.files.filter(({ path, sha256 }) => before.get(path) === sha256);
  const bytes = (files: Manifest['files']): number => files.reduce((sum, file) => sum + file.bytes, 0);
  return {
    same: same.length,
    sameBytes: bytes(same),
    otherBytes: bytes(b.files) - bytes(same),
    changed: b.files
      .filter(({ path, sha256 }) => before.has(path) && before.get(path) !== sha256)
      .map(({ path }) => path),
    added: b.files.filter(({ path }) => !before.has(path)).map(({ path }) => path),
    gone: a.files.filter(({ path }) => !after.has(path)).map(({ path }) => path),
  };
}
