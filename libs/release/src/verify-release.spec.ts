import { cp, link, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_ROW } from '@mic/domain';
import { RELEASE_FILES as FILES, requiredFiles } from './layout';
import { canonicalManifest, manifestDigest, type Manifest } from './manifest';
import { openRelease } from './open-release';
import { SMALL, smallMeta, withTempDir, writeSmallRelease, type SmallRelease } from './spec-fixture';
import { verifyRelease } from './verify-release';

const listed = requiredFiles(smallMeta());
const named = async (directory: string) =>
  (await verifyRelease(directory)).problems.map(({ path, problem }) => [path, problem]);

/** Writes a manifest whose own hash is right, whatever it says. */
async function reseal(directory: string, changed: Manifest): Promise<void> {
  const manifest = { ...changed, manifestSha256: manifestDigest(changed) };
  await writeFile(join(directory, 'manifest.json'), canonicalManifest(manifest));
}

describe('verifyRelease', () => {
  it('passes an intact release and counts what it read', () =>
    withTempDir(async (home) => {
      const { directory, manifest } = await writeSmallRelease(home);
      const manifestBytes = (await readFile(join(directory, 'manifest.json'))).length;
      expect(await verifyRelease(directory)).toEqual({
        directory,
        id: manifest.id,
        ok: true,
        files: listed.length + 1,
        bytes: manifestBytes + manifest.files.reduce((sum, file) => sum + file.bytes, 0),
        problems: [],
        unlisted: [],
      });
    }));

  it('passes a copy under another name, and reports files that are not listed', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      const copy = join(home, 'Copy of a release');
      await cp(directory, copy, { recursive: true });
      await writeFile(join(copy, 'towers', 'notes.txt'), 'mine');
      expect(await verifyRelease(copy)).toMatchObject({ ok: true, unlisted: ['towers/notes.txt'] });
      expect((await openRelease(copy)).directory).toBe(copy);
    }));

  it('names each file alone that has a flipped byte, is cut, grown or missing', { timeout: 120_000 }, () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      for (const path of listed) {
        const file = join(directory, path);
        const bytes = await readFile(file);
        const flipped = Buffer.from(bytes);
        flipped[bytes.length >> 1]! ^= 1;
        await writeFile(file, flipped);
        expect(await named(directory)).toEqual([[path, 'sha256']]);
        await writeFile(file, bytes.subarray(0, -1));
        expect(await named(directory)).toEqual([[path, 'size']]);
        await writeFile(file, Buffer.concat([bytes, Buffer.of(0)]));
        expect(await named(directory)).toEqual([[path, 'size']]);
        await rm(file);
        expect(await named(directory)).toEqual([[path, 'missing']]);
        await expect(openRelease(directory)).rejects.toMatchObject({
          code: 'DATA_LOSS',
          message: expect.stringContaining(path),
          remedy: expect.stringContaining('intact copy'),
        });
        await writeFile(file, bytes);
      }
      expect(await named(directory)).toEqual([]);
    }),
  );

  it('names every bad file, not the first only', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      await rm(join(directory, FILES.itemTower));
      await writeFile(join(directory, FILES.userTower), 'USER tower');
      await writeFile(join(directory, FILES.i2iRows), '');
      expect(await named(directory)).toEqual([
        [FILES.i2iRows, 'size'],
        [FILES.itemTower, 'missing'],
        [FILES.userTower, 'sha256'],
      ]);
    }));

  it('names both of two files that changed places', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      const [a, b] = [join(directory, FILES.userTower), join(directory, FILES.itemTower)];
      await rename(a, `${a}.tmp`);
      await rename(b, a);
      await rename(`${a}.tmp`, b);
      expect(await named(directory)).toEqual([
        [FILES.itemTower, 'sha256'],
        [FILES.userTower, 'sha256'],
      ]);
    }));

  it('names the manifest for any flipped byte in it', { timeout: 120_000 }, () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      const file = join(directory, 'manifest.json');
      const bytes = await readFile(file);
      for (let at = 0; at < bytes.length; at += 23) {
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= 1 << (at % 8);
        await writeFile(file, flipped);
        const report = await verifyRelease(directory);
        expect(report.ok, `byte ${at}`).toBe(false);
        expect(report.problems.map(({ path }) => path)).toContain('manifest.json');
      }
    }),
  );

  it.each([
    ['cut', (text: string) => text.slice(0, -20)],
    ['empty', () => ''],
    ['not JSON', () => 'release'],
    ['another layout', (text: string) => JSON.stringify(JSON.parse(text))],
    ['no last line break', (text: string) => text.trimEnd()],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['an extra field', (text: string) => text.replace('{\n', '{\n  "extra": 1,\n')],
    ['another value', (text: string) => text.replace('"events": 13', '"events": 14')],
    ['an escape for a letter', (text: string) => text.replace('"small"', '"\\u0073mall"')],
  ])('names a manifest that is %s', (_, change) =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      const file = join(directory, 'manifest.json');
      await writeFile(file, change(await readFile(file, 'utf8')));
      expect(await named(directory)).toEqual([['manifest.json', 'manifest']]);
      await expect(openRelease(directory)).rejects.toMatchObject({ code: 'DATA_LOSS', subject: 'manifest.json' });
    }),
  );

  it('names a missing manifest, and says when there is no folder', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      await rm(join(directory, 'manifest.json'));
      expect(await named(directory)).toEqual([['manifest.json', 'missing']]);
      await expect(verifyRelease(join(home, 'nowhere'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }));

  it('still looks at the files of a manifest that was changed', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      const file = join(directory, 'manifest.json');
      await writeFile(file, (await readFile(file, 'utf8')).replace('"small"', '"large"'));
      await rm(join(directory, FILES.u2uRows));
      expect(await named(directory)).toEqual([
        [FILES.u2uRows, 'missing'],
        ['manifest.json', 'manifest'],
      ]);
    }));

  it.each(['../outside', '/etc/passwd', 'a/../../outside', 'a\\b', './x', 'a//b', 'C:x', ''])(
    'refuses the path "%s" in a manifest',
    (path) =>
      withTempDir(async (home) => {
        const { directory, manifest } = await writeSmallRelease(home);
        await writeFile(join(home, 'outside'), 'x');
        const file = { ...manifest.files[0]!, path: path || 'manifest.json' };
        await reseal(directory, { ...manifest, files: [...manifest.files, file] });
        expect(await named(directory)).toEqual([[file.path, 'path']]);
      }),
  );

  it('refuses links to files and folders, even to the right bytes', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      await rename(join(directory, FILES.userTower), join(home, 'user.onnx'));
      await symlink(join(home, 'user.onnx'), join(directory, FILES.userTower));
      await rename(join(directory, 'lists'), join(home, 'lists'));
      await symlink(join(home, 'lists'), join(directory, 'lists'));
      expect(await named(directory)).toEqual([
        [FILES.i2iRows, 'symlink'],
        [FILES.i2iSimilarities, 'symlink'],
        [FILES.u2uRows, 'symlink'],
        [FILES.u2uSimilarities, 'symlink'],
        [FILES.userTower, 'symlink'],
      ]);
      // A hard link is the file itself.
      await rm(join(directory, FILES.userTower));
      await link(join(home, 'user.onnx'), join(directory, FILES.userTower));
      expect((await named(directory)).length).toBe(4);
    }));

  it('refuses a folder in the place of a file', () =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home);
      await rm(join(directory, FILES.userTower));
      await mkdir(join(directory, FILES.userTower));
      expect(await named(directory)).toEqual([[FILES.userTower, 'not-a-file']]);
    }));

  it('names a file that every release has and the manifest does not list', () =>
    withTempDir(async (home) => {
      const { directory, manifest } = await writeSmallRelease(home);
      const files = manifest.files.filter((file) => file.path !== FILES.itemPopularity);
      await reseal(directory, { ...manifest, files });
      expect(await named(directory)).toEqual([[FILES.itemPopularity, 'unlisted']]);
    }));
});

