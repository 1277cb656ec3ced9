/** One thing that is wrong with one file of a release. */
export interface FileProblem {
  /** Relative to the release folder. */
  readonly path: string;
  /**
   * missing: not there. size, sha256: not the bytes that the manifest promises. manifest: the manifest is unreadable,
   * not canonical, or not what was written. path: leaves the folder. symlink, not-a-file: not a plain file. unlisted: a
   * file that every release has is not in the manifest. content: the bytes are as promised but make no sense.
   */
  readonly problem:
    'missing' | 'size' | 'sha256' | 'manifest' | 'path' | 'symlink' | 'not-a-file' | 'unlisted' | 'content';
  readonly expected: string;
  readonly found: string;
  /** What to do about it. */
  readonly remedy: string;
}
