import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { BatchAssembler, logFrequencies, pairsOf, type Batch } from './batch-assembler';
import { parseTrainingConfig } from './training-config';

/** User 0: items 0, 1, 2; user 1: items 1, 3; user 2: item 3. Events 0 .. 5 in this order. */
const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 4,
  offsets: Uint32Array.of(0, 3, 5, 6),
  itemRows: Uint32Array.of(0, 1, 2, 1, 3, 3),
  timesMs: new Float64Array(6),
  weights: new Float32Array(6).fill(1),
};
const FIELDS = {
  profiles: Int32Array.of(11, 12, 13),
  profileWidth: 1,
  itemFields: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  itemFieldsWidth: 2,
};
const NO_MASKS = ['maskUserId=0', 'maskItemId=0', 'maskHistoryId=0'];

function assemble(events: number[], settings: string[] = NO_MASKS): Batch {
  const config = parseTrainingConfig({ longestHistory: 2, itemUsers: 3 }, settings);
  const pairs = pairsOf(HISTORIES);
  const assembler = new BatchAssembler(HISTORIES, pairs, FIELDS, config, events.length, new Random(1));
  return assembler.assemble(Uint32Array.from(events));
}

/** Data rows behind the local rows of a feed; -1 is the mask row. */
function dataRows({ feeds, userRows, itemRows }: Batch, name: 'user' | 'item' | 'history' | 'users'): number[] {
  const table = (name === 'user' || name === 'users' ? userRows : itemRows).rows;
  return Array.from(feeds[name]!.data as BigInt64Array, (local) => table[Number(local)]! - 1);
}

describe('a batch', () => {
  it('shows the user as it was just before the event, newest first', () => {
    const batch = assemble([2, 3, 4]);
    expect(dataRows(batch, 'user')).toEqual([0, 1, 1]);
    expect(dataRows(batch, 'item')).toEqual([2, 1, 3]);
    expect(dataRows(batch, 'history')).toEqual([1, 0, -1, -1, 1, -1]);
  });

  it('shows the item’s other users, not the pair’s own', () => {
    const batch = assemble([1, 2, 5]);
    expect(dataRows(batch, 'users')).toEqual([1, -1, -1, -1, -1, -1, 1, -1, -1]);
  });

  it('carries the fields of both sides', () => {
    const { feeds } = assemble([4, 0]);
    expect([...(feeds.profile!.data as BigInt64Array)]).toEqual([12n, 11n]);
    expect([...(feeds.fields!.data as BigInt64Array)]).toEqual([7n, 8n, 1n, 2n]);
  });

  it('masks items as negatives that the user has, everywhere in the training events', () => {
    // rows: user 0 with item 2, user 1 with item 1, user 2 with item 3
    const { feeds } = assemble([2, 3, 5]);
    const mask = Array.from(feeds.negatives!.data as Float32Array, (value) => (value === 0 ? 0 : 1));
    // user 0 has item 1 (column 1); user 1 has item 3 (column 2)
    expect(mask).toEqual([0, 1, 0, 0, 0, 1, 0, 0, 0]);
  });

  it('corrects by how often users and items are drawn', () => {
    const { feeds } = assemble([2, 5]);
    const logs = (name: string) => Array.from(feeds[name]!.data as Float32Array, (value) => Math.exp(value) * 6);
    expect(logs('userLogQ').map(Math.round)).toEqual([3, 1]);
    expect(logs('itemLogQ').map(Math.round)).toEqual([1, 2]);
  });

  it('masks every id at rate 1', () => {
    const batch = assemble([2, 4], ['maskUserId=1', 'maskItemId=1', 'maskHistoryId=1']);
    expect(dataRows(batch, 'user')).toEqual([-1, -1]);
    expect(dataRows(batch, 'item')).toEqual([-1, -1]);
    expect(dataRows(batch, 'history')).toEqual([-1, -1, -1, -1]);
  });
});

it('log frequencies take their share, and rows never drawn get 0', () => {
  expect([...logFrequencies(Uint32Array.of(0, 0, 2, 2), 3, 0.5)]).toEqual([
    Math.fround(0.5 * Math.log(0.5)),
    0,
    Math.fround(0.5 * Math.log(0.5)),
  ]);
});
