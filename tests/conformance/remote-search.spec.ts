import { MicError, parseReleaseId, type ScoredLists } from '@mic/domain';
import { WorkerItemIndex, WorkerUserIndex } from '@mic/hnsw-index';
import type { CallOptions, ItemIndex, UserIndex } from '@mic/recall';
import { startServer, type RunningServer } from '@mic/rpc';
import { ItemIndexClient, UserIndexClient } from '@mic/service-clients';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annApi, type Indexes } from '../../apps/ann-service/src/handler';
import { logger, rejection } from '../contract/callers';
import { holding, OPEN } from '../contract/internal-rpc';

const { releaseId, dimension } = OPEN;
/** Six items on the half circle from (1, 0) to (-1, 0), and three users on it. */
const ITEMS = Float32Array.of(1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1, -0.6, 0.8, -1, 0);
const USERS = Float32Array.of(1, 0, 0.6, 0.8, 0, 1);
const options: CallOptions = { signal: new AbortController().signal, requestId: 'spec', timeoutMs: 5_000 };

type Side = ItemIndex & UserIndex;
const sides: Record<string, Side> = {};
const closing: (() => unknown)[] = [];

async function serve(indexes: Indexes): Promise<RunningServer> {
  const releases = await holding(indexes);
  const services = [annApi(() => releases)];
  const server = await startServer({ address: '127.0.0.1:0', services, logger, drainTimeoutMs: 100 });
  closing.unshift(() => server.stop());
  return server;
}

function clientsOf({ address }: RunningServer): Side {
  const connection = ItemIndexClient.connect(address);
  closing.unshift(() => connection.close());
  const users = new UserIndexClient(connection, OPEN);
  const items = new ItemIndexClient(connection, OPEN);
  return {
    search: (...call) => items.search(...call),
    searchUsers: (...call) => users.searchUsers(...call),
    searchByUsers: (...call) => users.searchByUsers(...call),
  };
}

beforeAll(async () => {
  const ofRelease = { releaseId, dimension, kind: 'exact' } as const;
  const items = await WorkerItemIndex.open({ ...ofRelease, vectors: ITEMS, count: OPEN.items, workers: 1 });
  const users = await WorkerUserIndex.open({ ...ofRelease, vectors: USERS, count: OPEN.users, items });
  closing.unshift(() => items.close());
  closing.unshift(() => users.close());
  sides['in one process'] = {
    search: (...call) => items.search(...call),
    searchUsers: (...call) => users.searchUsers(...call),
    searchByUsers: (...call) => users.searchByUsers(...call),
  };
  sides['behind the ann-service'] = clientsOf(
    await serve({ vectors: ITEMS, items, users: { vectors: USERS, index: users } }),
  );
  sides.without = clientsOf(await serve({ vectors: ITEMS, items, users: null }));
});
afterAll(async () => {
  for (const close of closing) await close();
});

const lists = ({ offsets, rows, scores }: ScoredLists) => ({
  offsets: [...offsets],
  rows: [...rows],
  scores: Array.from(scores, (score) => Number(score.toFixed(3))),
});

describe.each(['in one process', 'behind the ann-service'])('the search ports %s', (name) => {
  it('find items by vectors, users by vectors, and items by users', async () => {
    const vectors = Float32Array.of(1, 0, 0, 1);
    const { search, searchUsers, searchByUsers } = sides[name]!;
    expect(lists(await search({ releaseId, count: 2, vectors, k: 2 }, options))).toEqual({
      offsets: [0, 2, 4],
      rows: [0, 1, 3, 2],
      scores: [1, 0.8, 1, 0.8],
    });
    expect(lists(await searchUsers({ releaseId, count: 2, vectors, k: 2 }, options))).toEqual({
      offsets: [0, 2, 4],
      rows: [0, 1, 2, 1],
      scores: [1, 0.6, 1, 0.8],
    });
    const byUsers = { releaseId, userRows: Uint32Array.of(2, 1), k: 2, ef: 10 };
    expect(lists(await searchByUsers(byUsers, options))).toEqual({
      offsets: [0, 2, 4],
      rows: [3, 2, 2, 1],
      scores: [1, 0.8, 1, 0.96],
    });
  });

  it('answer no query with no list, and a k beyond the rows with all of them', async () => {
    const { searchUsers, searchByUsers } = sides[name]!;
    const empty = { offsets: [0], rows: [], scores: [] };
    const none = { releaseId, count: 0, vectors: new Float32Array(), k: 1 };
    expect(lists(await searchUsers(none, options))).toEqual(empty);
    expect(lists(await searchByUsers({ releaseId, userRows: new Uint32Array(), k: 1 }, options))).toEqual(empty);
    const all = { releaseId, count: 1, vectors: Float32Array.of(1, 0), k: 100 };
    expect((await searchUsers(all, options)).rows).toHaveLength(3);
    expect((await searchByUsers({ releaseId, userRows: Uint32Array.of(0), k: 100 }, options)).rows).toHaveLength(6);
  });

  it('refuse a row that there is not, another release, and what is not wanted any more', async () => {
    const { searchUsers, searchByUsers } = sides[name]!;
    const byUsers = { releaseId, userRows: Uint32Array.of(0, 3), k: 1 };
    expect(await rejection(searchByUsers(byUsers, options))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const other = { releaseId: parseReleaseId('r1'), count: 1, vectors: Float32Array.of(1, 0), k: 1 };
    expect(await rejection(searchUsers(other, options))).toMatchObject({ code: 'FAILED_PRECONDITION' });
    const gone = { ...options, signal: AbortSignal.abort(new MicError('CANCELLED', 'gone')) };
    expect(await rejection(searchUsers({ ...other, releaseId }, gone))).toMatchObject({ code: 'CANCELLED' });
  });
});

it('is NOT_FOUND where the ann-service does not open the users, with what to do', async () => {
  const { search, searchUsers, searchByUsers } = sides.without!;
  const request = { releaseId, count: 1, vectors: Float32Array.of(1, 0), k: 1 };
  for (const refused of [
    searchUsers(request, options),
    searchByUsers({ releaseId, userRows: Uint32Array.of(0), k: 1 }, options),
  ]) {
    expect(await rejection(refused)).toMatchObject({
      code: 'NOT_FOUND',
      message: 'the ann-service: the user index is not open here',
      remedy: expect.stringContaining('MIC_USER_INDEX=true'),
    });
  }
  expect([...(await search(request, options)).rows]).toEqual([0]);
});