describe('contents', () => {
  const cases: [string, Partial<SmallRelease>, string][] = [
    ['too few user vectors', { userVectors: Float32Array.of(1, 0) }, FILES.userVectors],
    ['a vector that is no unit vector', { itemVectors: Float32Array.of(1, 0, 0, 1, 0, 1, 1, 1) }, FILES.itemVectors],
    ['NaN in a vector', { itemVectors: Float32Array.of(1, 0, 0, NaN, 0, 1, 1, 0) }, FILES.itemVectors],
    ['an infinite embedding', { userEmbeddings: Float32Array.of(1, 2, Infinity, 4, 5, 6) }, FILES.userEmbeddings],
    ['a profile code out of range', { userProfiles: Int32Array.of(1, 4, 2) }, FILES.userProfiles],
    ['a negative item code', { itemFields: SMALL.itemFields.with(3, -1) }, FILES.itemFields],
    ['an item code beyond its vocabulary', { itemFields: SMALL.itemFields.with(4, 3) }, FILES.itemFields],
    ['a category without a name', { itemCategories: Uint32Array.of(1, 3, 0, 0) }, FILES.itemCategories],
    ['a first category name', { categoryNames: ['x', 'Comedy', 'Drama'] }, FILES.categoryNames],
    ['a category name too few', { categoryNames: ['', 'Comedy'] }, FILES.categoryNames],
    ['a negative popularity', { itemPopularity: Float32Array.of(1, 2, 3, -1) }, FILES.itemPopularity],
    ['an id too few', { userIds: ['a', 'b'] }, 'users/ids.offsets.u32'],
    ['an id twice', { userIds: ['a', 'b', 'a'] }, 'users/ids.utf8'],
    ['an empty id', { userIds: ['a', 'b', ''] }, 'users/ids.utf8'],
    ['hashes of other ids', { itemIds: ['i-0', 'i-1', 'i-2', 'i-3'] }, FILES.itemHashes],
    ['a neighbour beyond the users', { u2uRows: SMALL.u2uRows.with(0, 3) }, FILES.u2uRows],
    ['a neighbour of itself', { u2uRows: SMALL.u2uRows.with(0, 0) }, FILES.u2uRows],
    ['a list after its padding', { i2iRows: SMALL.i2iRows.with(0, NO_ROW), i2iSimilarities: SMALL.i2iSimilarities.with(0, 0) }, FILES.i2iRows], // prettier-ignore
    ['a popular item beyond the items', { itemPopular: SMALL.itemPopular.with(2, 4) }, FILES.itemPopular],
    ['popular items after padding', { itemPopular: SMALL.itemPopular.with(2, NO_ROW) }, FILES.itemPopular],
    ['a popular list too few', { itemPopular: SMALL.itemPopular.slice(0, 4) }, FILES.itemPopular],
    ['a similarity in the padding', { i2iSimilarities: SMALL.i2iSimilarities.with(5, 0.5) }, FILES.i2iSimilarities],
    ['similarities out of order', { u2uSimilarities: SMALL.u2uSimilarities.with(2, -0.5) }, FILES.u2uSimilarities],
    ['a similarity above 1', { u2uSimilarities: SMALL.u2uSimilarities.with(0, 1.5) }, FILES.u2uSimilarities],
  ];

  it.each(cases)('names the file with %s', (_, changes, path) =>
    withTempDir(async (home) => {
      const { directory } = await writeSmallRelease(home, changes);
      expect(await named(directory)).toEqual([[path, 'content']]);
    }),
  );

  it('names a manifest that does not fit its files', () =>
    withTempDir(async (home) => {
      const { directory, manifest } = await writeSmallRelease(home);
      await reseal(directory, { ...manifest, featureSchemaSha256: '0'.repeat(64), dimension: 1 });
      expect(await named(directory)).toEqual([
        [FILES.featureSchema, 'content'],
        [FILES.itemVectors, 'content'],
        [FILES.towerSignature, 'content'],
        [FILES.userVectors, 'content'],
      ]);
    }));
});
