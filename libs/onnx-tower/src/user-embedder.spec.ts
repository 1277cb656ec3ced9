import { Graph, toOnnx } from '@mic/autodiff';
import { NO_ROW, parseReleaseId, type MicError } from '@mic/domain';
import { fullSignature, type TowerSignature } from '@mic/features';
import type { UserTowerInput } from '@mic/recall';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxUserEmbedder } from './user-embedder';

const RELEASE = parseReleaseId('r1');
const WIDTHS = {
  dimension: 2,
  idDimension: 2,
  itemIdDimension: 2,
  vectorsPerUser: 1,
  longestHistory: 3,
  profileWidth: 1,
  itemFieldsWidth: 0,
  maskedUserRow: [10, 20],
  maskedItemRow: [0, 0],
};
const SIGNATURE = fullSignature(WIDTHS);

/** The signature of a user tower that takes histories of some length, or of any. */
function withHistory(length: number | string): TowerSignature {
  const { userTower } = SIGNATURE;
  const history = { dtype: 'int64' as const, shape: ['batch', length] };
  return { ...SIGNATURE, userTower: { ...userTower, inputs: { ...userTower.inputs, history } } };
}

/** user_row + [profile, sum of the history's table values]: every input shows in the output. */
function tinyTower({
  length = 3 as number | string,
  output = 'user_vectors',
  rowWidth = 2,
  profileType = 'int64' as 'int64' | 'float32',
} = {}): Uint8Array {
  const graph = new Graph();
  const userRow = graph.slice(graph.input('user_row', 'float32', ['batch', rowWidth]), 1, 0, 2);
  const profile = graph.cast(graph.input('profile', profileType, ['batch', 1]), 'float32');
  const table = graph.constant(Float32Array.of(0, 1, 100, 10_000), [4, 1]);
  const history = graph.reduceSum(graph.gather(table, graph.input('history', 'int64', ['batch', length])), [1]);
  const sum = graph.add(userRow, graph.concat([profile, history], 1));
  graph.output(output, graph.reshape(sum, ['batch', 1, 2]));
  return toOnnx(graph);
}

const user = (row: number[] | null, profile: number[] | null, history: number[]): UserTowerInput => ({
  userRow: row && Float32Array.from(row),
  profile: profile && Int32Array.from(profile),
  historyRows: Uint32Array.from(history),
});
const options = () => ({ signal: new AbortController().signal, requestId: 'spec' });

