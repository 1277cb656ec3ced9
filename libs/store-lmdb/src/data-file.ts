import { open } from 'node:fs/promises';

/**
 * What LMDB's data file says of itself. LMDB maps the file without looking at it twice: a file of something else or a
 * cut one ends the process with SIGSEGV or SIGBUS, so that this is read before LMDB sees the file.
 */
export type DataFileState = 'empty' | 'whole' | 'foreign' | 'cut';

// A meta page, as 64-bit little-endian builds of lmdb-js write it (liblmdb, MDB_page, MDB_meta, MDB_db): byte offsets.
const MAGIC = { at: 24, value: 0xbeefc0de };
const VERSION = { at: 28, value: 2 };
const PAGE_BYTES_AT = 48;
/** Two trees, free pages and records; in each: branch pages, leaf pages, overflow pages, entries, root (uint64 each). */
const TREES_AT = [56, 104];
const TRANSACTION_AT = 152;
const META_BYTES = 160;
const META_PAGES = 2;
const NO_PAGE = 2n ** 64n - 1n;

/**
 * Looks at the meta pages only. `cut`: pages that the file's trees must have lie behind its end. Not recognised: a small
 * cut that spares the roots, and overwritten pages (LMDB keeps no checksums).
 */
export async function inspectDataFile(path: string): Promise<DataFileState> {
  const file = await open(path, 'r');
  try {
    const metas: Buffer[] = [];
    for (let pageBytes = 0; metas.length < META_PAGES;) {
      const meta = Buffer.alloc(META_BYTES);
      const { bytesRead } = await file.read(meta, 0, META_BYTES, metas.length * pageBytes);
      if (bytesRead === 0 && metas.length === 0) return 'empty';
      if (bytesRead < META_BYTES) return metas.length === 0 ? 'foreign' : 'cut';
      if (!isMeta(meta)) return 'foreign';
      pageBytes = meta.readUInt32LE(PAGE_BYTES_AT);
      metas.push(meta);
    }
    const newest = metas.reduce((a, b) =>
      a.readBigUInt64LE(TRANSACTION_AT) >= b.readBigUInt64LE(TRANSACTION_AT) ? a : b,
    );
    // The size is read last: a writer in another process may make the file longer, never shorter.
    const pages = Math.floor((await file.stat()).size / newest.readUInt32LE(PAGE_BYTES_AT));
    return pagesNeeded(newest) > pages ? 'cut' : 'whole';
  } finally {
    await file.close();
  }
}

function isMeta(meta: Buffer): boolean {
  const pageBytes = meta.readUInt32LE(PAGE_BYTES_AT);
  return (
    meta.readUInt32LE(MAGIC.at) === MAGIC.value &&
    meta.readUInt16LE(VERSION.at) === VERSION.value &&
    pageBytes >= 512 &&
    pageBytes <= 65_536
  );
}

/** A lower bound: the pages in use, and the roots of the two trees. */
function pagesNeeded(meta: Buffer): number {
  let used = META_PAGES;
  let furthest = 0;
  for (const at of TREES_AT) {
    for (const count of [0, 8, 16]) used += Number(meta.readBigUInt64LE(at + count));
    const root = meta.readBigUInt64LE(at + 32);
    if (root !== NO_PAGE) furthest = Math.max(furthest, Number(root) + 1);
  }
  return Math.max(used, furthest);
}
