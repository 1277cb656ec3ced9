import { randomBytes } from 'node:crypto';
import { open, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

const OPEN_ENDING = '.open';
const NAME = /^events-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-[0-9a-f]{16}\.jsonl$/;

/** A file of the log. */
export interface Segment {
  /** Without what says that it is open; in the order of names segments were begun. */
  readonly name: string;
  /** True while its writer may add to it. */
  readonly isOpen: boolean;
  readonly bytes: number;
  /** When it was begun, milliseconds since the epoch, by the clock of its writer. */
  readonly begunMs: number;
  /** When it was last written. */
  readonly writtenMs: number;
}

/** A new name for a segment that begins at that time. */
export function segmentName(nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:.]/g, '');
  return `events-${time}-${randomBytes(8).toString('hex')}.jsonl`;
}

export const closedPath = (folder: string, name: string): string => join(folder, name);
export const openPath = (folder: string, name: string): string => join(folder, `${name}${OPEN_ENDING}`);

/** The segments in a folder, by name; other files are left out. None where there is no folder. */
export async function listSegments(folder: string): Promise<Segment[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const segments = new Map<string, Segment>();
  for (const file of files.sort()) {
    const isOpen = file.endsWith(OPEN_ENDING);
    const name = isOpen ? file.slice(0, -OPEN_ENDING.length) : file;
    const begunMs = begunAt(name);
    if (begunMs === null) continue;
    // Gone or renamed since: the one who did it knows, or the next look does.
    const found = await stat(join(folder, file)).catch(() => null);
    if (found && !(isOpen && segments.has(name))) {
      segments.set(name, { name, isOpen, bytes: found.size, begunMs, writtenMs: found.mtimeMs });
    }
  }
  return [...segments.values()];
}

/**
 * Closes a segment, whoever writes it: a writer that goes on writes what it has not answered for into another one.
 * @returns false when it was closed already, or is gone.
 */
export async function closeSegment(folder: string, name: string): Promise<boolean> {
  try {
    await rename(openPath(folder, name), closedPath(folder, name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Makes names that were given or changed in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function begunAt(name: string): number | null {
  const [, year, month, day, hour, minute, second, ms] = NAME.exec(name) ?? [];
  return year === undefined ? null : Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
}
