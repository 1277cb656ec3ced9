import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { closeSegment, openPath, segmentName, syncFolder } from './segments';

/** The file operations of a segment; tests make them fail. */
export type SegmentFile = Pick<FileHandle, 'write' | 'datasync' | 'close' | 'stat'>;
export type CreateFile = (path: string) => Promise<SegmentFile>;

export const createFile: CreateFile = (path) => open(path, 'ax');

/** A segment that this process writes. */
export class SegmentWriter {
  bytes = 0;
  readonly #folder: string;
  readonly #name: string;
  readonly #file: SegmentFile;
  readonly #inode: bigint;

  private constructor(
    folder: string,
    name: string,
    file: SegmentFile,
    inode: bigint,
    readonly begunMs: number,
  ) {
    this.#folder = folder;
    this.#name = name;
    this.#file = file;
    this.#inode = inode;
  }

  static async begin(folder: string, nowMs: number, create: CreateFile): Promise<SegmentWriter> {
    const name = segmentName(nowMs);
    const file = await create(openPath(folder, name));
    try {
      await syncFolder(folder);
      return new SegmentWriter(folder, name, file, (await file.stat({ bigint: true })).ino, nowMs);
    } catch (error) {
      await file.close().catch(() => undefined);
      await unlink(openPath(folder, name)).catch(() => undefined);
      throw error;
    }
  }

  /** Resolves when the bytes are on the disk. After an error nothing more may be appended: the end may be torn. */
  async append(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
    await this.#file.datasync();
    this.bytes += bytes.length;
  }

  /** False when somebody has closed, removed or replaced it: who reads it may have missed what was just appended. */
  async isOwn(): Promise<boolean> {
    try {
      return (await stat(openPath(this.#folder, this.#name), { bigint: true })).ino === this.#inode;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  /** Lets go of the file, and says that it is complete; one in which nothing could be written goes. */
  async end(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    if (this.bytes === 0) await unlink(openPath(this.#folder, this.#name)).catch(() => undefined);
    else if (await closeSegment(this.#folder, this.#name)) await syncFolder(this.#folder);
  }
}
