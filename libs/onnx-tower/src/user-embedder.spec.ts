import { Graph, toOnnx } from '@mic/autodiff';
import { NO_ROW, parseReleaseId } from '@mic/domain';
import type { TowerSignature } from '@mic/features';
import type { UserTowerInput } from '@mic/recall';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxUserEmbedder } from './user-embedder';

const RELEASE = parseReleaseId('r1');
const SIGNATURE: TowerSignature = {
  formatVersion: 1,
  dimension: 2,
  idDimension: 2,
  vectorsPerUser: 1,
  longestHistory: 3,
  profileWidth: 1,
  itemFieldsWidth: 0,
  maskedUserRow: [10, 20],
  maskedItemRow: [0, 0],
};

/** user_row + [profile, sum of the history's table values]: every input shows in the output. */
function tinyTower(outputName = 'user_vectors'): Uint8Array {
  const graph = new Graph();
  const userRow = graph.input('user_row', 'float32', ['batch', 2]);
  const profile = graph.cast(graph.input('profile', 'int64', ['batch', 1]), 'float32');
  const table = graph.constant(Float32Array.of(0, 1, 100, 10_000), [4, 1]);
  const history = graph.reduceSum(graph.gather(table, graph.input('history', 'int64', ['batch', 3])), [1]);
  const sum = graph.add(userRow, graph.concat([profile, history], 1));
  graph.output(outputName, graph.reshape(sum, ['batch', 1, 2]));
  return toOnnx(graph);
}

const user = (row: number[] | null, profile: number[] | null, history: number[]): UserTowerInput => ({
  userRow: row && Float32Array.from(row),
  profile: profile && Int32Array.from(profile),
  historyRows: Uint32Array.from(history),
});
const options = () => ({ signal: new AbortController().signal, requestId: 'spec' });

describe('OnnxUserEmbedder', () => {
  let embedder: OnnxUserEmbedder;
  beforeAll(async () => {
    embedder = await OnnxUserEmbedder.open({ releaseId: RELEASE, signature: SIGNATURE, model: tinyTower() });
  });
  afterAll(() => embedder.close());

  const embed = async (input: UserTowerInput) => [...(await embedder.embed(RELEASE, input, options())).vectors];

  it('feeds id row, profile and history rows as the signature says', async () => {
    expect(await embed(user([1, 2], [7], [0, 2]))).toEqual([8, 2 + 1 + 10_000]);
  });

  it('masks what is not known and skips items that the release does not know', async () => {
    expect(await embed(user(null, null, [NO_ROW, 1]))).toEqual([10, 120]);
  });

  it('cuts a history to the longest one, newest first', async () => {
    expect(await embed(user([0, 0], [0], [0, 0, 0, 2, 2]))).toEqual([0, 3]);
  });

  it('gives every caller of a burst its own answer', async () => {
    const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => embed(user([i, 0], [0], [1]))));
    expect(answers).toEqual(Array.from({ length: 150 }, (_, i) => [i, 100]));
  });

  it('leaves a cancelled call out of the batch', async () => {
    const controller = new AbortController();
    const cancelled = embedder.embed(RELEASE, user(null, null, []), { signal: controller.signal, requestId: 'spec' });
    const kept = embed(user([1, 1], [0], []));
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await kept).toEqual([1, 1]);
  });

  it('refuses another release and inputs of a wrong length', async () => {
    await expect(embedder.embed(parseReleaseId('r2'), user(null, null, []), options())).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    await expect(embed(user([1], [0], []))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'userRow' });
  });

  it('refuses a model that does not meet the signature, or is none', async () => {
    const open = (model: Uint8Array) => OnnxUserEmbedder.open({ releaseId: RELEASE, signature: SIGNATURE, model });
    await expect(open(tinyTower('vectors'))).rejects.toThrow(/no output user_vectors/);
    await expect(open(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });
});
