import { Random, type HistoryTable } from '@mic/domain';
import { layoutOf, type FeatureSchema } from '@mic/features';
import { describe, expect, it } from 'vitest';
import { parseTrainingConfig } from '../config/parse-config';
import type { EncoderName } from '../config/encoder-names';
import type { PartSize } from '../loop/step-graph';
import { ItemUserLists } from './item-user-lists';
import { MASKED } from '../losses/softmax';
import { PartAssembler } from './part-assembler';
import type { Window } from './windows';

const D = 4;
/** User 0: items 0, 1, 2; user 1: items 1, 3; user 2: item 3. Events 0 .. 5 in this order. */
const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 4,
  offsets: Uint32Array.of(0, 3, 5, 6),
  itemRows: Uint32Array.of(0, 1, 2, 1, 3, 3),
  timesMs: new Float64Array(6),
  weights: new Float32Array(6).fill(1),
};
const SCHEMA: FeatureSchema = {
  userFields: [{ name: 'age', type: 'categorical', vocabulary: ['a', 'b', 'c'] }],
  itemFields: [{ name: 'tags', type: 'multi', vocabulary: ['x', 'y', 'z'], width: 2 }],
  categoryField: null,
};
const FIELDS = {
  profiles: Int32Array.of(1, 2, 3),
  profileWidth: 1,
  itemFields: Int32Array.of(1, 2, 3, 0, 1, 0, 2, 3),
  itemFieldsWidth: 2,
};
/** Values of a row tell its number. */
const table = (rows: number): Float32Array => Float32Array.from({ length: rows * D }, (_, i) => Math.floor(i / D));
const TABLES = { users: table(4), items: table(5) };
const WINDOWS: Window[] = [
  { user: 0, from: 1, to: 3 },
  { user: 1, from: 3, to: 5 },
];

function assemble(encoder: EncoderName, settings: string[], size: Partial<PartSize> = {}, windows = WINDOWS) {
  const base = ['mask.userId=0', 'mask.itemId=0', 'mask.historyId=0', 'features.userId=true', 'features.profile=true'];
  const more = ['features.itemFields=true', 'features.itemUsers=true', 'softmax.negatives=1', `model.dimension=${D}`];
  const config = parseTrainingConfig({}, [...base, ...more, ...settings], encoder);
  const shape = { config, userLayout: layoutOf(SCHEMA.userFields), itemLayout: layoutOf(SCHEMA.itemFields) };
  const lists = new ItemUserLists(HISTORIES, D);
  lists.refresh(TABLES.users, new Random(1));
  const assembler = new PartAssembler(HISTORIES, FIELDS, shape, TABLES, lists, windows);
  const full = size.full ?? true;
  const candidates = full ? 5 : 7;
  const part = assembler.assemble({
    windows,
    size: { users: 3, length: 2, candidates, full, pairs: 0, viewLength: 0, mined: false, ...size },
    targetWeight: 0.25,
    share: 0.5,
    random: new Random(4),
    mined: null,
  });
  const numbers = (name: string): number[] => Array.from(part.feeds[name]!.data as ArrayLike<number | bigint>, Number);
  /** Item rows behind local ones; -1 is the mask row. */
  const items = (name: string): number[] => numbers(name).map((local) => part.itemRows[local]! - 1);
  return { part, numbers, items };
}

