import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { OnnxUserEmbedder } from '@mic/onnx-tower';
import { openRelease, readColumn, RELEASE_FILES, verifyRelease, type OpenRelease } from '@mic/release';
import { parseTrainingConfig, trainModel, type TrainedModel } from '@mic/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildConfigSchema } from './build-config';
import { buildRelease } from './build-release';

let folder: string;
let dataset: Dataset;
let model: TrainedModel;
let release: OpenRelease;
const build = (trained: TrainedModel, config: object = {}) =>
  buildRelease({
    model: trained,
    dataset,
    releasesDir: join(folder, 'releases'),
    config: buildConfigSchema.parse({ u2uLength: 5, i2iLength: 8, ...config }),
  });

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
    const embedder = await OnnxUserEmbedder.open({ releaseId, signature, model: userTower });
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

it('from a number of items on, the index is HNSW, compared with exact search', async () => {
  const manifest = await build(model, { exactBelowItems: 50 });
  expect(manifest.index).toMatchObject({ kind: 'hnsw', m: 16, ef: 200 });
  expect(manifest.index.kind === 'hnsw' && manifest.index.recallAt100).toBeGreaterThan(0.99);
  expect((await openRelease(join(folder, 'releases', manifest.id))).indexPath).toMatch(/index\.hnsw$/);
});

it('a build that fails leaves nothing behind', async () => {
  const before = await readdir(join(folder, 'releases'));
  const broken = { ...model, userTower: Uint8Array.of(1, 2, 3) };
  await expect(build(broken)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  const unfit = { ...model, userRows: model.userRows.slice(1) };
  await expect(build(unfit)).rejects.toThrow();
  expect(await readdir(join(folder, 'releases'))).toEqual(before);
});

async function firstUsers(opened: OpenRelease) {
  for await (const batch of opened.readUsers()) return batch;
  return [];
}
