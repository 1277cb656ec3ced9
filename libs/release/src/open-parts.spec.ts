import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashIds, NO_ROW } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { FILES_OF_PART, RELEASE_FILES as FILES, requiredFiles, type ReleasePart } from './layout';
import { openParts } from './open-parts';
import { openRelease } from './open-release';
import { readParts } from './release-parts';
import { smallMeta, withTempDir, writeSmallRelease } from './spec-fixture';

const PARTS: ReleasePart[] = ['towers', 'catalog', 'index'];

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
      const { releaseId, manifest, towers, catalog, index } = await openParts(directory, PARTS);
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
      expect(index.indexPath).toBe(whole.indexPath);
      expect(Object.keys(await openParts(directory, ['towers'])).sort()).toEqual(['manifest', 'releaseId', 'towers']);
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