describe('a part that trains at all positions', () => {
  it('shows each slot the event before its target, the mask row before the first event', () => {
    const { items, numbers } = assemble('multi-decay', []);
    // user 0: targets are events 1 and 2; user 1: its first and second event; the third place is empty
    expect(items('history')).toEqual([0, 1, -1, 1, -1, -1]);
    expect(numbers('present')).toEqual([1, 1, 1, 1, 0, 1]);
    expect(items('target')).toEqual([1, 2, 1, 3, -1, -1]);
    expect(numbers('weight')).toEqual([0.25, 0.25, 0.25, 0.25, 0, 0]);
  });

  it('feeds ids, profiles and content', () => {
    const { part, numbers } = assemble('multi-decay', []);
    const users = numbers('user').map((local) => part.userRows[local]! - 1);
    expect(users).toEqual([0, 1, -1]);
    expect(numbers('profile')).toEqual([1, 2, 0]);
    expect(numbers('itemFields')).toEqual([0, 0, 1, 2, 3, 0, 1, 0, 2, 3]);
    expect(numbers('itemRows').filter((_, i) => i % D === 0)).toEqual([0, 1, 2, 3, 4]);
    // users are left out of their targets: 0 and 1 of item 1, 0 of item 2, 1 of item 3, where user 2 is left; of the other
    // items one at random is: user 0 is the only one of item 0
    expect(numbers('itemUsers').filter((_, i) => i % D === 0)).toEqual([0, 0, 0, 0, 3]);
  });

  it('bars the mask row, and the items of the user where that is wanted', () => {
    const { numbers } = assemble('multi-decay', ['softmax.maskSeen=true']);
    expect(numbers('bias')).toEqual([MASKED, 0, 0, 0, 0]);
    const barred = numbers('seen').map((value) => (value === 0 ? 0 : 1));
    expect(barred).toEqual([0, 1, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
  });

  it('masks every id at rate 1, and no content', () => {
    const { items, part } = assemble('multi-decay', ['mask.userId=1', 'mask.itemId=1', 'mask.historyId=1']);
    expect(new Set(items('history'))).toEqual(new Set([-1]));
    expect(items('historyItems')).toEqual([0, 1, -1, 1, -1, -1]);
    expect(new Set(items('candidateIds'))).toEqual(new Set([-1]));
    // every item plays a new one; the mask row is none
    expect(part.shortLists.map(({ place }) => place)).toEqual([1, 2, 3, 4]);
  });
});

describe('a part that trains on single targets', () => {
  it('shows the user as it was just before the event', () => {
    const windows = [
      { user: 0, from: 2, to: 3 },
      { user: 2, from: 5, to: 6 },
    ];
    const { items, numbers } = assemble('pooled', [], {}, windows);
    expect(items('history')).toEqual([0, 1, -1, -1, -1, -1]);
    expect(numbers('present')).toEqual([1, 1, 0, 1, 0, 1]);
    expect(items('target')).toEqual([2, 3, -1]);
  });
});

describe('sampled candidates', () => {
  it('are the targets, each once, and uniform negatives, with their log-Q', () => {
    const { part, numbers } = assemble('multi-decay', [], { full: false });
    const rows = numbers('candidateRows').map((local) => part.itemRows[local]! - 1);
    const bias = numbers('bias');
    const target = numbers('target').slice(0, 4);
    expect(target.map((c) => rows[c])).toEqual([1, 2, 1, 3]);
    const real = bias.filter((value) => value > MASKED).length;
    expect(new Set(rows.slice(0, real)).size).toBe(real);
    // item 1 is a third of all events: four targets and one uniform draw
    expect(bias[target[0]!]).toBeCloseTo(-Math.log(1 - (2 / 3) ** 4 * 0.75), 5);
    expect(bias.slice(real)).toEqual(Array(7 - real).fill(MASKED));
  });
});

describe('pairs', () => {
  const settings = [
    'mic.enabled=true',
    'mic.itemItem.positives=view',
    'mic.itemToUser.weight=1',
    'mic.view.field=0',
    'mic.view.historyId=0',
    'mic.view.itemId=0',
  ];
  const { part, numbers, items } = assemble('multi-decay', settings, { pairs: 4, viewLength: 2 });
  const pairs = numbers('pairs');
  /** User and item of each query. */
  const facts: Record<number, [number, number]> = { 0: [0, 1], 1: [0, 2], 2: [1, 1], 3: [1, 3] };

  it('are the targets, each with its user’s history before it', () => {
    expect([...pairs].sort()).toEqual([0, 1, 2, 3]);
    const histories: Record<number, number[]> = { 0: [-1, 0], 1: [0, 1], 2: [-1, -1], 3: [-1, 1] };
    expect(items('view:history')).toEqual(pairs.flatMap((q) => histories[q]!));
    expect(items('view:item')).toEqual(pairs.map((q) => facts[q]![1]));
    expect(numbers('view:itemFields')).toEqual(
      pairs.flatMap((q) => [...FIELDS.itemFields.subarray(facts[q]![1] * 2, facts[q]![1] * 2 + 2)]),
    );
    expect(part.feeds.pairShare!.data[0]).toBe(0.5);
  });

  it('bar what is the same, and users who have the item', () => {
    const barred = (name: string) => numbers(name).map((value) => value !== 0);
    const twice = [...pairs, ...pairs];
    const same = (of: 0 | 1) => twice.flatMap((q) => twice.map((p) => facts[q]![of] === facts[p]![of]));
    expect(barred('userViewSame')).toEqual(same(0));
    expect(barred('itemViewSame')).toEqual(same(1));
    const has = (user: number, item: number) => [[0, 1, 2], [1, 3], [3]][user]!.includes(item);
    expect(barred('pairUserSeen')).toEqual(pairs.flatMap((q) => pairs.map((p) => has(facts[p]![0], facts[q]![1]))));
  });
});
