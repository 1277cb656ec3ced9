import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashIds, NO_ROW } from '@mic/domain';
import type { PublishedUser } from '@mic/recall';
import { RELEASE_FILES as FILES } from './layout';
import { listReleases } from './list-releases';
import { openRelease } from './open-release';
import { padLists } from './pad-lists';
import { ReleaseWriter } from './release-writer';
import { SMALL, smallMeta, withTempDir, writeSmallFiles, writeSmallRelease } from './spec-fixture';
import { verifyRelease } from './verify-release';

describe('ReleaseWriter', () => {
  it('names the release by its time and content and lists its files', () =>
    withTempDir(async (home) => {
      const { directory, manifest } = await writeSmallRelease(home);
      expect(manifest.id).toMatch(/^r20240506070809-[0-9a-f]{8}$/);
      expect(await readdir(home)).toEqual([manifest.id]);
      expect(JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'))).toEqual(manifest);
      expect(manifest.files.find(({ path }) => path === FILES.userTower)).toEqual({
        path: FILES.userTower,
        bytes: 10,
        sha256: 'b992e8452ed7a6481b6637eb8cbc0073b730d7c814b2a3b3fd34eaefc1bb1276',
      });
      const onDisk = await readdir(directory, { recursive: true, withFileTypes: true });
      expect(onDisk.filter((entry) => entry.isFile())).toHaveLength(manifest.files.length + 1);
      expect((await stat(directory)).mode & 0o555).toBe(0o555 & ~process.umask());
    }));

  it('gives other content another id, and refuses the same release twice', () =>
    withTempDir(async (home) => {
      const first = await writeSmallRelease(home);
      const other = await writeSmallRelease(home, { itemPopularity: Float32Array.of(1, 1, 1, 1) });
      expect(other.manifest.id).not.toBe(first.manifest.id);
      const again = await ReleaseWriter.open(home);
      await writeSmallFiles(again);
      await expect(again.finish(smallMeta())).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
      await again.abort();
      expect((await readdir(home)).sort()).toEqual([first.manifest.id, other.manifest.id].sort());
    }));

  it('takes files from elsewhere and files that something else writes', () =>
    withTempDir(async (home) => {
      const writer = await ReleaseWriter.open(home);
      await writeSmallFiles(writer);
      await expect(writer.finish(smallMeta('hnsw'))).rejects.toThrow(/lacks items\/index.hnsw/);
      await writer.writeThrough(FILES.itemIndex, (path) => writeFile(path, 'graph'));
      await writeFile(join(home, 'license.txt'), 'free');
      await writer.copyFile('LICENSE', join(home, 'license.txt'));
      const manifest = await writer.finish(smallMeta('hnsw'));
      const sizes = Object.fromEntries(manifest.files.map(({ path, bytes }) => [path, bytes]));
      expect(sizes).toMatchObject({ LICENSE: 4, [FILES.itemIndex]: 5 });
      const directory = join(home, manifest.id);
      expect((await verifyRelease(directory)).problems).toEqual([]);
      expect((await openRelease(directory)).indexPath).toBe(join(directory, FILES.itemIndex));
    }));

  it('refuses paths outside, reserved or written twice, and a time that is none', () =>
    withTempDir(async (home) => {
      const writer = await ReleaseWriter.open(home);
      for (const path of ['../x', '/x', 'manifest.json']) {
        await expect(writer.writeBytes(path, Buffer.of(1))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
      await writeSmallFiles(writer);
      await expect(writer.writeJson(FILES.featureSchema, {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(writer.finish({ ...smallMeta(), createdAt: 'soon' })).rejects.toThrow(/"soon" is not a time/);
      await expect(writer.finish({ ...smallMeta(), dimension: NaN })).rejects.toThrow(/does not fit its schema/);
    }));

  it('leaves nothing behind when it is abandoned properly, and nothing that is read when it is not', () =>
    withTempDir(async (home) => {
      const abandoned = await ReleaseWriter.open(home);
      await writeSmallFiles(abandoned);
      const aborted = await ReleaseWriter.open(home);
      await writeSmallFiles(aborted);
      await aborted.abort();
      expect(await readdir(home)).toHaveLength(1);
      expect(await listReleases(home)).toEqual([]);
      const { manifest } = await writeSmallRelease(home);
      expect((await listReleases(home)).map((release) => release.manifest?.id)).toEqual([manifest.id]);
    }));
});

describe('listReleases', () => {
  it('lists oldest first, broken ones last, and nothing for a folder that is not there', () =>
    withTempDir(async (home) => {
      expect(await listReleases(join(home, 'none'))).toEqual([]);
      const ids: string[] = [];
      for (const createdAt of ['2024-02-01T00:00:00Z', '2024-01-01T00:00:00Z', '2023-12-31T23:00:00Z']) {
        const writer = await ReleaseWriter.open(home);
        await writeSmallFiles(writer);
        ids.push((await writer.finish({ ...smallMeta(), createdAt })).id);
      }
      await mkdir(join(home, 'a-broken-one'));
      await writeFile(join(home, 'file'), '');
      const listed = await listReleases(home);
      expect(listed.map(({ manifest }) => manifest?.id)).toEqual([...ids.reverse(), undefined]);
      expect(listed[3]!.directory).toBe(join(home, 'a-broken-one'));
    }));
});

describe('openRelease', () => {
  it('loads what serving needs', () =>
    withTempDir(async (home) => {
      const { directory, manifest } = await writeSmallRelease(home);
      const release = await openRelease(directory);
      expect(release).toMatchObject({ releaseId: manifest.id, manifest, indexPath: null });
      expect(release.schema.itemFields).toHaveLength(2);
      expect(release.signature.longestHistory).toBe(5);
      expect(Buffer.from(release.userTower).toString()).toBe('user tower');
      const { catalog } = release;
      expect(catalog).toMatchObject({ releaseId: manifest.id, itemCount: 4, dimension: 2 });
      expect(catalog.vectors).toEqual(SMALL.itemVectors);
      expect(catalog.categories).toEqual(SMALL.itemCategories);
      expect(catalog.categoryNames).toEqual(SMALL.categoryNames);
      expect(catalog.popularity).toEqual(SMALL.itemPopularity);
      expect([0, 1, 2].map((category) => [...catalog.popular(category)])).toEqual([[0, 1], [0, 3], [1]]);
      expect([3, -1, 0.5, NaN].map((category) => catalog.popular(category).length)).toEqual([0, 0, 0, 0]);
      expect([0, 1, 2, 3].map((row) => catalog.itemId(row))).toEqual(SMALL.itemIds);
      expect([...catalog.rowsOf(hashIds(['ítem-2', 'nothing', 'i-0']))]).toEqual([2, NO_ROW, 0]);
    }));

  it('reads users in batches, without padding', () =>
    withTempDir(async (home) => {
      const release = await openRelease((await writeSmallRelease(home)).directory);
      const batches: PublishedUser[][] = [];
      for await (const users of release.readUsers(2)) batches.push(users);
      expect(batches.map((users) => users.length)).toEqual([2, 1]);
      expect(batches.flat()).toEqual([
        {
          row: 0,
          userId: 'ann',
          embedding: Float32Array.of(1, 2),
          profile: Int32Array.of(1),
          similarRows: Uint32Array.of(2),
          similarities: Float32Array.of(0.6),
        },
        {
          row: 1,
          userId: 'böb',
          embedding: Float32Array.of(3, 4),
          profile: Int32Array.of(0),
          similarRows: Uint32Array.of(2, 0),
          similarities: Float32Array.of(0.8, 0),
        },
        {
          row: 2,
          userId: 'ζ',
          embedding: Float32Array.of(5, 6),
          profile: Int32Array.of(2),
          similarRows: Uint32Array.of(1, 0),
          similarities: Float32Array.of(0.8, 0.6),
        },
      ]);
    }));

  it('reads similar items in batches, without padding', () =>
    withTempDir(async (home) => {
      const release = await openRelease((await writeSmallRelease(home)).directory);
      const batches = [];
      for await (const batch of release.readSimilarItems(3)) batches.push(batch);
      expect(batches).toEqual([
        {
          firstRow: 0,
          lists: {
            offsets: Uint32Array.of(0, 2, 4, 5),
            rows: Uint32Array.of(1, 2, 0, 2, 1),
            scores: Float32Array.of(0.8, 0, 0.8, 0.6, 0.6),
          },
        },
        { firstRow: 3, lists: { offsets: Uint32Array.of(0, 0), rows: new Uint32Array(), scores: new Float32Array() } },
      ]);
    }));

  it('pads lists as the release holds them', () => {
    const lists = {
      offsets: Uint32Array.of(0, 1, 4, 4),
      rows: Uint32Array.of(2, 2, 0, 1),
      scores: Float32Array.of(0.6, 0.8, 0.5, 0.25),
    };
    expect(padLists(lists, 2)).toEqual({
      rows: Uint32Array.of(2, NO_ROW, 2, 0, NO_ROW, NO_ROW),
      similarities: Float32Array.of(0.6, 0, 0.8, 0.5, 0, 0),
    });
  });
});
