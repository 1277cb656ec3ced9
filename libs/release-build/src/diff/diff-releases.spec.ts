import { cp, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { RELEASE_FILES as FILES, type Manifest } from '@mic/release';
import { parseTrainingConfig, trainModel } from '@mic/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseBuildConfig } from '../build-config';
import { buildRelease } from '../build-release';
import { diffReleases, type ReleaseDiff } from './diff-releases';

let folder: string;
let dataset: Dataset;
let first: Manifest;
let second: Manifest;
const at = ({ id }: Manifest): string => join(folder, 'releases', id);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-diff-'));
  await synthesize({ users: 80, items: 60, events: 1_500, seed: 5, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
  const config = parseTrainingConfig({ loop: { maxSteps: 5, batchTargets: 64, workers: 0 } });
  const model = await trainModel({ dataset, config, protocol: 'leave-one-out', seed: 4 });
  const releasesDir = join(folder, 'releases');
  first = await buildRelease({ model, dataset, releasesDir, config: parseBuildConfig({ i2iLength: 8 }) });
  // The same model without its last ten items.
  const shorter = {
    ...model,
    itemIds: model.itemIds.slice(0, 50),
    itemRows: model.itemRows.slice(0, 50 * model.signature.itemIdDimension),
  };
  const config2 = parseBuildConfig({ i2iLength: 5, u2iLength: 4, exactIndexBelow: 55 });
  second = await buildRelease({ model: shorter, dataset, releasesDir, config: config2 });
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

const named = <T extends { name: string }>(rows: readonly T[], name: string): T | undefined =>
  rows.find((row) => row.name === name);

it('finds a release the same as its copy', async () => {
  const copy = join(folder, 'copy');
  await cp(at(first), copy, { recursive: true });
  const diff = await diffReleases(at(first), copy);
  const figures = [diff.shape, diff.quality, diff.gate, diff.build, diff.sizes].flat();
  expect(figures.every(({ difference }) => difference === 0 || difference === null)).toBe(true);
  expect(diff.files).toMatchObject({ same: first.files.length, otherBytes: 0, changed: [], added: [], gone: [] });
  expect(diff.lists.i2i).toMatchObject({ lists: 60, at: 8, overlap: 1 });
  expect(diff.lists.u2u.similarityCosine).toBeCloseTo(1, 6);
  expect(diff.itemCosine).toBeCloseTo(1, 6);
});

it('tells in what two releases differ', async () => {
  const diff: ReleaseDiff = await diffReleases(at(first), at(second));
  expect([diff.a, diff.b]).toEqual([first.id, second.id]);
  expect(named(diff.shape, 'items')).toEqual({ name: 'items', a: 60, b: 50, difference: -10 });
  expect(named(diff.shape, 'u2i.recall')).toEqual({ name: 'u2i.recall', a: null, b: 1, difference: null });
  expect(named(diff.facts, 'user index')).toMatchObject({ a: 'exact', b: 'hnsw, m 16, efConstruction 200, ef 200' });
  expect(diff.vocabulary).toEqual({
    users: { inBoth: 80, added: 0, gone: 0 },
    items: { inBoth: 50, added: 0, gone: 10 },
  });
  // The items that are left have their vectors; the lists lack what is gone.
  expect(diff.itemCosine).toBeCloseTo(1, 6);
  expect(diff.lists.i2i.at).toBe(5);
  expect(diff.lists.i2i.overlap).toBeLessThan(1);
  expect(diff.lists.i2i.overlap).toBeGreaterThan(0.5);
  expect(diff.lists.i2i.similarityCosine).toBeCloseTo(1, 6);
  expect(diff.files.added).toEqual([FILES.u2iRows, FILES.u2iSimilarities, FILES.userIndex]);
  expect(diff.files.gone).toEqual([]);
  expect(diff.files.changed).toContain(FILES.itemVectors);
  const bytes = (manifest: Manifest): number => manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  expect(named(diff.sizes, 'all')).toMatchObject({ a: bytes(first), b: bytes(second) });
  const kinds = diff.sizes.filter(({ name }) => name !== 'all');
  expect(kinds.reduce((sum, { b }) => sum + b!, 0)).toBe(bytes(second));
  expect(named(diff.quality, 'u2i HR@50')).toMatchObject({ a: first.quality.metrics.u2i!['HR@50'], b: null });
  expect(named(diff.gate, 'i2i.coverage')).toMatchObject({ least: 0.5, most: null, passedA: true });
});

it('names a file that is not as long as it must be', async () => {
  const cut = join(folder, 'cut');
  await cp(at(first), cut, { recursive: true });
  await truncate(join(cut, FILES.itemVectors), 64);
  await expect(diffReleases(at(first), cut)).rejects.toMatchObject({
    code: 'DATA_LOSS',
    message: `${join(cut, FILES.itemVectors)} has 16 numbers, not 60 x 64`,
  });
});