describe.each([
  ['histories of one length', 3],
  ['histories of any length', 'length'],
] as const)('OnnxUserEmbedder over a tower that takes %s', (_name, length) => {
  let embedder: OnnxUserEmbedder;
  beforeAll(async () => {
    const signature = withHistory(length);
    embedder = await OnnxUserEmbedder.open({ releaseId: RELEASE, signature, model: tinyTower({ length }) });
  });
  afterAll(() => embedder.close());

  const embed = async (input: UserTowerInput) => [...(await embedder.embed(RELEASE, input, options())).vectors];

  it('feeds id row, profile and history rows as the signature says', async () => {
    expect(await embed(user([1, 2], [7], [0, 2]))).toEqual([8, 2 + 1 + 10_000]);
  });

  it('masks what is not known and skips items that the release does not know', async () => {
    expect(await embed(user(null, null, [NO_ROW, 1]))).toEqual([10, 120]);
    expect(await embed(user(null, null, []))).toEqual([10, 20]);
  });

  it('gives users of one batch, with and without history, what each gets alone', async () => {
    const users = Array.from({ length: 32 }, (_, i) =>
      user(i % 3 === 0 ? null : [i, -i], i % 4 === 0 ? null : [i], [2, NO_ROW, 1, 0, 2].slice(0, i % 6)),
    );
    const alone: number[][] = [];
    for (const input of users) alone.push(await embed(input));
    expect(await Promise.all(users.map(embed))).toEqual(alone);
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

  it('fails on NaN', async () => {
    await expect(embed(user([NaN, 0], [0], []))).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('fails the one user of a batch whom the tower gives no vector', async () => {
    const rows = [
      [1, 0],
      [NaN, 0],
      [3, 0],
    ];
    const answers = await Promise.allSettled(rows.map((row) => embed(user(row, [0], [1]))));
    expect(answers.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as MicError).code))).toEqual([
      [1, 100],
      'INTERNAL',
      [3, 100],
    ]);
  });
});

describe('OnnxUserEmbedder', () => {
  const open = (model: Uint8Array, widths: Partial<typeof WIDTHS> = {}) =>
    OnnxUserEmbedder.open({ releaseId: RELEASE, signature: fullSignature({ ...WIDTHS, ...widths }), model });

  const withInputs = (...names: string[]): Uint8Array => {
    const graph = new Graph();
    const rows = names.map((name) =>
      graph.input(name, name === 'user_row' ? 'float32' : 'int64', [
        'batch',
        name === 'history' ? 3 : name === 'profile' ? 1 : 2,
      ]),
    );
    graph.output('user_vectors', graph.reshape(rows[0]!, ['batch', 1, 2]));
    return toOnnx(graph);
  };

  it.each([
    ['another output', () => open(tinyTower({ output: 'vectors' })), /no output user_vectors/],
    ['a lacking input', () => open(withInputs('user_row', 'history')), /signature: no input profile$/],
    [
      'one input more',
      () => open(withInputs('user_row', 'profile', 'history', 'age')),
      /signature: unknown input age \(int64 \[batch, 2\]\)$/,
    ],
    [
      'another width',
      () => open(tinyTower({ rowWidth: 3 })),
      /signature: input user_row is float32 \[batch, 3\], not float32 \[batch, 2\]$/,
    ],
    [
      'another element type',
      () => open(tinyTower({ profileType: 'float32' })),
      /signature: input profile is float32 \[batch, 1\], not int64 \[batch, 1\]$/,
    ],
    ['another history length', () => open(tinyTower({ length: 4 })), /input history is int64 \[batch, 4\]/],
    [
      'more vectors',
      () => open(tinyTower(), { vectorsPerUser: 2 }),
      /output user_vectors is .*, not .* \[batch, 2, 2\]/,
    ],
    ['no model', () => open(Uint8Array.of(1, 2, 3)), /does not accept the user tower of release r1/],
  ])('refuses %s', async (_name, opening, message) => {
    await expect(opening()).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(message) as string,
    });
  });

  it('takes a tower without profile fields', async () => {
    const graph = new Graph();
    graph.input('profile', 'int64', ['batch', 0]);
    graph.input('history', 'int64', ['batch', 3]);
    const row = graph.input('user_row', 'float32', ['batch', 2]);
    graph.output('user_vectors', graph.reshape(row, ['batch', 1, 2]));
    const embedder = await open(toOnnx(graph), { profileWidth: 0 });
    const { vectors } = await embedder.embed(RELEASE, user([3, 4], [], []), options());
    expect([...vectors]).toEqual([3, 4]);
    await embedder.close();
    await embedder.close();
  });

  /** Towers that read the history alone: each of its codes three times, in one vector without an axis for several. */
  const historyAlone = (normalise: boolean) => {
    const { userTower } = SIGNATURE;
    const inputs = { history: userTower.inputs.history };
    const outputs = { user_vectors: { dtype: 'float32' as const, shape: ['batch', 3] } };
    const graph = new Graph();
    graph.output('user_vectors', graph.cast(graph.input('history', 'int64', ['n', 3]), 'float32'));
    const signature = { ...SIGNATURE, dimension: 3, idDimension: 0, profileWidth: 0, maskedUserRow: [], normalise };
    const model = toOnnx(graph);
    return OnnxUserEmbedder.open({
      releaseId: RELEASE,
      signature: { ...signature, userTower: { inputs, outputs } },
      model,
    });
  };

  it('feeds what the signature lists alone', async () => {
    const embedder = await historyAlone(false);
    expect([...(await embedder.embed(RELEASE, user(null, null, [2, 0]), options())).vectors]).toEqual([3, 1, 0]);
    await embedder.close();
  });

  it('makes unit vectors where the signature says so, and fails on one of length 0', async () => {
    const embedder = await historyAlone(true);
    const { vectors } = await embedder.embed(RELEASE, user([], [], [2, 3]), options());
    expect([...vectors]).toEqual([3 / 5, 4 / 5, 0].map(Math.fround));
    await expect(embedder.embed(RELEASE, user(null, null, []), options())).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'the user tower of release r1 gave a vector of length 0',
    });
    await embedder.close();
  });
});
