import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MicError } from '@mic/domain';
import { contentProblems } from './check-contents';
import type { FileProblem } from './file-problem';
import { digestFile } from './hashed-file';
import { MANIFEST_FILE, requiredFiles } from './layout';
import type { Manifest, ReleaseFile } from './manifest';
import { inspectManifest } from './read-manifest';
import { NO_REST, type Rest } from './rest';
import { isSafePath } from './safe-path';

/** What a look at every byte of a release found. */
export interface VerifyReport {
  readonly directory: string;
  /** The release's id as its manifest has it; null when the manifest is unreadable. */
  readonly id: string | null;
  /** True when there are no problems. */
  readonly ok: boolean;
  /** Files that were compared with the manifest, the manifest included. */
  readonly files: number;
  /** Bytes that were hashed. */
  readonly bytes: number;
  /** Every problem, by path. */
  readonly problems: readonly FileProblem[];
  /** Files in the folder that the manifest does not list; they are not read and no problem. */
  readonly unlisted: readonly string[];
}

/** Kind of each entry of a folder, by its path relative to the folder. */
type Entries = ReadonlyMap<string, 'file' | 'folder' | 'symlink' | 'special'>;

const RESTORE = 'copy the file again from an intact copy of this release, or build a new release';

/**
 * Checks a release: its manifest (byte for byte), the size and sha256 of every listed file, and, when all of these are
 * right, that contents fit each other (counts, widths, ranges, unit vectors). Links are refused, as are paths that
 * leave the folder. The folder's own name does not matter.
 *
 * @throws MicError NOT_FOUND when there is no such folder; everything else is in the report.
 */
export async function verifyRelease(directory: string): Promise<VerifyReport> {
  return (await inspectRelease(directory)).report;
}

/** How a release is looked at. */
export interface InspectOptions {
  /** The files whose checksums and contents are looked at; of the others only place and size are. All by default. */
  readonly used?: ReadonlySet<string>;
  /** Between pieces of the work; none by default. */
  readonly rest?: Rest;
}

/** As verifyRelease; with the manifest, when everything is right. */
export async function inspectRelease(
  directory: string,
  { used, rest = NO_REST }: InspectOptions = {},
): Promise<{ readonly report: VerifyReport; readonly manifest: Manifest | null }> {
  const entries = await listEntries(directory);
  const inspected = await inspectManifest(directory, entries.get(MANIFEST_FILE) ?? 'missing');
  const problems = [...inspected.problems];
  let files = 1;
  let bytes = inspected.bytes;
  for (const file of inspected.files) {
    const placeProblem = checkPlace(file, entries);
    if (placeProblem) {
      problems.push(placeProblem);
      continue;
    }
    const found = await checkBytes(directory, file, used?.has(file.path) ?? true, rest);
    files++;
    bytes += found.bytes;
    if (found.problem) problems.push(found.problem);
  }
  const listed = new Set([MANIFEST_FILE, ...inspected.files.map((file) => file.path)]);
  const manifest = inspected.manifest;
  if (manifest) {
    for (const path of requiredFiles(manifest).filter((required) => !listed.has(required))) {
      problems.push({ path, problem: 'unlisted', expected: 'listed in manifest.json', found: 'not', remedy: RESTORE });
    }
    if (problems.length === 0) problems.push(...(await contentProblems(directory, manifest, { used, rest })));
  }
  problems.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const unlisted = [...entries].filter(([path, kind]) => kind !== 'folder' && !listed.has(path)).map(([path]) => path);
  const ok = problems.length === 0;
  return {
    report: { directory, id: inspected.id, ok, files, bytes, problems, unlisted: unlisted.sort() },
    manifest: ok ? manifest : null,
  };
}

/**
 * The manifest of a release that is right.
 *
 * @throws MicError NOT_FOUND when there is no such folder; DATA_LOSS, naming every bad file.
 */
export async function requireIntact(directory: string, options: InspectOptions = {}): Promise<Manifest> {
  const { report, manifest } = await inspectRelease(directory, options);
  if (manifest) return manifest;
  const what = report.problems.map(({ path, problem, found }) => `${path} (${problem}: ${found})`).join(', ');
  throw new MicError('DATA_LOSS', `the release in ${directory} is damaged: ${what}`, {
    subject: report.problems[0]!.path,
    remedy: `${report.problems[0]!.remedy}; \`mic releases verify\` lists every file`,
  });
}

async function listEntries(directory: string): Promise<Entries> {
  if (!(await stat(directory).catch(() => null))?.isDirectory()) {
    throw new MicError('NOT_FOUND', `${directory} is not a folder`, {
      subject: directory,
      remedy: 'give the folder of a release, the one that holds manifest.json',
    });
  }
  const entries = new Map<string, 'file' | 'folder' | 'symlink' | 'special'>();
  const pending = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await readdir(join(directory, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) pending.push(path);
      const kind = entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'special';
      entries.set(path, entry.isSymbolicLink() ? 'symlink' : kind);
    }
  }
  return entries;
}

function checkPlace({ path, bytes }: ReleaseFile, entries: Entries): FileProblem | null {
  if (!isSafePath(path) || path === MANIFEST_FILE) {
    return {
      path,
      problem: 'path',
      expected: 'a relative path inside the release folder',
      found: path,
      remedy: 'do not use this release: its manifest was not written by this software',
    };
  }
  const kind = entries.get(path);
  if (kind === 'file') return null;
  const segments = path.split('/');
  const link = segments
    .map((_, i) => segments.slice(0, i + 1).join('/'))
    .find((part) => entries.get(part) === 'symlink');
  if (link !== undefined) {
    const remedy = 'put the file itself in the place of the link';
    return { path, problem: 'symlink', expected: 'a file', found: `${link} is a symbolic link`, remedy };
  }
  if (kind !== undefined) return { path, problem: 'not-a-file', expected: 'a file', found: kind, remedy: RESTORE };
  return { path, problem: 'missing', expected: `${bytes} bytes`, found: 'no file', remedy: RESTORE };
}

async function checkBytes(
  directory: string,
  file: ReleaseFile,
  hashed: boolean,
  rest: Rest,
): Promise<{ readonly bytes: number; readonly problem: FileProblem | null }> {
  const { path } = file;
  const size = (await stat(join(directory, path))).size;
  if (size !== file.bytes) {
    const problem = { path, problem: 'size', expected: `${file.bytes} bytes`, found: `${size} bytes`, remedy: RESTORE };
    return { bytes: 0, problem: problem as FileProblem };
  }
  if (!hashed) return { bytes: 0, problem: null };
  const { bytes, sha256 } = await digestFile(join(directory, path), rest);
  if (sha256 === file.sha256) return { bytes, problem: null };
  return { bytes, problem: { path, problem: 'sha256', expected: file.sha256, found: sha256, remedy: RESTORE } };
}
