import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import type { EncodedWorld } from './encoded-world';
import { learnLogistic } from './logistic';
import { Predictor } from './predicted';

describe('learnLogistic', () => {
  it('finds the curve that labels were drawn from', () => {
    const random = new Random(3);
    const values = Array.from({ length: 20_000 }, () => 2 * random.next() - 1);
    const labels = values.map((x) => Number(random.next() < 1 / (1 + Math.exp(-4 * x + 1))));
    const { scale, offset } = learnLogistic(values, labels);
    expect(scale).toBeCloseTo(4, 0);
    expect(offset).toBeCloseTo(-1, 0);
  });
});

describe('Predictor', () => {
  const angle = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const histories: HistoryTable = {
    userCount: 2,
    itemCount: 4,
    offsets: Uint32Array.of(0, 1, 3),
    itemRows: Uint32Array.of(0, 1, 2),
    timesMs: new Float64Array(3),
    weights: new Float32Array(3),
  };
  const userMeans = Float32Array.from([...angle(0), ...angle(90)]);
  const lists = { offsets: new Uint32Array(5), rows: new Uint32Array(0), scores: new Float32Array(0) };
  const world: EncodedWorld = {
    histories,
    dimension: 2,
    vectorsPerUser: 1,
    userVectors: userMeans,
    userMeans,
    itemVectors: Float32Array.from([...angle(5), ...angle(80), ...angle(95), ...angle(30)]),
    u2u: lists,
    i2i: lists,
  };
  const known = { users: Uint32Array.of(0, 1), items: Uint32Array.of(3, 1) };

  it('ranks by the sum of three probabilities, masked items left out', () => {
    const predictor = Predictor.fit(world, histories, { ...known, unseen: false });
    expect(predictor.weights).toEqual([1, 1, 1]);
    // user 0 at 0 degrees, who had item 0: item 3 (30) is nearest to the user and to the history; 1 (80), then 2 (95)
    expect([...predictor.list(0, Uint32Array.of(0), Uint32Array.of(0), 9)]).toEqual([3, 1, 2]);
    expect([...predictor.list(0, Uint32Array.of(0), new Uint32Array(0), 1)]).toEqual([0]);
  });

  it('finds its weights on events that training has not seen', () => {
    const { weights } = Predictor.fit(world, histories, { ...known, unseen: true });
    expect(weights[0]).toBe(1);
    expect(weights.every((weight) => weight >= 0)).toBe(true);
  });
});
