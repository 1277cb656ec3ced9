import { Graph, toOnnx } from '@mic/autodiff';
import { parseReleaseId } from '@mic/domain';
import { fullSignature } from '@mic/features';
import { expect, it } from 'vitest';
import { OnnxItemEmbedder } from './item-embedder';

const FULL = fullSignature({
  dimension: 2,
  idDimension: 3,
  itemIdDimension: 2,
  vectorsPerUser: 1,
  longestHistory: 1,
  profileWidth: 0,
  itemFieldsWidth: 1,
  maskedUserRow: [1, 1, 1],
  maskedItemRow: [3, 4],
});
/** Item towers that read the id row alone, and give it. */
const SIGNATURE = {
  ...FULL,
  itemTower: { ...FULL.itemTower, inputs: { item_row: FULL.itemTower.inputs.item_row } },
  normalise: true,
};
const open = (width: number) => {
  const graph = new Graph();
  graph.output('item_vectors', graph.mul(graph.input('item_row', 'float32', ['n', width]), graph.scalar(1)));
  return OnnxItemEmbedder.open({ releaseId: parseReleaseId('r1'), signature: SIGNATURE, model: toOnnx(graph) });
};

it('feeds what the signature lists alone, and makes unit vectors where it says so', async () => {
  const embedder = await open(2);
  const items = [
    { itemRow: null, fields: null, usersPooled: null },
    { itemRow: Float32Array.of(0, 2), fields: Int32Array.of(1), usersPooled: null },
  ];
  const vectors = await embedder.embed(items, { signal: new AbortController().signal, requestId: 'spec' });
  expect([...vectors]).toEqual([0.6, 0.8, 0, 1].map(Math.fround));
  await embedder.close();
});

it('refuses a model of another interface', async () => {
  await expect(open(3)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message:
      'the item tower does not meet its signature: input item_row is float32 [n, 3], not float32 [batch, 2]; ' +
      'output item_vectors is float32 [n, 3], not float32 [batch, 2]',
  });
});
