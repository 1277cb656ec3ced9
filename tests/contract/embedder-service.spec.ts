import { Graph, toOnnx } from '@mic/autodiff';
import { EmbedderServiceService, EmbedItemsRequest, EmbedUsersRequest } from '@mic/contracts';
import { fullSignature } from '@mic/features';
import { OnnxItemEmbedder, OnnxUserEmbedder } from '@mic/onnx-tower';
import type { OpenReleases } from '@mic/service-host';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { embedderApi, type Towers } from '../../apps/user-embedder/src/handler';
import { rejection } from './callers';
import { bothWays, holding, internalRpc, OPEN } from './internal-rpc';

const { embedUsers, embedItems } = EmbedderServiceService;
const SIGNATURE = fullSignature({
  dimension: OPEN.dimension,
  idDimension: 2,
  itemIdDimension: 2,
  vectorsPerUser: 1,
  longestHistory: 3,
  profileWidth: 1,
  itemFieldsWidth: 1,
  maskedUserRow: [4, 3],
  maskedItemRow: [20, 4],
});

/** x / |x| by row. */
const unit = (graph: Graph, x: ReturnType<Graph['add']>) =>
  graph.div(x, graph.sqrt(graph.reduceSum(graph.mul(x, x), [1], true)));

/** unit(user_row + [profile, sum over the history of item row + 1]): every input shows in the output. */
function userTower(): Uint8Array {
  const graph = new Graph();
  const row = graph.input('user_row', 'float32', ['batch', 2]);
  const profile = graph.cast(graph.input('profile', 'int64', ['batch', 1]), 'float32');
  const codes = graph.cast(graph.input('history', 'int64', ['batch', 3]), 'float32');
  const sum = graph.add(row, graph.concat([profile, graph.reduceSum(codes, [1], true)], 1));
  graph.output('user_vectors', graph.reshape(unit(graph, sum), ['batch', 1, 2]));
  return toOnnx(graph);
}

/** unit(item_row + [fields, sum of users_pooled]). */
function itemTower(): Uint8Array {
  const graph = new Graph();
  const row = graph.input('item_row', 'float32', ['batch', 2]);
  const fields = graph.cast(graph.input('fields', 'int64', ['batch', 1]), 'float32');
  const pooled = graph.reduceSum(graph.input('users_pooled', 'float32', ['batch', 2]), [1], true);
  graph.output('item_vectors', unit(graph, graph.add(row, graph.concat([fields, pooled], 1))));
  return toOnnx(graph);
}

let towers: Towers & { readonly users: OnnxUserEmbedder; readonly items: OnnxItemEmbedder };
let releases: OpenReleases<Towers>;
beforeAll(async () => {
  const tower = { releaseId: OPEN.releaseId, signature: SIGNATURE };
  towers = {
    signature: SIGNATURE,
    users: await OnnxUserEmbedder.open({ ...tower, model: userTower() }),
    items: await OnnxItemEmbedder.open({ ...tower, model: itemTower() }),
  };
  releases = await holding<Towers>(towers);
});
afterAll(async () => {
  await towers.users.close();
  await towers.items.close();
});

type User = Partial<EmbedUsersRequest['users'][number]>;
type Item = Partial<EmbedItemsRequest['items'][number]>;
const usersRequest = (...users: User[]): EmbedUsersRequest =>
  EmbedUsersRequest.fromPartial({ releaseId: OPEN.releaseId, users });
const itemsRequest = (...items: Item[]): EmbedItemsRequest =>
  EmbedItemsRequest.fromPartial({ releaseId: OPEN.releaseId, items });

const service = {
  open: () => embedderApi(() => releases),
  throwing: (error: () => Error) =>
    embedderApi(() => {
      throw error();
    }),
  over: async (call: (...args: readonly unknown[]) => Promise<never>) => {
    const failing = await holding<Towers>({ ...towers, users: { embed: call }, items: { embed: call } });
    return embedderApi(() => failing);
  },
};
internalRpc({ ...service, method: embedUsers, request: usersRequest({}) });
internalRpc({ ...service, method: embedItems, request: itemsRequest({}) });

const rounded = (values: readonly number[]): number[] => values.map((value) => Number(value.toFixed(5)));

