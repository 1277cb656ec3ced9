import { cp, mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { openExternalModel, type ExternalModel } from '@mic/release-build';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeForeignTowers, type ForeignTowers } from '../python/foreign-towers';

let folder: string;
let dataset: Dataset;
/** Towers that fit, by their kind. */
let sound: Record<'gru' | 'mean', ForeignTowers>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-towers-'));
  await synthesize({ users: 60, items: 40, events: 900, seed: 3, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
  sound = {
    gru: await writeForeignTowers('gru', dataset, join(folder, 'gru')),
    mean: await writeForeignTowers('mean', dataset, join(folder, 'mean')),
  };
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

type Tree = Record<string, Record<string, unknown>>;
/** What is wrong with a copy of sound towers. */
type Damage = (towers: ForeignTowers, signature: Tree) => unknown;

/** A copy of sound towers, damaged. */
async function damaged(kind: 'gru' | 'mean', damage: Damage): Promise<ForeignTowers> {
  const copy = await mkdtemp(join(folder, 'copy-'));
  await cp(sound[kind].folder, copy, { recursive: true });
  const at = (name: string): string => join(copy, name);
  const towers = {
    folder: copy,
    userTower: at('u.onnx'),
    itemTower: at('i.onnx'),
    signature: at('signature.json'),
  };
  const signature = JSON.parse(await readFile(towers.signature, 'utf8')) as Tree;
  await damage(towers, signature);
  await writeFile(towers.signature, JSON.stringify(signature));
  return towers;
}

/** The lines of the refusal of some towers, without the folder's name. */
async function linesOf(towers: ForeignTowers): Promise<string[]> {
  const refused = await openExternalModel(towers, dataset).then(
    () => [],
    (error: unknown) => [error as Error & { code: string }],
  );
  const [{ message, code }] = refused as [Error & { code: string }];
  expect(code).toBe('FAILED_PRECONDITION');
  const [first, ...lines] = message.replaceAll(`${towers.folder}/`, '').split('\n');
  expect(first).toBe('the towers do not fit signature.json:');
  return lines.map((line) => line.replace('  - ', ''));
}
const refusal = async (kind: 'gru' | 'mean', damage: Damage): Promise<string[]> => linesOf(await damaged(kind, damage));

describe('towers that python3-onnx wrote', () => {
  it('of a GRU open: id rows of users and items, histories of any length', async () => {
    const model = await openExternalModel(sound.gru, dataset);
    const { userIds, itemIds } = await dataset.loadInteractions();
    expect([model.userIds, model.itemIds]).toEqual([userIds, itemIds]);
    expect([model.userRows.length, model.itemRows.length]).toEqual([60 * 8, 40 * 10]);
    expect(model.signature).toMatchObject({ dimension: 16, longestHistory: 20, idDimension: 8, itemIdDimension: 10 });
    expect(model.info).toMatchObject({ encoder: 'gru of another team', source: 'external', protocol: 'unknown' });
    expect(model.notes).toEqual([
      'no quality on held-out events: the signature does not say what the towers have seen (training)',
    ]);
  });

  it('of a mean open: no users, fields of items, vectors of any length', async () => {
    const model = await openExternalModel(sound.mean, dataset);
    expect(model.userIds).toEqual((await dataset.loadInteractions()).userIds);
    expect(model.userRows.length).toBe(0);
    expect(model.signature).toMatchObject({ normalise: true, idDimension: 0, itemFieldsWidth: 1, vectorsPerUser: 1 });
    expect(model.schema.itemFields.map(({ name }) => name)).toEqual(['category']);
  });
});

describe('what is not known of them is told', () => {
  const notesOf = async (damage: Damage): Promise<readonly string[]> =>
    (await openExternalModel(await damaged('mean', damage), dataset)).notes;

  it('items that the towers lack, and items that nobody had', async () => {
    const notes = await notesOf(async ({ folder: copy }) => {
      const ids = JSON.parse(await readFile(join(copy, 'items.json'), 'utf8')) as string[];
      await writeFile(join(copy, 'items.json'), JSON.stringify([...ids.slice(1), 'item of tomorrow']));
    });
    const { histories } = await dataset.loadInteractions();
    const lost = histories.itemRows.filter((row) => row === 0).length;
    expect(lost).toBeGreaterThan(0);
    expect(notes).toEqual([
      "1 of the dataset's 40 items are unknown to the towers",
      "1 of the towers' 40 items have no event in the dataset",
      `${lost} of 900 events are left out because of them`,
      'no quality on held-out events: the signature does not say what the towers have seen (training)',
    ]);
  });

  it('how many events are read, where nothing is said of training', async () => {
    const towers = await damaged('mean', (_towers, signature) => {
      signature.training = { protocol: 'unknown', historyCap: 5 };
    });
    const { info, notes } = await openExternalModel(towers, dataset);
    expect(info).toMatchObject({ protocol: 'unknown', config: { data: { historyCap: 5 } } });
    expect(notes.join()).toContain('does not say what the towers have seen');
  });

  it('the sha256 of what a protocol leaves, where the signature has none or another one', async () => {
    const [asked] = await notesOf((_towers, signature) => {
      signature.training = { protocol: 'leave-one-out' };
    });
    const seenSha256 = /write training\.seenSha256 ([0-9a-f]{64}) if/.exec(asked!)![1]!;
    const [other] = await notesOf((_towers, signature) => {
      signature.training = { protocol: 'leave-one-out', seenSha256: 'a'.repeat(64) };
    });
    expect(other).toBe(
      `no quality on held-out events: training.seenSha256 is ${'a'.repeat(64)}, and leave-one-out leaves ${seenSha256} of this dataset`,
    );
    const right: Damage = (_towers, signature) => {
      signature.training = { protocol: 'leave-one-out', seenSha256 };
    };
    expect(await notesOf(right)).toEqual([]);
    const { info }: ExternalModel = await openExternalModel(await damaged('mean', right), dataset);
    expect(info).toMatchObject({ protocol: 'leave-one-out', seenSha256 });
  });
});

describe('towers are refused with what was found and what was wanted:', () => {
  it.each([
    ['gru', 'input of another name', ['user tower: unknown input item_history (int64 [n, time])', 'user tower: no input history']],
    ['gru', 'input of another type', ['user tower: input history is int32 [n, time], not int64 [n, time]']],
    ['gru', 'output of another name', ['user tower: no output user_vectors']],
    ['gru', 'one input more', ['user tower: unknown input age (float32 [n, 1])']],
    ['gru', 'batch of one', ['user tower: input user_row is float32 [1, 8], not float32 [n, 8]', 'user tower: input history is int64 [1, time], not int64 [n, time]', 'user tower: output user_vectors is float32 [1, 16], not float32 [n, 16]']],
    ['gru', 'items of another dimension', ['item tower: output item_vectors is float32 [n, 17], not float32 [batch, 16]']],
    ['gru', 'table of another catalogue', ['user tower, a history of the last item alone (code 40): it fails: Gather: indices element out of data bounds, idx=40 must be within the inclusive range [-40,39]']],
    ['mean', 'genres of another vocabulary', ['item tower, the highest field codes [2]: it fails: Gather: indices element out of data bounds, idx=2 must be within the inclusive range [-2,1]']],
    ['mean', 'NaN without history', ['user tower, an unknown user without history: user_vectors has NaN']],
    ['mean', 'no direction without history', ['user tower, an unknown user without history: user_vectors has length 0, which finds nothing: give a masked row, or let the tower have a bias, that leads somewhere']],
  ] as const)('%s, %s', async (kind, fault, lines) => {
    expect(await linesOf(await writeForeignTowers(kind, dataset, join(folder, `${kind} ${fault}`), fault))).toEqual(lines);
  }); // prettier-ignore

  it.each([
    ['vectors that depend on the batch', /^user tower, an unknown user without history: user_vectors differs by 0\.\d+ between a run alone and one of 5 at once$/],
    ['vectors that are random', /^user tower, the same input twice: user_vectors differs by \d\.\d+$/],
    ['padding that counts', /^user tower, an unknown user without history: user_vectors differs by 0\.\d+ with and without padding$/],
    ['items of any length', /^item tower, the first item: item_vectors has length \d\.\d+, not 1: say "normalise": true in the signature, or let the tower give unit vectors$/],
    ['newer operators', /^user tower: ONNX Runtime does not accept u\.onnx: ONNX Runtime only .* Opset 99 is under development .* till opset \d+\.$/],
    ['weights in another file', /^item tower: ONNX Runtime does not accept i\.onnx: .*weights\.bin" \(save the weights in the model: onnx\.save\(onnx\.load\(path\), path\)\)$/],
  ])('gru, %s', async (fault, line) => {
    const lines = await linesOf(await writeForeignTowers('gru', dataset, join(folder, `gru ${fault}`), fault));
    expect(lines).toContainEqual(expect.stringMatching(line));
  }); // prettier-ignore

  const inputOf = (signature: Tree, tower: 'userTower' | 'itemTower', input: string) =>
    (signature[tower] as { inputs: Record<string, { shape: unknown[] }> }).inputs[input]!;

  it.each<[string, 'gru' | 'mean', Damage, string[]]>([
    ['a file that is no model', 'gru', ({ userTower }) => writeFile(userTower, 'no model'), ['user tower: ONNX Runtime does not accept u.onnx: Failed to load model because protobuf parsing failed.']],
    ['a model that was cut', 'gru', ({ itemTower }) => truncate(itemTower, 300), ['item tower: ONNX Runtime does not accept i.onnx: Failed to load model because protobuf parsing failed.']],
    ['a file that is not there', 'gru', ({ itemTower }) => unlink(itemTower), ['item tower: i.onnx is not there']],
    ['another width', 'gru', (_, signature) => { inputOf(signature, 'userTower', 'user_row').shape = ['n', 9]; }, ['files.userRows: users.npy is [60, 8], not [60, 9], userIds x the width of the input', 'user tower: input user_row is float32 [n, 8], not float32 [n, 9]']],
    ['another length of histories', 'mean', (_, signature) => { inputOf(signature, 'userTower', 'history').shape = ['n', 50]; }, ['user tower: input history is int64 [batch_size, 20], not int64 [n, 50]']],
    ['vectors of two lengths', 'gru', (_, signature) => { signature.itemTower!.outputs = { item_vectors: { dtype: 'float32', shape: ['n', 8] } }; }, ['signature: the user tower gives vectors of 16 numbers and the item tower of 8', 'item tower: output item_vectors is float32 [n, 16], not float32 [n, 8]']],
    ['an id too few', 'gru', async ({ folder: at }) => { const ids = JSON.parse(await readFile(join(at, 'items.json'), 'utf8')) as string[]; await writeFile(join(at, 'items.json'), JSON.stringify(ids.slice(1))); }, ['files.itemRows: items.f32 has 400 numbers, not 390 for [39, 10], itemIds x the width of the input']],
    ['an id twice', 'mean', ({ folder: at }) => writeFile(join(at, 'items.json'), '["a", "b", "a"]'), ['files.itemIds: items.json has the id "a" twice, in rows 0 and 2']],
    ['ids of another world', 'mean', ({ folder: at }) => writeFile(join(at, 'items.json'), JSON.stringify(Array.from({ length: 40 }, (_, i) => i))), ['files.itemIds: none of its 40 ids (such as "0") is among the dataset\'s 40 items (such as "FIRST")']],
    ['rows that are not named', 'gru', (_, signature) => { delete signature.files!.itemRows; }, ['files.itemRows is missing: an id row of 10 numbers for each item is fed to the towers']],
    ['rows that nobody reads', 'mean', (_, signature) => { signature.files!.userRows = 'items.npy'; }, ['files.userRows: items.npy is [40, 16], not [60, 0], userIds x the width of the input']],
    ['a field that the tower does not read', 'gru', (_, signature) => { signature.features = { userFields: [], itemFields: [{ name: 'category', type: 'categorical', vocabulary: ['a', 'a'] }], categoryField: null }; }, ['features.itemFields give 1 codes of a row (category 1), and there is no input fields', 'features.itemFields: the vocabulary of category has "a" twice']],
    ['a field that the dataset lacks', 'mean', (_, signature) => { signature.features = { userFields: [], itemFields: [{ name: 'colour', type: 'categorical', vocabulary: ['a'] }], categoryField: null }; }, [expect.stringMatching(/^features: .*colour/) as string]],
    ['nothing but errors', 'gru', async ({ folder: at, itemTower }, signature) => { await writeFile(itemTower, ''); await writeFile(join(at, 'users.txt'), ''); signature.normalise = false as never; signature.maskedUserRow = [1] as never; inputOf(signature, 'userTower', 'history').shape = ['n', 30]; }, [
      'signature: longestHistory is 20, and history is int64 [n, 30]: longestHistory must be 30',
      'signature: maskedUserRow has 1 numbers, not 8',
      'files.userRows: users.npy is [60, 8], not [0, 8], userIds x the width of the input',
      expect.stringMatching(/^item tower: ONNX Runtime does not accept i\.onnx: /) as string,
    ]],
  ])('%s', async (_what, kind, damage, lines) => {
    const first = (await dataset.loadInteractions()).itemIds[0]!;
    expect(await refusal(kind, damage)).toEqual(lines.map((line) => (typeof line === 'string' ? line.replace('FIRST', first) : line)));
  }); // prettier-ignore

  it.each<[string, string, string[]]>([
    ['no JSON', 'formatVersion: 2', [expect.stringMatching(/^signature: is no JSON: /) as string]],
    ['the least that is missing', '{"formatVersion": 1, "layers": 3}', ['signature: formatVersion: Invalid input: expected 2', 'signature: userTower: is missing', 'signature: itemTower: is missing', 'signature: Unrecognized key: "layers"']],
  ])('a signature: %s', async (_what, text, lines) => {
    const towers = await damaged('gru', () => undefined);
    await writeFile(towers.signature, text);
    expect(await linesOf(towers)).toEqual(lines);
  }); // prettier-ignore

  it('a signature that is not there', async () => {
    const towers = { ...sound.gru, signature: join(folder, 'none.json') };
    await expect(openExternalModel(towers, dataset)).rejects.toMatchObject({ code: 'NOT_FOUND', subject: towers.signature });
  }); // prettier-ignore
});
