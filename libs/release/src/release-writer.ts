import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MicError } from '@mic/domain';
import { BuildJournal } from './build-journal';
import { columnBytes, type Column } from './columns';
import { digestFile, fileChunks, inChunks, syncPath, writeHashed } from './hashed-file';
import { MANIFEST_FILE, RELEASE_FILES, requiredFiles, stringTableFiles } from './layout';
import { canonicalJson, canonicalManifest, manifestDigest, unsealedManifestSchema } from './manifest';
import type { Manifest, ReleaseFile, ReleaseMeta } from './manifest';
import { isSafePath } from './safe-path';
import { packStrings } from './string-table';

/** Start of the name of a folder that a release is being written into; nobody reads such a folder. */
export const BUILDING_PREFIX = '.building-';

/** Name of the journal in a folder that a release is being written into. */
const JOURNAL_FILE = '.journal.jsonl';

/**
 * Writes one release into a hidden folder and gives it its name at the end: a release is there whole or not at all.
 * Every file is hashed as it is written and synced to the disk. A journal in the folder says what is finished, so that a
 * writer with the same key goes on where a killed one was.
 */
export class ReleaseWriter {
  readonly #releasesDir: string;
  readonly #folder: string;
  readonly #journal: BuildJournal;
  readonly #files: Map<string, ReleaseFile>;
  readonly #stages: Map<string, unknown>;
  /** Files that this writer has written, or begun to. */
  readonly #written = new Set<string>();

  private constructor(releasesDir: string, folder: string, journal: BuildJournal) {
    this.#releasesDir = releasesDir;
    this.#folder = folder;
    this.#journal = journal;
    this.#files = new Map();
    this.#stages = new Map();
  }

  /**
   * @param releasesDir folder of all releases (`<home>/releases`); made where it is missing.
   * @param key names the work: a folder that a writer of the same key left is gone on with. Nobody else may have it open.
   */
  static async open(releasesDir: string, key: string = randomUUID()): Promise<ReleaseWriter> {
    const folder = join(releasesDir, BUILDING_PREFIX + key);
    await mkdir(folder, { recursive: true });
    const { journal, content } = await BuildJournal.open(join(folder, JOURNAL_FILE));
    const writer = new ReleaseWriter(releasesDir, folder, journal);
    for (const file of content.files) {
      const found = await stat(join(folder, file.path)).catch(() => null);
      if (found?.size === file.bytes) writer.#files.set(file.path, file);
    }
    for (const [stage, found] of content.stages) writer.#stages.set(stage, found);
    return writer;
  }

  /** Removes what writers of other keys left in the folder; nobody may be at work in it. */
  static async removeAbandoned(releasesDir: string, key: string): Promise<void> {
    const entries = await readdir(releasesDir).catch(() => []);
    const abandoned = entries.filter((name) => name.startsWith(BUILDING_PREFIX) && name !== BUILDING_PREFIX + key);
    for (const name of abandoned) await rm(join(releasesDir, name), { recursive: true, force: true });
  }

  /** True when the stage was done, by this writer or by one before it. */
  hasFinished(stage: string): boolean {
    return this.#stages.has(stage);
  }

