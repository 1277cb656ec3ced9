import { Graph, toOnnx } from '@mic/autodiff';
import { parseReleaseId } from '@mic/domain';
import { fullSignature } from '@mic/features';
import { OnnxItemEmbedder, OnnxUserEmbedder } from '@mic/onnx-tower';
import { startServer, type RunningServer } from '@mic/rpc';
import { ItemEmbedderClient, UserEmbedderClient } from '@mic/service-clients';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { embedderApi } from '../../apps/user-embedder/src/handler';
import { logger, rejection } from '../contract/callers';
import { holding, OPEN } from '../contract/internal-rpc';

const { releaseId } = OPEN;
const FULL = fullSignature({
  dimension: OPEN.dimension,
  idDimension: 2,
  itemIdDimension: 2,
  vectorsPerUser: 1,
  longestHistory: 1,
  profileWidth: 0,
  itemFieldsWidth: 2,
  maskedUserRow: [1, 0],
  maskedItemRow: [1, 0],
});
/** Towers that give what they read, made of length 1. */
const signature = {
  ...FULL,
  userTower: { ...FULL.userTower, inputs: { user_row: FULL.userTower.inputs.user_row } },
  itemTower: { ...FULL.itemTower, inputs: { fields: FULL.itemTower.inputs.fields } },
  normalise: true,
};

function userTower(): Uint8Array {
  const graph = new Graph();
  graph.output('user_vectors', graph.reshape(graph.input('user_row', 'float32', ['batch', 2]), ['batch', 1, 2]));
  return toOnnx(graph);
}

function itemTower(): Uint8Array {
  const graph = new Graph();
  graph.output('item_vectors', graph.cast(graph.input('fields', 'int64', ['batch', 2]), 'float32'));
  return toOnnx(graph);
}

const options = { signal: new AbortController().signal, requestId: 'spec', timeoutMs: 10_000 };
let items: OnnxItemEmbedder;
let users: OnnxUserEmbedder;
let server: RunningServer;
let connection: ReturnType<typeof UserEmbedderClient.connect>;
let client: ItemEmbedderClient;
beforeAll(async () => {
  users = await OnnxUserEmbedder.open({ releaseId, signature, model: userTower() });
  items = await OnnxItemEmbedder.open({ releaseId, signature, model: itemTower() });
  const releases = await holding({ signature, users, items });
  const services = [embedderApi(() => releases)];
  server = await startServer({ address: '127.0.0.1:0', services, logger, drainTimeoutMs: 100 });
  connection = UserEmbedderClient.connect(server.address);
  client = new ItemEmbedderClient(connection, OPEN);
});
afterAll(async () => {
  connection.close();
  await server.stop();
  await items.close();
  await users.close();
});

it('gives a vector for each item, in their order', async () => {
  const vectors = await client.embedItems(releaseId, [Int32Array.of(3, 4), Int32Array.of(0, 7)], options);
  expect([...vectors]).toEqual([0.6, 0.8, 0, 1].map(Math.fround));
  expect(await client.embedItems(releaseId, [], options)).toHaveLength(0);
});

it('sends at most 512 a call, and puts their vectors together', async () => {
  const embed = vi.spyOn(items, 'embed');
  const fields = Array.from({ length: 1_025 }, (_, i) => (i < 1_024 ? Int32Array.of(i, 0) : Int32Array.of(0, 1)));
  fields[0] = Int32Array.of(1, 0);
  const vectors = await client.embedItems(releaseId, fields, { ...options, timeoutMs: undefined });
  expect(embed.mock.calls.map(([batch]) => batch.length)).toEqual([512, 512, 1]);
  expect(vectors).toHaveLength(2_050);
  expect([...vectors.subarray(0, 2), ...vectors.subarray(1_022, 1_026), ...vectors.subarray(2_048)]).toEqual([
    1, 0, 1, 0, 1, 0, 0, 1,
  ]);
  embed.mockRestore();
});

it('refuses fields that do not fit, and another release', async () => {
  expect(await rejection(client.embedItems(releaseId, [Int32Array.of(1)], options))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    subject: 'items[0].fields',
    message: 'the user-embedder: items[0].fields has 1 numbers, the tower takes 2 or none',
  });
  expect(await rejection(client.embedItems(parseReleaseId('r1'), [Int32Array.of(1, 0)], options))).toMatchObject({
    code: 'FAILED_PRECONDITION',
  });
});

it('begins no call when time is up', async () => {
  const embed = vi.spyOn(items, 'embed');
  const late = rejection(client.embedItems(releaseId, [Int32Array.of(1, 0)], { ...options, timeoutMs: 0 }));
  expect(await late).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    message: '0 of 1 items were embedded when time was up',
  });
  expect(embed).not.toHaveBeenCalled();
  embed.mockRestore();
});
