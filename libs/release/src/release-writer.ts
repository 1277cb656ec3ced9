import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MicError } from '@mic/domain';
import { columnBytes, type Column } from './columns';
import { digestFile, fileChunks, inChunks, syncPath, writeHashed } from './hashed-file';
import { MANIFEST_FILE, RELEASE_FILES, requiredFiles, stringTableFiles } from './layout';
import { canonicalJson, canonicalManifest, manifestDigest, unsealedManifestSchema } from './manifest';
import type { Manifest, ReleaseFile, ReleaseMeta } from './manifest';
import { isSafePath } from './safe-path';
import { packStrings } from './string-table';

/** Start of the name of a folder that a release is being written into; nobody reads such a folder. */
export const BUILDING_PREFIX = '.building-';

/**
 * Writes one release into a hidden folder and gives it its name at the end: a release is there whole or not at all.
 * Every file is hashed as it is written and synced to the disk.
 */
export class ReleaseWriter {
  readonly #releasesDir: string;
  readonly #folder: string;
  readonly #files = new Map<string, ReleaseFile>();

  private constructor(releasesDir: string, folder: string) {
    this.#releasesDir = releasesDir;
    this.#folder = folder;
  }

  /** @param releasesDir folder of all releases (`<home>/releases`); made where it is missing. */
  static async create(releasesDir: string): Promise<ReleaseWriter> {
    await mkdir(releasesDir, { recursive: true });
    const folder = join(releasesDir, BUILDING_PREFIX + randomUUID());
    await mkdir(folder);
    return new ReleaseWriter(releasesDir, folder);
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
    this.#files.set(path, { path, ...(await digestFile(target)) });
    await syncPath(target);
  }

  /**
   * Writes the manifest and moves the folder to `<releasesDir>/<id>`, in one step.
   *
   * @throws MicError FAILED_PRECONDITION when a file of the layout was not written, INVALID_ARGUMENT when the manifest
   *   would not fit its schema, ALREADY_EXISTS when the same release is there already.
   */
  async finish(meta: ReleaseMeta): Promise<Manifest> {
    const manifest = this.#manifest(meta);
    await writeHashed(join(this.#folder, MANIFEST_FILE), [Buffer.from(canonicalManifest(manifest))]);
    for (const folder of await foldersOf(this.#folder)) await syncPath(folder);
    const target = join(this.#releasesDir, manifest.id);
    // rename replaces an empty folder silently, so that a look before it is the only reliable check.
    if (await exists(target)) {
      throw new MicError('ALREADY_EXISTS', `${target} is there already`, { remedy: 'use it, or remove it first' });
    }
    await rename(this.#folder, target);
    await syncPath(this.#releasesDir);
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
      formatVersion: 1 as const,
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
    this.#files.set(path, { path, ...(await writeHashed(target, chunks)) });
  }

  async #prepare(path: string): Promise<string> {
    if (!isSafePath(path) || path === MANIFEST_FILE || this.#files.has(path)) {
      throw new MicError('INVALID_ARGUMENT', `"${path}" cannot be written: reserved, outside, or written already`, {
        subject: path,
      });
    }
    const target = join(this.#folder, path);
    await mkdir(dirname(target), { recursive: true });
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
