import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { OnnxUserEmbedder } from '@mic/onnx-tower';
import { openRelease, readColumn, RELEASE_FILES, verifyRelease, type Manifest, type OpenRelease } from '@mic/release';
import { parseTrainingConfig, trainModel, type TrainedModel } from '@mic/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildConfigSchema } from './build-config';
import { buildRelease } from './build-release';

let folder: string;
let dataset: Dataset;
let model: TrainedModel;
let release: OpenRelease;
const optionsOf = (trained: TrainedModel, config: object = {}) => ({
  model: trained,
  dataset,
  releasesDir: join(folder, 'releases'),
  config: buildConfigSchema.parse({ u2uLength: 5, i2iLength: 8, ...config }),
});
const build = (trained: TrainedModel, config: object = {}) => buildRelease(optionsOf(trained, config));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-build-'));
  await synthesize({ users: 120, items: 90, events: 2_400, seed: 5, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
  const config = parseTrainingConfig({
    model: { longestHistory: 10 },
    loop: { maxSteps: 30, batchTargets: 64, workers: 0 },
  });
  model = await trainModel({ dataset, config, protocol: 'leave-one-out', seed: 1 });
  const manifest = await build(model);
  release = await openRelease(join(folder, 'releases', manifest.id));
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

/** The k rows nearest to row i of a matrix, by looking at all of them. */
function nearest(matrix: Float32Array, i: number, k: number): number[] {
  const width = 64;
  const count = matrix.length / width;
  const score = (j: number): number => {
    let sum = 0;
    for (let d = 0; d < width; d++) sum += matrix[i * width + d]! * matrix[j * width + d]!;
    return Math.fround(sum);
  };
  const others = Array.from({ length: count }, (_, j) => j).filter((j) => j !== i);
  return others.sort((a, b) => score(b) - score(a) || a - b).slice(0, k);
}

describe('a built release', () => {
  it('is intact and says what it is', async () => {
    expect((await verifyRelease(release.directory)).ok).toBe(true);
    const { userIds, itemIds } = await dataset.loadInteractions();
    expect(release.manifest).toMatchObject({
      dataset: 'synthetic',
      encoder: 'pooled',
      dimension: 64,
      index: { kind: 'exact' },
      counts: { users: userIds.length, items: itemIds.length, events: 2_400 },
    });
    expect(itemIds.map((_, row) => release.catalog.itemId(row))).toEqual(itemIds);
    const { names, categories } = await dataset.loadItemCategories(release.schema, itemIds);
    expect([...release.catalog.categories].map((c) => release.catalog.categoryNames[c])).toEqual(
      [...categories].map((c) => names[c]),
    );
  });

  it('has the nearest neighbours by brute force over its own vectors', async () => {
    const users = await readColumn(join(release.directory, RELEASE_FILES.userVectors), Float32Array);
    for await (const batch of release.readUsers()) {
      for (const { row, similarRows } of batch.slice(0, 10)) expect([...similarRows]).toEqual(nearest(users, row, 5));
    }
    for await (const { lists } of release.readSimilarItems()) {
      for (let row = 0; row < 10; row++) {
        const list = lists.rows.subarray(lists.offsets[row], lists.offsets[row + 1]);
        expect([...list]).toEqual(nearest(release.catalog.vectors, row, 8));
      }
    }
  });

  it('has the user vectors that the user tower gives when it serves', async () => {
    const { releaseId, signature, userTower } = release;
    const embedder = await OnnxUserEmbedder.open({ releaseId, signature, model: userTower.slice() });
    const vectors = await readColumn(join(release.directory, RELEASE_FILES.userVectors), Float32Array);
    const { histories } = await dataset.loadInteractions();
    for (const { row, embedding, profile } of (await firstUsers(release)).slice(0, 20)) {
      const history = histories.itemRows.slice(histories.offsets[row], histories.offsets[row + 1]).reverse();
      const input = { userRow: embedding, profile, historyRows: history };
      const answer = await embedder.embed(releaseId, input, {
        signal: new AbortController().signal,
        requestId: 'spec',
      });
      answer.vectors.forEach((value, d) => {
        expect(Math.abs(value - vectors[row * 64 + d]!)).toBeLessThan(1e-5);
      });
    }
    await embedder.close();
  });

  it('tells its quality on the held-out events, list by list', () => {
    const { quality } = release.manifest;
    expect([quality.protocol, quality.users]).toEqual(['leave-one-out', 120]);
    expect(Object.keys(quality.metrics).sort()).toEqual(['itemknn', 'merged', 'popularity', 'u2i', 'u2i2i', 'u2u2i']);
    for (const metrics of Object.values(quality.metrics)) {
      expect(metrics['HR@10']!).toBeLessThanOrEqual(metrics['HR@50']!);
      expect(metrics['HR@50']!).toBeLessThanOrEqual(metrics['HR@200']!);
    }
    // 90 items, and U2I lists 200: every item but the seen ones is in the list, so that only repeats are missed.
    expect(quality.metrics.u2i!['HR@200']!).toBeGreaterThan(0.95);
  });
});

it('a model that has seen everything gives no figures', async () => {
  const config = parseTrainingConfig({ loop: { maxSteps: 2, batchTargets: 64, workers: 0 } });
  const open = await trainModel({ dataset, config, protocol: 'none', seed: 1 });
  expect((await build(open)).quality).toEqual({ protocol: 'none', users: 0, metrics: {} });
});

it('from a number of rows on, indexes and lists are HNSW’s, compared with exact search', async () => {
  const manifest = await build(model, { exactIndexBelow: 50, exactListsBelow: 50, u2iLength: 7 });
  expect(manifest.index).toMatchObject({ kind: 'hnsw', m: 16, ef: 200 });
  expect(manifest.index.kind === 'hnsw' && manifest.index.recallAt100).toBeGreaterThan(0.99);
  expect(manifest.userIndex.kind === 'hnsw' && manifest.userIndex.recallAt100).toBeGreaterThan(0.99);
  expect(Math.min(...[manifest.lists.u2u, manifest.lists.i2i, manifest.lists.u2i].map((lists) => lists.recall))).toBeGreaterThan(0.99); // prettier-ignore
  const opened = await openRelease(join(folder, 'releases', manifest.id));
  expect([opened.indexPath, opened.userIndexPath].map((path) => path?.slice(-16))).toEqual(['items/index.hnsw', 'users/index.hnsw']); // prettier-ignore
  // The same vectors, and lists this short: what HNSW finds is what exact search found.
  const columnOf = (open: OpenRelease, path: string) => readColumn(join(open.directory, path), Uint32Array);
  expect(await columnOf(opened, RELEASE_FILES.u2uRows)).toEqual(await columnOf(release, RELEASE_FILES.u2uRows));
  expect(await columnOf(opened, RELEASE_FILES.u2iRows)).toHaveLength(7 * 120);
});

it('the same build twice is one release', async () => {
  expect((await build(model)).id).toBe(release.manifest.id);
});

it('a build whose release was damaged is done again, beside it, and found from then on', async () => {
  const config = { i2iLength: 6 };
  const first = await build(model, config);
  await truncate(join(folder, 'releases', first.id, RELEASE_FILES.u2uRows), 4);
  const second = await build(model, config);
  expect(second.id).not.toBe(first.id);
  expect(second.files).toEqual(first.files);
  expect((await build(model, config)).id).toBe(second.id);
});

describe('a build that was interrupted', () => {
  const config = { u2uLength: 4 };
  /** Runs a build that dies when it comes to a stage. */
  const dieAt = (stage: string) =>
    buildRelease({
      ...optionsOf(model, config),
      onStage: (report) => {
        if (report.stage === stage) throw new Error('killed');
      },
    });

  it.each(['vectors', 'similar-items', 'similar-users', 'gate'])(
    'at %s goes on with what is finished',
    async (stage) => {
      await expect(dieAt(stage)).rejects.toThrow('killed');
      expect(await hidden()).toHaveLength(1);
      const earlier: string[] = [];
      const manifest = await buildRelease({
        ...optionsOf(model, config),
        onStage: ({ stage: name, seconds, earlier: done }) => {
          if (done && seconds !== undefined) earlier.push(name);
        },
      });
      expect(earlier).toEqual(BEFORE[stage]);
      expect(await hidden()).toEqual([]);
      const directory = join(folder, 'releases', manifest.id);
      expect(await verifyRelease(directory)).toMatchObject({ ok: true, unlisted: [] });
      const through = await buildRelease({ ...optionsOf(model, config), releasesDir: join(folder, 'through') });
      expect(manifest.files).toEqual(through.files);
      expect(manifest.gate).toEqual(through.gate);
      await rm(directory, { recursive: true });
    },
  );

  const BEFORE: Record<string, string[]> = {
    vectors: ['inputs'],
    'similar-items': ['inputs', 'vectors', 'user-index', 'item-index'],
    'similar-users': ['inputs', 'vectors', 'user-index', 'item-index', 'similar-items'],
    gate: ['inputs', 'vectors', 'user-index', 'item-index', 'similar-items', 'similar-users', 'quality'],
  };

  it('is given up by another build', async () => {
    await expect(dieAt('gate')).rejects.toThrow('killed');
    await build(model, { u2uLength: 3 });
    expect(await hidden()).toEqual([]);
  });
});

it('two builds of a folder take turns', async () => {
  const manifests = await Promise.all([build(model, { u2uLength: 2 }), build(model, { i2iLength: 2 })]);
  expect(new Set(manifests.map(({ id }) => id)).size).toBe(2);
  for (const { id } of manifests) expect((await verifyRelease(join(folder, 'releases', id))).ok).toBe(true);
}, 30_000);

describe('the gate', () => {
  const checksOf = ({ gate }: Manifest) => Object.fromEntries(gate.checks.map(({ name, ...check }) => [name, check]));

  it('judges a release alone where there is no parent', () => {
    const checks = checksOf(release.manifest);
    expect(release.manifest.gate.passed).toBe(true);
    expect(checks['items.recallAt100']).toMatchObject({ value: 1, least: 0.99, passed: true });
    expect(checks['u2u.full']).toMatchObject({ value: 1 });
    expect(checks['parent.hitRate']).toMatchObject({ value: null, passed: true, note: 'there is no parent' });
  });

  it('finds a release like its parent when it is the same model', async () => {
    const manifest = await buildRelease({ ...optionsOf(model, { popularLength: 9 }), parent: release });
    expect(manifest.parent).toBe(release.manifest.id);
    const checks = checksOf(manifest);
    expect(checks['parent.topOverlap']!.value).toBe(1);
    expect(checks['parent.itemCosine']!.value).toBeCloseTo(1, 5);
    expect(checks['parent.hitRate']!.value).toBe(1);
    expect([checks['parent.userGrowth']!.value, checks['parent.itemsLost']!.value]).toEqual([1, 0]);
  });

  it('compares no hits on items that one of the two has not learnt', async () => {
    const itemRows = model.itemRows.map((_, i) => model.signature.maskedItemRow[i % 64]!);
    const manifest = await buildRelease({ ...optionsOf({ ...model, itemRows }), parent: release });
    expect(checksOf(manifest)['parent.hitRate']!.note).toMatch(/^the parent hits 0 of 0 held-out events of items/);
  });

  it('does not pass a model whose lists have nothing to do with the parent’s', async () => {
    const parsed = parseTrainingConfig({ loop: { maxSteps: 1, batchTargets: 64, workers: 0 } });
    const fresh = await trainModel({ dataset, config: parsed, protocol: 'leave-one-out', seed: 9 });
    const manifest = await buildRelease({
      ...optionsOf(fresh, { gate: { parent: { topOverlap: { least: 0.9 } } } }),
      parent: release,
    });
    expect(manifest.gate.passed).toBe(false);
    expect(checksOf(manifest)['parent.topOverlap']).toMatchObject({ least: 0.9, passed: false });
  });
});

it('a tower that is none fails the build, which the next one clears away', async () => {
  const broken = { ...model, userTower: Uint8Array.of(1, 2, 3) };
  await expect(build(broken)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  const unfit = { ...model, userRows: model.userRows.slice(1) };
  await expect(build(unfit)).rejects.toThrow();
  await build(model, { u2uLength: 6 });
  expect(await hidden()).toEqual([]);
});

/** Folders that a build works in. */
async function hidden(): Promise<string[]> {
  return (await readdir(join(folder, 'releases'))).filter((name) => name.startsWith('.building'));
}

async function firstUsers(opened: OpenRelease) {
  for await (const batch of opened.readUsers()) return batch;
  return [];
}
