import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseReleaseId, type ScoredLists } from '@mic/domain';
import type { SearchRequest } from '@mic/recall';
import { exactTopK, normaliseRows } from '@mic/vectors';
import { buildHnsw } from './build-hnsw';
import { SearchWorker } from './search-worker';
import { WorkerItemIndex, type WorkerItemIndexOptions } from './worker-item-index';

const releaseId = parseReleaseId('r1');
const DIMENSION = 16;
const COUNT = 5000;

function random(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
}

/** Unit vectors around 40 centres, as trained item vectors are. */
function clustered(count: number, dimension: number, seed: number): Float32Array {
  const next = random(seed);
  const centres = Float32Array.from({ length: 40 * dimension }, next);
  const vectors = Float32Array.from(
    { length: count * dimension },
    (_, i) => centres[(Math.floor(i / dimension) % 40) * dimension + (i % dimension)]! + 0.6 * next(),
  );
  return normaliseRows(vectors, dimension);
}

const vectors = clustered(COUNT, DIMENSION, 1);
const queries = clustered(60, DIMENSION, 2);
const query = (q: number) => queries.subarray(q * DIMENSION, (q + 1) * DIMENSION);
const signal = new AbortController().signal;
const options = { signal, requestId: 'test' };
const ask = (changes: Partial<SearchRequest> = {}): SearchRequest => ({
  releaseId,
  count: 1,
  vectors: query(0),
  k: 100,
  ...changes,
});
const exact = (queryVectors: Float32Array, k: number): ScoredLists =>
  exactTopK({
    queries: queryVectors,
    queryCount: queryVectors.length / DIMENSION,
    matrix: vectors,
    rowCount: COUNT,
    dimension: DIMENSION,
    k,
  });