  /**
   * Does a piece of the work, or takes what it found before. Files that it writes stay when it is finished; of a stage that
   * was interrupted they are written again.
   *
   * @param work writes its files with this writer and gives what is to be kept of it, as JSON.
   */
  async stage<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#stages.has(name)) return this.#stages.get(name) as T;
    const found = await work();
    await this.#journal.addStage(name, found);
    this.#stages.set(name, found);
    return found;
  }

  /** Where a file of the release is while it is being written. */
  pathOf(path: string): string {
    return join(this.#folder, path);
  }

  /** Writes the numbers of a typed array. */
  async writeArray(path: string, column: Column): Promise<void> {
    await this.#write(path, inChunks(columnBytes(column)));
  }

  /** Writes a string table: `<base>.utf8` and `<base>.offsets.u32`. */
  async writeStrings(base: string, strings: readonly string[]): Promise<void> {
    const { utf8, offsets } = packStrings(strings);
    const [utf8Path, offsetsPath] = stringTableFiles(base);
    await this.#write(utf8Path, inChunks(utf8));
    await this.writeArray(offsetsPath, offsets);
  }

  /** Writes a value as two-space JSON. */
  async writeJson(path: string, value: unknown): Promise<void> {
    await this.writeBytes(path, Buffer.from(canonicalJson(value)));
  }

  async writeBytes(path: string, bytes: Uint8Array): Promise<void> {
    await this.#write(path, inChunks(bytes));
  }

  /** Copies a file from outside into the release. */
  async copyFile(path: string, source: string): Promise<void> {
    await this.#write(path, fileChunks(source));
  }

  /**
   * Lets something else write a file of the release: `write` gets the absolute path to write to, and the file is hashed
   * and synced when it is done.
   */
  async writeThrough(path: string, write: (absolutePath: string) => void | Promise<void>): Promise<void> {
    const target = await this.#prepare(path);
    await write(target);
    await syncPath(target);
    await this.#add({ path, ...(await digestFile(target)) });
  }

  /**
   * Writes the manifest and moves the folder to `<releasesDir>/<id>`, in one step.
   *
   * @throws MicError FAILED_PRECONDITION when a file of the layout was not written, INVALID_ARGUMENT when the manifest
   *   would not fit its schema, ALREADY_EXISTS when the same release is there already.
   */
  async finish(meta: ReleaseMeta): Promise<Manifest> {
    const manifest = this.#manifest(meta);
    await rm(join(this.#folder, MANIFEST_FILE), { force: true });
    await writeHashed(join(this.#folder, MANIFEST_FILE), [Buffer.from(canonicalManifest(manifest))]);
    for (const folder of await foldersOf(this.#folder)) await syncPath(folder);
    const target = join(this.#releasesDir, manifest.id);
    // rename replaces an empty folder silently, so that a look before it is the only reliable check.
    if (await exists(target)) {
      throw new MicError('ALREADY_EXISTS', `${target} is there already`, { remedy: 'use it, or remove it first' });
    }
    await rename(this.#folder, target);
    await syncPath(this.#releasesDir);
    await rm(join(target, JOURNAL_FILE), { force: true });
    return manifest;
  }

  /** Removes what was written. */
  async abort(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #manifest(meta: ReleaseMeta): Manifest {
    const missing = requiredFiles(meta).filter((path) => !this.#files.has(path));
    if (missing.length > 0) {
      throw new MicError('FAILED_PRECONDITION', `the release lacks ${missing.join(', ')}`, { subject: missing[0] });
    }
    const createdAt = new Date(meta.createdAt);
    if (Number.isNaN(createdAt.getTime())) {
      throw new MicError('INVALID_ARGUMENT', `createdAt "${meta.createdAt}" is not a time`, { subject: 'createdAt' });
    }
    const files = [...this.#files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const time = createdAt.toISOString().replace(/\D/g, '').slice(0, 14);
    const digest = createHash('sha256').update(JSON.stringify({ meta, files })).digest('hex');
    const unsealed = {
      ...meta,
      formatVersion: 2 as const,
      id: `r${time}-${digest.slice(0, 8)}`,
      featureSchemaSha256: this.#files.get(RELEASE_FILES.featureSchema)!.sha256,
      files,
    };
    const fit = unsealedManifestSchema.safeParse(JSON.parse(JSON.stringify(unsealed)));
    if (!fit.success) {
      throw new MicError('INVALID_ARGUMENT', `the manifest does not fit its schema: ${fit.error.message}`);
    }
    return { ...fit.data, manifestSha256: manifestDigest(fit.data) };
  }

  async #write(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const target = await this.#prepare(path);
    await this.#add({ path, ...(await writeHashed(target, chunks)) });
  }

  async #add(file: ReleaseFile): Promise<void> {
    await this.#journal.addFile(file);
    this.#files.set(file.path, file);
  }

  async #prepare(path: string): Promise<string> {
    if (!isSafePath(path) || path === MANIFEST_FILE || path === JOURNAL_FILE || this.#written.has(path)) {
      throw new MicError('INVALID_ARGUMENT', `"${path}" cannot be written: reserved, outside, or written already`, {
        subject: path,
      });
    }
    this.#written.add(path);
    const target = join(this.#folder, path);
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { force: true });
    return target;
  }
}

async function foldersOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return [root, ...entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))];
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
