import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashIds, NO_ROW } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { FILES_OF_PART, RELEASE_FILES as FILES, requiredFiles, type ReleasePart } from './layout';
import { openParts } from './open-parts';
import { openRelease } from './open-release';
import { readParts } from './release-parts';
import { ReleaseWriter } from './release-writer';
import { SMALL, smallMeta, withTempDir, writeSmallFiles, writeSmallRelease } from './spec-fixture';

const PARTS = Object.keys(FILES_OF_PART) as ReleasePart[];

async function flip(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(file, bytes);
}

describe('openParts', () => {
  it('gives what the whole release gives, vectors in memory that threads share', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      const whole = await openRelease(directory);
      const { releaseId, manifest, towers, features, catalog, index, userIndex } = await openParts(directory, PARTS);
      expect([releaseId, manifest]).toEqual([whole.releaseId, whole.manifest]);
      expect(towers).toEqual({
        schema: whole.schema,
        signature: whole.signature,
        userTower: whole.userTower,
        itemTower: whole.itemTower,
      });
      expect(catalog.vectors).toBe(index.vectors);
      expect(index.vectors.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect([...catalog.vectors]).toEqual([...whole.catalog.vectors]);
      const ids = Array.from({ length: catalog.itemCount }, (_, row) => catalog.itemId(row));
      expect([...catalog.rowsOf(hashIds([...ids, 'a stranger']))]).toEqual([...ids.keys(), NO_ROW]);
      expect([0, 1, 2, 3].map((category) => [...catalog.popular(category)])).toEqual([[0, 1], [0, 3], [1], []]);
      expect(index.indexPath).toBe(whole.indexPath);
      expect(features).toEqual({ schema: whole.schema });
      expect(userIndex).toEqual({ vectors: SMALL.userVectors, indexPath: null });
      expect(userIndex.vectors.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(Object.keys(await openParts(directory, ['towers'])).sort()).toEqual(['manifest', 'releaseId', 'towers']);
    }));

  it('gives the path of each index file where the manifest has one', () =>
    withTempDir(async (home) => {
      const hnsw = smallMeta('hnsw').index;
      for (const [indexes, path] of [
        [{ index: hnsw }, FILES.itemIndex],
        [{ userIndex: hnsw }, FILES.userIndex],
      ] as const) {
        const writer = await ReleaseWriter.open(home);
        await writeSmallFiles(writer);
        await writer.writeBytes(path, Buffer.from('graph'));
        const directory = join(home, (await writer.finish({ ...smallMeta(), ...indexes })).id);
        const { index, userIndex } = await openParts(directory, ['index', 'userIndex']);
        const expected = [FILES.itemIndex, FILES.userIndex].map((one) => (one === path ? join(directory, path) : null));
        expect([index.indexPath, userIndex.indexPath]).toEqual(expected);
        await flip(join(directory, path));
        const part = path === FILES.userIndex ? 'userIndex' : 'index';
        await expect(openParts(directory, [part])).rejects.toMatchObject({ code: 'DATA_LOSS', subject: path });
      }
    }));

  it('says what is wrong, as the thread found it', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      await flip(join(directory, FILES.userTower));
      await expect(openParts(directory, ['towers'])).rejects.toMatchObject({
        code: 'DATA_LOSS',
        subject: FILES.userTower,
        remedy: expect.stringContaining('intact copy'),
      });
      await expect(openParts(join(home, 'nowhere'), ['towers'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }));
});

describe('readParts', () => {
  it('refuses a file of its own part that has a flipped byte, and any file that is cut or missing, by name', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      for (const path of requiredFiles(smallMeta())) {
        const file = join(directory, path);
        const bytes = await readFile(file);
        await flip(file);
        for (const part of PARTS) {
          const reading = readParts(directory, [part]);
          if (!FILES_OF_PART[part].includes(path)) await reading;
          else await expect(reading).rejects.toMatchObject({ code: 'DATA_LOSS', subject: path });
        }
        await writeFile(file, bytes.subarray(0, -1));
        await expect(readParts(directory, ['towers'])).rejects.toMatchObject({ code: 'DATA_LOSS', subject: path });
        await rm(file);
        await expect(readParts(directory, ['index'])).rejects.toMatchObject({ code: 'DATA_LOSS', subject: path });
        await writeFile(file, bytes);
      }
    }));
});
