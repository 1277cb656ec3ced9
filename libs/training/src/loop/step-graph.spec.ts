import { Random, type HistoryTable } from '@mic/domain';
import { layoutOf, type FeatureSchema } from '@mic/features';
import { OnnxSession, type OnnxValue } from '@mic/onnx-tower';
import { describe, expect, it } from 'vitest';
import { ENCODER_NAMES } from '../config/encoder-names';
import { parseTrainingConfig } from '../config/parse-config';
import { ItemUserLists } from '../data/item-user-lists';
import { PartAssembler } from '../data/part-assembler';
import { windowsOf } from '../data/windows';
import { MinedPairs } from '../mining/mined-pairs';
import { ENCODERS } from '../model/encoders';
import { ParameterStore } from '../model/parameters';
import { gradientOf, stepModel, type PartSize } from './step-graph';

const D = 4;
/** Of the finite differences. */
const STEP = 5e-4;
const ITEMS = 9;
const SCHEMA: FeatureSchema = {
  userFields: [{ name: 'country', type: 'categorical', vocabulary: ['a', 'b'] }],
  itemFields: [{ name: 'tags', type: 'multi', vocabulary: ['x', 'y', 'z'], width: 2 }],
  categoryField: null,
};
/** Five users with 1 to 5 events. */
const random = new Random(5);
const lengths = [1, 5, 3, 4, 2];
const offsets = Uint32Array.from({ length: 6 }, (_, i) => lengths.slice(0, i).reduce((sum, n) => sum + n, 0));
const HISTORIES: HistoryTable = {
  userCount: 5,
  itemCount: ITEMS,
  offsets,
  itemRows: Uint32Array.from({ length: 15 }, () => random.below(ITEMS)),
  timesMs: new Float64Array(15),
  weights: new Float32Array(15).fill(1),
};
const FIELDS = {
  profiles: Int32Array.from({ length: 5 }, () => random.below(3)),
  profileWidth: 1,
  itemFields: Int32Array.from({ length: 2 * ITEMS }, () => random.below(4)),
  itemFieldsWidth: 2,
};

/** A step of everything that can be switched on, with its feeds. */
async function stepOf(encoder: (typeof ENCODER_NAMES)[number], full: boolean) {
  const config = parseTrainingConfig(
    {
      model: {
        dimension: D,
        hidden: 6,
        contentHidden: 5,
        fieldDimension: 3,
        longestHistory: 5,
        decays: 2,
        interests: 4,
        dropout: 0.2,
        initialScale: 0.3,
      },
      features: { userId: true, profile: true, itemFields: true, itemUsers: true },
      mask: { userId: 0.2, itemId: 0.2, historyId: 0.2 },
      softmax: { temperature: 0.5, maskSeen: true, negatives: 3 },
      mic: {
        enabled: true,
        userUser: { weight: 0.3, temperature: 0.5 },
        itemItem: { weight: 0.4, temperature: 0.5 },
        itemToUser: { weight: 0.7 },
        mined: { weight: 0.6, clusters: 2, neighbours: 2, nearClusters: 1 },
      },
    },
    [],
    encoder,
  );
  const shape = { config, userLayout: layoutOf(SCHEMA.userFields), itemLayout: layoutOf(SCHEMA.itemFields) };
  const store = new ParameterStore(1);
  const queries = ENCODERS[encoder].positions === 'all' ? 15 : 3;
  const size: PartSize = {
    users: 3,
    length: 5,
    candidates: full ? ITEMS + 1 : queries + 3,
    full,
    pairs: 3,
    viewLength: 3,
    mined: true,
  };
  const model = stepModel(shape, store, size);
  const table = (rows: number) => Float32Array.from({ length: rows * D }, () => random.normal() * 0.3);
  const tables = { users: table(6), items: table(ITEMS + 1) };
  const lists = new ItemUserLists(HISTORIES, D);
  lists.refresh(tables.users, new Random(2));
  const windows = [...windowsOf(HISTORIES, 5, 1)];
  const assembler = new PartAssembler(HISTORIES, FIELDS, shape, tables, lists, windows);
  const ofBank = new Random(5);
  const bank = (rows: number) => Float32Array.from({ length: rows * D }, () => ofBank.normal() * 0.3);
  const { feeds } = assembler.assemble({
    windows: windows.slice(1, 4),
    size,
    targetWeight: 0.1,
    share: 0.5,
    random: new Random(3),
    mined: await MinedPairs.mine(bank(5), bank(ITEMS), D, config.mic.mined, new Random(4)),
  });
  const all: Record<string, OnnxValue> = { ...feeds };
  // Away from the start, where biases of 0 stand on the kinks of relu.
  for (const name of model.parameters) {
    const { values, shape: dims } = store.get(name);
    all[name] = { data: values.map((value) => value + random.normal() * 0.1), dims };
  }
  for (const { input, shape: dims } of model.dropouts) {
    const count = dims.reduce((product, dim) => product * dim, 1);
    all[input] = { data: Float32Array.from({ length: count }, () => (random.next() < 0.2 ? 0 : 1.25)), dims };
  }
  return { model, feeds: all };
}

describe.each(ENCODER_NAMES)('a step of %s', (encoder) => {
  it.each([
    ['over all items', true],
    ['over sampled items', false],
  ])('%s gives the gradients that finite differences give', async (_name, full) => {
    const { model, feeds } = await stepOf(encoder, full);
    const session = await OnnxSession.open(model.onnx, { name: 'spec' });
    const results = await session.run(feeds);
    expect(model.losses).toEqual(['softmax', 'itemToUser', 'mined', 'userUser', 'itemItem']);
    const totalOf = async (changed: Record<string, OnnxValue>): Promise<number> => {
      const { losses } = await session.run({ ...feeds, ...changed }, ['losses']);
      return (losses!.data as Float32Array).reduce((sum, loss) => sum + loss, 0);
    };
    for (const name of ['itemRows', 'userRows', ...model.parameters, 'itemUsers']) {
      const gradient = results[gradientOf(name)]!.data as Float32Array;
      const { data, dims } = feeds[name]!;
      // Of five directions most must agree: some cross a kink of relu, or change the vector that a target is nearest to.
      let agreed = 0;
      for (let attempt = 0; attempt < 5; attempt++) {
        const direction = Float32Array.from(gradient, () => random.normal());
        const computed = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0);
        const moved = (by: number) => ({
          [name]: { data: (data as Float32Array).map((value, i) => value + by * direction[i]!), dims },
        });
        const measured = ((await totalOf(moved(STEP))) - (await totalOf(moved(-STEP)))) / (2 * STEP);
        if (Math.abs(measured - computed) < 2e-3 + 0.02 * Math.abs(computed)) agreed++;
      }
      expect(agreed, name).toBeGreaterThanOrEqual(3);
    }
    await session.close();
  });
});
