import { Random } from '@mic/domain';
import { dot, exactTopK, normaliseRows } from '@mic/vectors';
import { describe, expect, it } from 'vitest';
import { kMeans } from './k-means';
import { MinedPairs, RELATIONS } from './mined-pairs';
import { nearestRows } from './nearest-rows';

const D = 4;
/** Unit vectors around a few centres: row r is of centre r % centres. */
function around(count: number, centres: number, seed: number, spread = 0.05): Float32Array {
  const random = new Random(seed);
  const middle = Float32Array.from({ length: centres * D }, () => random.normal());
  normaliseRows(middle, D);
  const values = Float32Array.from({ length: count * D }, (_, at) => {
    const centre = Math.floor(at / D) % centres;
    return middle[centre * D + (at % D)]! + spread * random.normal();
  });
  normaliseRows(values, D);
  return values;
}

describe('kMeans', () => {
  it('finds the groups that are there', async () => {
    const { offsets, rows, centroids } = await kMeans(around(300, 5, 1), D, 5, new Random(2));
    expect(centroids.length).toBe(5 * D);
    for (let c = 0; c < 5; c++) {
      const members = [...rows.subarray(offsets[c], offsets[c + 1])];
      expect(members.length).toBe(60);
      expect(new Set(members.map((row) => row % 5)).size).toBe(1);
    }
  });

  it('copes with fewer rows than clusters, and with equal rows', async () => {
    const few = await kMeans(around(3, 3, 1), D, 8, new Random(1));
    expect([few.offsets.at(-1), few.centroids.length]).toEqual([3, 3 * D]);
    const same = new Float32Array(20 * D).fill(0.5);
    const { offsets, centroids } = await kMeans(same, D, 4, new Random(1));
    expect(offsets.at(-1)).toBe(20);
    expect(centroids.every(Number.isFinite)).toBe(true);
  });
});

describe('nearestRows', () => {
  it('is exact for few rows, and nearly so by a graph', async () => {
    const [queries, matrix] = [around(200, 7, 3, 0.5), around(3_000, 9, 4, 0.5)];
    const exact = await nearestRows(queries, matrix, D, 5);
    const request = { queries, queryCount: 200, matrix, rowCount: 3_000, dimension: D, k: 5 };
    expect([...exact]).toEqual([...exactTopK(request).rows]);
    const graph = await nearestRows(queries, matrix, D, 5, 1_000);
    const agreed = graph.filter((row, i) => exact.subarray(i - (i % 5), i - (i % 5) + 5).includes(row)).length;
    expect(agreed / graph.length).toBeGreaterThan(0.97);
  });
});

describe('MinedPairs', () => {
  const options = { neighbours: 3, clusters: 4, nearClusters: 2 };
  // users and items stand around the same four centres
  const mine = () => MinedPairs.mine(around(80, 4, 5), around(60, 4, 5), D, options, new Random(6));

  it('has positives of the anchor’s own group, never the anchor, and negatives of others', async () => {
    const mined = await mine();
    const random = new Random(7);
    for (const relation of RELATIONS) {
      for (let anchor = 0; anchor < 60; anchor++) {
        const positive = mined.positive(relation, anchor, random);
        expect(positive % 4).toBe(anchor % 4);
        if (relation === 'userUser' || relation === 'itemItem') expect(positive).not.toBe(anchor);
        expect(mined.negative(relation, anchor, random) % 4).not.toBe(anchor % 4);
      }
    }
    const out = new Float32Array(D);
    mined.copy('userItem', 7, out, 0);
    expect(dot(out, 0, mined.items, 7, D)).toBeCloseTo(1, 5);
  });

  it('is the same for the same random numbers, and comes back from its state', async () => {
    const [a, b] = [await mine(), await mine()];
    expect(a.state()).toEqual(b.state());
    const restored = MinedPairs.restore(a.state(), D, options)!;
    expect(restored.state()).toEqual(a.state());
    expect(restored.negative('userUser', 3, new Random(1))).toBe(a.negative('userUser', 3, new Random(1)));
    expect(MinedPairs.restore({}, D, options)).toBeNull();
  });
});
