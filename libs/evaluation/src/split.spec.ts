import { NO_ROW, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { leaveOneOut } from './split';

const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 4,
  offsets: Uint32Array.of(0, 3, 4, 6),
  itemRows: Uint32Array.of(0, 1, 2, 3, 1, 0),
  timesMs: Float64Array.of(1, 2, 3, 1, 5, 5),
  weights: Float32Array.of(1, 1, 2, 1, 1, 1),
};

describe('leaveOneOut', () => {
  it('takes the last event of users with two or more', () => {
    const { train, test } = leaveOneOut(HISTORIES);
    expect([...test]).toEqual([2, NO_ROW, 0]);
    expect([...train.offsets]).toEqual([0, 2, 3, 4]);
    expect([...train.itemRows]).toEqual([0, 1, 3, 1]);
    expect([...train.timesMs]).toEqual([1, 2, 1, 5]);
    expect([...train.weights]).toEqual([1, 1, 1, 1]);
  });

  it('leaves users alone that are not named', () => {
    const { train, test } = leaveOneOut(HISTORIES, Uint32Array.of(2));
    expect([...test]).toEqual([NO_ROW, NO_ROW, 0]);
    expect([...train.offsets]).toEqual([0, 3, 4, 5]);
  });

  it('holds out the last but one event when it is applied twice', () => {
    const { train, test } = leaveOneOut(leaveOneOut(HISTORIES).train, Uint32Array.of(0, 2));
    expect([...test]).toEqual([1, NO_ROW, NO_ROW]); // user 2 has one event left
    expect([...train.offsets]).toEqual([0, 1, 2, 3]);
    expect([...train.itemRows]).toEqual([0, 3, 1]);
  });

  it('copes with users without events', () => {
    const empty = { ...HISTORIES, userCount: 1, offsets: Uint32Array.of(0, 0), itemRows: new Uint32Array(0) };
    const { train, test } = leaveOneOut({ ...empty, timesMs: new Float64Array(0), weights: new Float32Array(0) });
    expect([[...test], [...train.offsets]]).toEqual([[NO_ROW], [0, 0]]);
  });
});
