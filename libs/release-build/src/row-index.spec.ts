import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@mic/domain';
import { normaliseRows } from '@mic/vectors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeIndex, fillIndex, type SearchableRows } from './row-index';

const [COUNT, DIMENSION] = [3_000, 16];
let folder: string;
let path: string;
let rows: SearchableRows;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-row-index-'));
  path = join(folder, 'index.hnsw');
  const random = new Random(1);
  const vectors = Float32Array.from({ length: COUNT * DIMENSION }, () => random.next() - 0.5);
  normaliseRows(vectors, DIMENSION);
  rows = { vectors, count: COUNT, dimension: DIMENSION };
  await fillIndex(rows, path, { m: 4, efConstruction: 20, ef: 100 });
});
afterAll(() => rm(folder, { recursive: true }));

describe('describeIndex', () => {
  const describeAt = (wanted: number | null) =>
    describeIndex(rows, path, rows.vectors, { m: 4, efConstruction: 20, ef: 100 }, wanted);

  it('measures the configured search width where no recall is wanted, or enough is there', async () => {
    const plain = await describeAt(null);
    expect(plain).toMatchObject({ kind: 'hnsw', m: 4, efConstruction: 20, ef: 100 });
    expect(await describeAt(0.1)).toEqual(plain);
  });

  it('doubles the width until the wanted recall is there, three times at most', async () => {
    const narrow = await describeAt(null);
    const recallOf = (info: typeof narrow): number => (info.kind === 'hnsw' ? info.recallAt100 : 1);
    const wider = await describeAt(recallOf(narrow) + 0.001);
    expect(wider).toMatchObject({ ef: 200 });
    expect(recallOf(wider)).toBeGreaterThan(recallOf(narrow));
    expect(await describeAt(2)).toMatchObject({ ef: 800 });
  });
});
