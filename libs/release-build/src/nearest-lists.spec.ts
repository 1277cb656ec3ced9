import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_ROW, Random } from '@mic/domain';
import { exactTopK, normaliseRows } from '@mic/vectors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nearestLists } from './nearest-lists';
import { fillIndex, type SearchableRows } from './row-index';

const D = 8;
const COUNT = 600;
function vectors(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return normaliseRows(Float32Array.from({ length: count * D }, () => random.normal()), D); // prettier-ignore
}
const of: SearchableRows = { vectors: vectors(COUNT, 1), count: COUNT, dimension: D };
let folder: string;
let indexPath: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-lists-'));
  indexPath = join(folder, 'index.hnsw');
  await fillIndex(of, indexPath, { m: 16, efConstruction: 200, ef: 200 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(['exact', 'hnsw'])('%s', (kind) => {
  const shared = { of, ef: 200, indexPath: null as string | null };
  const request = () => ({ ...shared, indexPath: kind === 'hnsw' ? indexPath : null });

  it('gives each row the others that are nearest', async () => {
    const lists = await nearestLists({ ...request(), queries: of.vectors, vectorsPerQuery: 1, length: 7, withoutSelf: true }); // prettier-ignore
    const all = { queries: of.vectors, queryCount: COUNT, matrix: of.vectors, rowCount: COUNT, dimension: D };
    const expected = exactTopK({ ...all, k: 7, excludeSelf: true });
    const wrong = lists.rows.filter((row, i) => row !== expected.rows[i]).length;
    expect(wrong).toBeLessThan(0.01 * lists.rows.length);
    expect(lists.recall).toBeGreaterThan(0.99);
    if (kind === 'exact') expect(lists.recall).toBe(1);
  });

  it('takes the best of several vectors of a query, and pads what is short', async () => {
    const queries = vectors(6, 2);
    const lists = await nearestLists({ ...request(), queries, vectorsPerQuery: 2, length: COUNT + 2, withoutSelf: false }); // prettier-ignore
    const scores = (query: number) =>
      Array.from({ length: COUNT }, (_, row) => {
        const dots = [0, 1].map(
          (v) =>
          Array.from({ length: D }, (_unused, d) => queries[(query * 2 + v) * D + d]! * of.vectors[row * D + d]!).reduce((a, b) => a + b), // prettier-ignore
        );
        return Math.max(...dots);
      });
    for (const query of [0, 2]) {
      const best = scores(query).map((score, row) => ({ score, row })).sort((a, b) => b.score - a.score)[0]!; // prettier-ignore
      expect(lists.rows[query * (COUNT + 2)]).toBe(best.row);
      expect(lists.similarities[query * (COUNT + 2)]).toBeCloseTo(best.score, 5);
    }
    expect([lists.rows.at(-1), lists.similarities.at(-1)]).toEqual([NO_ROW, 0]);
  });
});
