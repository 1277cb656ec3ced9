import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReleaseId } from '@mic/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildHnsw } from './build-hnsw';
import { WorkerItemIndex } from './worker-item-index';
import { WorkerUserIndex } from './worker-user-index';

const releaseId = parseReleaseId('r1');
/** Six items on the half circle from (1, 0) to (-1, 0), and three users on it. */
const ITEMS = { vectors: Float32Array.of(1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1, -0.6, 0.8, -1, 0), count: 6, dimension: 2 };
const USERS = { vectors: Float32Array.of(1, 0, 0.6, 0.8, 0, 1), count: 3, dimension: 2 };
const options = { signal: new AbortController().signal, requestId: 'spec' };

let folder: string;
let items: WorkerItemIndex;
const opened: WorkerUserIndex[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-users-'));
  items = await WorkerItemIndex.open({ ...ITEMS, releaseId, kind: 'exact', workers: 1 });
  const indexPath = join(folder, 'users.hnsw');
  await buildHnsw({ ...USERS, path: indexPath });
  opened.push(await WorkerUserIndex.open({ ...USERS, releaseId, kind: 'exact', items }));
  opened.push(await WorkerUserIndex.open({ ...USERS, releaseId, kind: 'hnsw', indexPath, ef: 3, items }));
});
afterAll(async () => {
  await Promise.all([items, ...opened].map((index) => index.close()));
  await rm(folder, { recursive: true });
});

describe.each(['exact', 'hnsw'].map((kind, i) => ({ kind, i })))('a user index, $kind', ({ i }) => {
  const index = (): WorkerUserIndex => opened[i]!;

  it('finds the users nearest to each vector', async () => {
    const vectors = Float32Array.of(1, 0, 0, 1);
    const { offsets, rows, scores } = await index().searchUsers({ releaseId, count: 2, vectors, k: 2 }, options);
    expect([...offsets]).toEqual([0, 2, 4]);
    expect([...rows]).toEqual([0, 1, 2, 1]);
    expect([...scores]).toEqual([1, 0.6, 1, 0.8].map(Math.fround));
  });

  it('finds the items nearest to the vector of each user, in the order of the users', async () => {
    const request = { releaseId, userRows: Uint32Array.of(2, 0, 2), k: 1 };
    const { offsets, rows, scores } = await index().searchByUsers(request, options);
    expect([...offsets]).toEqual([0, 1, 2, 3]);
    expect([...rows]).toEqual([3, 0, 3]);
    expect([...scores]).toEqual([1, 1, 1]);
    const none = await index().searchByUsers({ ...request, userRows: new Uint32Array() }, options);
    expect([...none.offsets]).toEqual([0]);
  });

  it('refuses a user that there is not, another release, and what is cancelled', async () => {
    const request = { releaseId, userRows: Uint32Array.of(0, 3), k: 1 };
    await expect(index().searchByUsers(request, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      subject: 'userRows',
      message: 'user row 3 is not there: the release has 3',
    });
    const other = { releaseId: parseReleaseId('r2'), userRows: Uint32Array.of(0), k: 1 };
    await expect(index().searchByUsers(other, options)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    const vectors = { ...other, count: 1, vectors: Float32Array.of(1, 0) };
    await expect(index().searchUsers(vectors, options)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    const gone = { ...options, signal: AbortSignal.abort() };
    await expect(index().searchUsers({ ...vectors, releaseId }, gone)).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(index().searchByUsers({ ...other, releaseId }, gone)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

it('leaves the items open when it is closed', async () => {
  const index = await WorkerUserIndex.open({ ...USERS, releaseId, kind: 'exact', items });
  await index.close();
  const search = { releaseId, count: 1, vectors: Float32Array.of(1, 0), k: 1 };
  await expect(index.searchUsers(search, options)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect([...(await items.search(search, options)).rows]).toEqual([0]);
});