let folder: string;
let indexPath: string;
const opened: WorkerItemIndex[] = [];
async function open(changes: Partial<WorkerItemIndexOptions> = {}): Promise<WorkerItemIndex> {
  const index = await WorkerItemIndex.open({
    releaseId,
    vectors,
    count: COUNT,
    dimension: DIMENSION,
    kind: 'exact',
    ...changes,
  });
  opened.push(index);
  return index;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-hnsw-'));
  indexPath = join(folder, 'index.hnsw');
  await buildHnsw({ vectors, count: COUNT, dimension: DIMENSION, path: indexPath });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(opened.splice(0).map((index) => index.close()));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('an exact index', () => {
  it('gives what the oracle gives, for one query and for many, on one thread and on two', async () => {
    for (const workers of [1, 2]) {
      const index = await open({ workers });
      expect(await index.search(ask(), options)).toEqual(exact(query(0), 100));
      expect(await index.search(ask({ count: 60, vectors: queries, k: 37 }), options)).toEqual(exact(queries, 37));
    }
  });

  it('orders equal scores by row, keeps the lower rows at the cut, and cuts k to the number of rows', async () => {
    const index = await open({
      vectors: Float32Array.of(0, 1, 1, 0, 1, 0, 1, 0, -1, 0),
      count: 5,
      dimension: 2,
      workers: 1,
    });
    const lists = await index.search(ask({ vectors: Float32Array.of(1, 0), k: 2 }), options);
    expect([...lists.rows]).toEqual([1, 2]);
    const all = await index.search(ask({ vectors: Float32Array.of(1, 0), k: 1000 }), options);
    expect([...all.rows]).toEqual([1, 2, 3, 0, 4]);
    expect([...all.scores]).toEqual([1, 1, 1, 0, -1]);
    expect([...all.offsets]).toEqual([0, 5]);
  });

  it('answers no queries with no lists', async () => {
    const index = await open({ workers: 1 });
    const lists = await index.search(ask({ count: 0, vectors: new Float32Array() }), options);
    expect([...lists.offsets]).toEqual([0]);
  });
});

describe('an HNSW index', () => {
  const recall = (lists: ScoredLists, k: number): number => {
    const wanted = exact(queries, k);
    let found = 0;
    for (let q = 0; q < 60; q++) {
      const rows = new Set(wanted.rows.subarray(wanted.offsets[q], wanted.offsets[q + 1]));
      for (const row of lists.rows.subarray(lists.offsets[q], lists.offsets[q + 1])) if (rows.has(row)) found++;
    }
    return found / wanted.rows.length;
  };

  it('finds the exact top 100, scores them as the oracle does, and obeys ef', async () => {
    const index = await open({ kind: 'hnsw', indexPath, workers: 2 });
    const burst = ask({ count: 60, vectors: queries });
    const wide = await index.search(burst, options);
    expect(recall(wide, 100)).toBeGreaterThanOrEqual(0.99);
    const scoreOf = exact(queries, COUNT);
    for (let q = 0; q < 60; q++) {
      const all = new Map<number, number>();
      for (let i = scoreOf.offsets[q]!; i < scoreOf.offsets[q + 1]!; i++) all.set(scoreOf.rows[i]!, scoreOf.scores[i]!);
      for (let i = wide.offsets[q]!; i < wide.offsets[q + 1]!; i++) {
        expect(wide.scores[i]).toBe(all.get(wide.rows[i]!));
        if (i > wide.offsets[q]!) expect(wide.scores[i]).toBeLessThanOrEqual(wide.scores[i - 1]!);
      }
    }
    const narrow = await index.search({ ...burst, k: 5, ef: 5 }, options);
    const again = await index.search({ ...burst, k: 5, ef: 2000 }, options);
    expect(recall(narrow, 5)).toBeLessThan(recall(again, 5));
  });

  it('finds more the wider it searches', async () => {
    const index = await open({ kind: 'hnsw', indexPath });
    const expected = exact(queries, 5);
    const found = async (ef: number): Promise<number> => {
      const { rows } = await index.search(ask({ count: 60, vectors: queries, k: 5, ef }), options);
      return rows.filter((row, i) => expected.rows.subarray(i - (i % 5), i - (i % 5) + 5).includes(row)).length;
    };
    expect(await found(200)).toBeGreaterThanOrEqual(0.99 * 300);
    expect(await found(5)).toBeLessThan(await found(200));
  });

  it('is the same file for the same vectors, and reports progress', async () => {
    const path = join(folder, 'again.hnsw');
    const seen: number[] = [];
    const request = { vectors, count: COUNT, dimension: DIMENSION, path };
    await buildHnsw({ ...request, onProgress: (done) => seen.push(done) });
    expect((await readFile(path)).equals(await readFile(indexPath))).toBe(true);
    expect(seen.at(-1)).toBe(COUNT);
    await buildHnsw({ ...request, seed: 7 });
    expect((await readFile(path)).equals(await readFile(indexPath))).toBe(false);
  });
});

describe('bursts', () => {
  it('sends what arrives in one turn in one message a thread, shared out evenly', async () => {
    const run = vi.spyOn(SearchWorker.prototype, 'run');
    const index = await open({ workers: 2 });
    const ks = [1, 10, 100];
    const answers = await Promise.all(
      Array.from({ length: 21 }, (_, q) =>
        index.search(ask({ vectors: query(q), k: ks[q % 3]! }), { ...options, signal: new AbortController().signal }),
      ),
    );
    answers.forEach((answer, q) => {
      expect(answer).toEqual(exact(query(q), ks[q % 3]!));
    });
    const sizes = run.mock.calls.map(([burst]) => burst.parts.reduce((sum, part) => sum + part.count, 0));
    expect(sizes).toEqual([11, 10]);
  });

  it('sends what arrives while the thread is busy together', async () => {
    const run = vi.spyOn(SearchWorker.prototype, 'run');
    const index = await open({ workers: 1 });
    const first = index.search(ask({ count: 60, vectors: queries, k: 1000 }), options);
    await new Promise(setImmediate);
    expect(run).toHaveBeenCalledTimes(1);
    const rest: Promise<ScoredLists>[] = [];
    for (let q = 0; q < 5; q++) {
      rest.push(index.search(ask({ vectors: query(q) }), options));
      await Promise.resolve();
    }
    await Promise.all([first, ...rest]);
    expect(run.mock.calls.map(([burst]) => burst.parts.length)).toEqual([1, 5]);
  });

  it('does not see changes that the caller makes to the vectors after the call', async () => {
    const index = await open({ workers: 1 });
    const mine = query(3).slice();
    const answer = index.search(ask({ vectors: mine }), options);
    mine.fill(0);
    expect(await answer).toEqual(exact(query(3), 100));
  });
});

describe('bad input', () => {
  it.each([
    ['another release', { releaseId: parseReleaseId('r2') }, 'FAILED_PRECONDITION', 'release_id'],
    ['NaN', { vectors: query(0).with(3, NaN) }, 'INVALID_ARGUMENT', 'vectors'],
    ['infinity', { vectors: query(0).with(0, -Infinity) }, 'INVALID_ARGUMENT', 'vectors'],
    ['too few numbers', { vectors: query(0).subarray(1) }, 'INVALID_ARGUMENT', 'vectors'],
    ['another count', { count: 2 }, 'INVALID_ARGUMENT', 'vectors'],
    ['a negative count', { count: -1, vectors: new Float32Array() }, 'INVALID_ARGUMENT', 'vectors'],
    ['k 0', { k: 0 }, 'INVALID_ARGUMENT', 'k'],
    ['k 1.5', { k: 1.5 }, 'INVALID_ARGUMENT', 'k'],
    ['ef 0', { ef: 0 }, 'INVALID_ARGUMENT', 'ef'],
    ['ef NaN', { ef: NaN }, 'INVALID_ARGUMENT', 'ef'],
  ])('refuses %s and goes on', async (_, changes, code, subject) => {
    const index = await open({ workers: 1 });
    await expect(index.search(ask(changes), options)).rejects.toMatchObject({ code, subject });
    expect(await index.search(ask(), options)).toEqual(exact(query(0), 100));
  });

  it('takes k and ef far beyond the number of rows', async () => {
    const index = await open({ kind: 'hnsw', indexPath, workers: 1 });
    const lists = await index.search(ask({ k: 10_000_000, ef: 2 ** 40 }), options);
    expect(lists.rows.length).toBe(COUNT);
  });

  it('refuses options that contradict each other', async () => {
    const refused = (changes: Partial<WorkerItemIndexOptions>) =>
      expect(open(changes)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await refused({ count: COUNT - 1 });
    await refused({ vectors: vectors.with(9, NaN) });
    await refused({ vectors: new Float32Array(), count: 0 });
    await refused({ kind: 'hnsw' });
    await refused({ workers: 0 });
    await expect(
      buildHnsw({ vectors: vectors.with(9, NaN), count: COUNT, dimension: DIMENSION, path: join(folder, 'x') }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses a file that is not the index of these vectors before the library sees it', async () => {
    const path = join(folder, 'bad.hnsw');
    const bytes = await readFile(indexPath);
    const refused = (changes: Partial<WorkerItemIndexOptions>, message: RegExp) =>
      expect(open({ kind: 'hnsw', indexPath: path, ...changes })).rejects.toMatchObject({
        code: 'DATA_LOSS',
        message: expect.stringMatching(message),
      });
    await rm(path, { force: true });
    await refused({}, /cannot be opened/);
    await writeFile(path, bytes.subarray(0, 50));
    await refused({}, /it has 50 bytes/);
    await writeFile(path, bytes);
    await truncate(path, 100_000);
    await refused({}, /it has 100000 bytes of at least/);
    await writeFile(path, bytes);
    await refused({ vectors: vectors.subarray(DIMENSION), count: COUNT - 1 }, /it holds 5000 rows, not 4999/);
    await refused({ vectors: vectors.slice(0, COUNT * 8), dimension: 8 }, /its vectors take 64 bytes, not 32/);
    await refused({ vectors: clustered(COUNT, DIMENSION, 3) }, /row 0 has another vector/);
    const damaged = Buffer.from(bytes);
    damaged.writeUInt32LE(COUNT, 52);
    await writeFile(path, damaged);
    await refused({}, /its header contradicts itself/);
    await writeFile(path, Buffer.concat([bytes, Buffer.alloc(3)]));
    await refused({}, /do not end with the file/);
    await writeFile(path, bytes.subarray(0, -1));
    await refused({}, /do not end with the file/);
    await writeFile(path, bytes);
    expect(await (await open({ kind: 'hnsw', indexPath: path })).search(ask(), options)).toBeDefined();
  });
});

describe('cancellation', () => {
  it('rejects at once, drops what was not sent, and goes on', async () => {
    const run = vi.spyOn(SearchWorker.prototype, 'run');
    const index = await open({ workers: 1 });
    const controller = new AbortController();
    const first = index.search(ask({ count: 60, vectors: queries, k: 5000 }), options);
    await new Promise(setImmediate);
    const dropped = index.search(ask(), { ...options, signal: controller.signal });
    const kept = index.search(ask({ vectors: query(1) }), options);
    controller.abort();
    await expect(dropped).rejects.toMatchObject({ code: 'CANCELLED' });
    await first;
    expect(await kept).toEqual(exact(query(1), 100));
    expect(run.mock.calls.map(([burst]) => burst.parts.length)).toEqual([1, 1]);
  });

  it('rejects a search that a thread has, and one that was cancelled before it came', async () => {
    const index = await open({ workers: 1 });
    const controller = new AbortController();
    const sent = index.search(ask({ count: 60, vectors: queries, k: 5000 }), { ...options, signal: controller.signal });
    await new Promise(setImmediate);
    controller.abort();
    await expect(sent).rejects.toMatchObject({ code: 'CANCELLED' });
    const late = index.search(ask(), { ...options, signal: controller.signal });
    await expect(late).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await index.search(ask(), options)).toEqual(exact(query(0), 100));
  });
});

describe('a thread that dies', () => {
  /** Keeps every thread that is started, to end it behind the index's back. */
  function watchThreads(): SearchWorker[] {
    const threads: SearchWorker[] = [];
    const start = SearchWorker.start.bind(SearchWorker);
    vi.spyOn(SearchWorker, 'start').mockImplementation(async (setup) => {
      const thread = await start(setup);
      threads.push(thread);
      return thread;
    });
    return threads;
  }
  const many = ask({ count: 6000, vectors: normaliseRows(Float32Array.from({ length: 6000 * DIMENSION }, random(5)), DIMENSION), k: 200 }); // prettier-ignore

  it('fails what it had, is replaced, and what waited is answered', async () => {
    const threads = watchThreads();
    const index = await open({ workers: 1 });
    const lost = index.search(many, options);
    await new Promise(setImmediate);
    const waiting = index.search(ask(), options);
    const failure = expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await threads[0]!.terminate();
    await failure;
    expect(await waiting).toEqual(exact(query(0), 100));
    expect(threads).toHaveLength(2);
  });

  it('is not started again for ever', async () => {
    const threads = watchThreads();
    const index = await open({ workers: 1 });
    for (let death = 0; death < 4; death++) {
      await vi.waitFor(() => { expect(threads).toHaveLength(death + 1); }, 20_000); // prettier-ignore
      await threads[death]!.terminate();
    }
    await vi.waitFor(() => expect(index.search(ask(), options)).rejects.toMatchObject({ code: 'UNAVAILABLE' }), 20_000);
    expect(threads).toHaveLength(4);
  });

  it('is told apart from one that an index closes', async () => {
    const threads = watchThreads();
    const index = await open({ workers: 2 });
    const lost = expect(index.search(many, options)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await new Promise(setImmediate);
    const unsent = expect(index.search(ask(), options)).rejects.toThrow(/closed/);
    await index.close();
    await Promise.all([lost, unsent]);
    await expect(index.search(ask(), options)).rejects.toThrow(/closed/);
    await Promise.all(threads.map((thread) => thread.ended));
    expect(threads).toHaveLength(2);
    await index.close();
  });
});
