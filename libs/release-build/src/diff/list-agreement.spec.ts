import { NO_ROW } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { listAgreement, type NeighbourSide } from './list-agreement';
import { vocabularyOverlap } from './vocabulary-overlap';

/** Four items in the plane, each with the two nearest others. */
const A: NeighbourSide = {
  ids: ['p', 'q', 'r', 's'],
  dimension: 2,
  vectors: Float32Array.of(1, 0, 0.8, 0.6, 0, 1, -1, 0),
  length: 2,
  rows: Uint32Array.of(1, 2, 0, 2, 1, 0, 2, NO_ROW),
};

describe('listAgreement', () => {
  it('finds a release like itself, turned round or in another order of its rows', () => {
    expect(listAgreement(A, A)).toEqual({ lists: 4, at: 2, overlap: 1, similarityCosine: 1 });
    const turned = { ...A, vectors: Float32Array.of(0, 1, -0.6, 0.8, -1, 0, 0, -1) };
    expect(listAgreement(A, turned).similarityCosine).toBeCloseTo(1, 6);
    const reversed: NeighbourSide = {
      ...A,
      ids: ['s', 'r', 'q', 'p'],
      vectors: Float32Array.of(-1, 0, 0, 1, 0.8, 0.6, 1, 0),
      rows: Uint32Array.of(1, NO_ROW, 2, 3, 3, 1, 2, 1),
    };
    expect(listAgreement(A, reversed).overlap).toBe(1);
  });

  it('compares what both have, by the shorter lists', () => {
    // Only p and q are shared: A's best of p is q and of q is p; B's best of p is x and of q is p.
    const b: NeighbourSide = {
      ids: ['x', 'p', 'q'],
      dimension: 2,
      vectors: Float32Array.of(0.6, 0.8, 1, 0, 0, 1),
      length: 1,
      rows: Uint32Array.of(1, 0, 1),
    };
    // Of p, q is what both know: .8 in A, 0 in B, which has no direction. Of q likewise.
    expect(listAgreement(A, b)).toEqual({ lists: 2, at: 1, overlap: 0.5, similarityCosine: null });
  });

  it('sees other similarities of the same neighbours', () => {
    // p: q and r at .8 and 0 in A, at 0 and .8 in B; the lists of p alone are compared.
    const b = { ...A, vectors: Float32Array.of(1, 0, 0, 1, 0.8, 0.6, -1, 0) };
    expect(listAgreement(A, b, 1)).toEqual({ lists: 1, at: 2, overlap: 1, similarityCosine: 0 });
  });

  it('looks at the neighbours of either list', () => {
    // The best of p is q in A and r in B.
    const one = { ...A, length: 1, rows: Uint32Array.of(1, 0, 1, 2) };
    const b = { ...one, vectors: Float32Array.of(1, 0, 0.6, 0.8, 0.8, 0.6, -1, 0), rows: Uint32Array.of(2, 2, 0, 1) };
    const { overlap, similarityCosine } = listAgreement(one, b, 1);
    // A gives q .8 and r 0, B gives q .6 and r .8: .48 / (.8 x 1).
    expect(overlap).toBe(0);
    expect(similarityCosine).toBeCloseTo(0.6, 6);
  });

  it('leaves out a list that is empty', () => {
    const none = { ...A, rows: Uint32Array.of(NO_ROW, NO_ROW, 0, 2, 1, 0, 2, NO_ROW) };
    expect(listAgreement(none, A).overlap).toBe(1);
  });

  it('has no figures where nothing is shared', () => {
    const stranger = { ...A, ids: ['t', 'u', 'v', 'w'] };
    expect(listAgreement(A, stranger)).toEqual({ lists: 0, at: 2, overlap: null, similarityCosine: null });
  });
});

it('vocabularyOverlap counts what is new and what is gone', () => {
  expect(vocabularyOverlap(['a', 'b', 'c'], ['c', 'd'])).toEqual({ inBoth: 1, added: 1, gone: 2 });
});