bothWays(
  'EmbedUsers',
  () => [service.open()],
  (caller) => {
    const vectorsOf = async (...users: User[]) => {
      const { dimension, users: found } = await caller.call(embedUsers, usersRequest(...users));
      expect(dimension).toBe(2);
      expect(found.every(({ count }) => count === 1)).toBe(true);
      return found.map(({ vectors }) => rounded(vectors));
    };

    it('runs the tower over every user, in order', async () => {
      expect(
        await vectorsOf(
          { userRow: [2, 1], profile: [1], historyRows: [0, 1] }, // (3, 1 + 1 + 2)
          { userRow: [-6, 8], profile: [0] },
          { userRow: [3, -3], profile: [0], historyRows: [5, 0] }, // (3, -3 + 6 + 1)
        ),
      ).toEqual([
        [0.6, 0.8],
        [-0.6, 0.8],
        [0.6, 0.8],
      ]);
    });

    it('masks what is empty, and cuts a history to the longest, newest first', async () => {
      expect(await vectorsOf({}, { historyRows: [0, 0, 0, 5, 5] })).toEqual([
        [0.8, 0.6],
        rounded([4 / Math.sqrt(52), 6 / Math.sqrt(52)]),
      ]);
    });

    it('takes 512 users', async () => {
      const users = Array.from({ length: 512 }, (_, i) => ({ userRow: i % 2 === 0 ? [0, 2] : [2, 0], profile: [0] }));
      const found = await vectorsOf(...users);
      expect(found).toHaveLength(512);
      expect([found[510], found[511]]).toEqual([
        [0, 1],
        [1, 0],
      ]);
    });

    const refusals: [string, User[], string, string][] = [
      ['no user', [], 'users', 'has 0 entries, 1 to 512'],
      ['513 users', Array<User>(513).fill({}), 'users', 'has 513 entries'],
      ['a short row', [{}, { userRow: [1] }], 'users[1].user_row', 'has 1 numbers, the tower takes 2 or none'],
      ['a long profile', [{ profile: [1, 2] }], 'users[0].profile', 'has 2 numbers, the tower takes 1'],
      ['a negative code', [{ profile: [-1] }], 'users[0].profile[0]', 'is -1'],
      ['NaN', [{ userRow: [0, NaN] }], 'users[0].user_row[1]', 'is NaN'],
      ['infinity', [{ userRow: [Infinity, 0] }], 'users[0].user_row[0]', 'is Infinity'],
      [
        'a row beyond the release',
        [{ historyRows: [0, 6] }],
        'users[0].history_rows[1]',
        'is 6, the release has 6 items',
      ],
    ];
    it.each(refusals)('INVALID_ARGUMENT: %s', async (_name, users, field, message) => {
      const error = await rejection(caller.call(embedUsers, usersRequest(...users)));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: field });
      expect(error.message).toContain(`${field} `);
      expect(error.message).toContain(message);
      expect(error.remedy).toBeTruthy();
    });
  },
);

bothWays(
  'EmbedItems',
  () => [service.open()],
  (caller) => {
    it('runs the tower over every item, in order; what is empty is masked', async () => {
      const { dimension, vectors } = await caller.call(
        embedItems,
        itemsRequest(
          { itemRow: [1, 1], fields: [2], usersPooled: [1, 2] }, // (3, 4)
          { itemRow: [1, 5], fields: [23] }, // (24, 5 + 4 + 3)
          { fields: [4], usersPooled: [0, 3] }, // (20 + 4, 4 + 3)
        ),
      );
      expect(dimension).toBe(2);
      const second = Math.hypot(24, 12);
      expect(rounded(vectors)).toEqual(rounded([0.6, 0.8, 24 / second, 12 / second, 0.96, 0.28]));
    });

    it('takes 512 items', async () => {
      const { vectors } = await caller.call(embedItems, itemsRequest(...Array<Item>(512).fill({})));
      expect(vectors).toHaveLength(1_024);
    });

    const refusals: [string, Item[], string, string][] = [
      ['no item', [], 'items', 'has 0 entries, 1 to 512'],
      ['513 items', Array<Item>(513).fill({}), 'items', 'has 513 entries'],
      ['a long row', [{ itemRow: [1, 2, 3] }], 'items[0].item_row', 'has 3 numbers, the tower takes 2 or none'],
      ['long fields', [{}, { fields: [1, 2] }], 'items[1].fields', 'has 2 numbers, the tower takes 1'],
      ['a negative code', [{ fields: [-7] }], 'items[0].fields[0]', 'is -7'],
      ['short users', [{ usersPooled: [1] }], 'items[0].users_pooled', 'has 1 numbers, the tower takes 2'],
      ['NaN', [{ itemRow: [NaN, 0] }], 'items[0].item_row[0]', 'is NaN'],
      ['infinite users', [{ usersPooled: [0, -Infinity] }], 'items[0].users_pooled[1]', 'is -Infinity'],
    ];
    it.each(refusals)('INVALID_ARGUMENT: %s', async (_name, items, field, message) => {
      const error = await rejection(caller.call(embedItems, itemsRequest(...items)));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: field });
      expect(error.message).toContain(`${field} `);
      expect(error.message).toContain(message);
      expect(error.remedy).toBeTruthy();
    });
  },
);
