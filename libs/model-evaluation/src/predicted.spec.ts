import { Random, type HistoryTable } from '@mic/domain';
import { normaliseRows } from '@mic/vectors';
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
    const predictor = Predictor.fit(world, { ...known, unseen: false });
    expect(predictor.weights).toEqual([1, 1, 1]);
    // user 0 at 0 degrees, who had item 0: item 3 (30) is nearest to the user and to the history; 1 (80), then 2 (95)
    expect([...predictor.list(0, Uint32Array.of(0), Uint32Array.of(0), 9)]).toEqual([3, 1, 2]);
    expect([...predictor.list(0, Uint32Array.of(0), new Uint32Array(0), 1)]).toEqual([0]);
  });

  it('finds its weights on events that training has not seen', () => {
    // 300 users whose own vectors say nothing; the right item is the one next to the last item of the history.
    const [users, items] = [300, 120];
    const random = new Random(4);
    const last = Uint32Array.from({ length: users }, () => random.below(items));
    const dimension = 8;
    const unit = (count: number) => {
      const values = Float32Array.from({ length: count * dimension }, () => random.normal());
      normaliseRows(values, dimension);
      return values;
    };
    const itemVectors = unit(items);
    for (let item = 1; item < items; item += 2) {
      const twin = itemVectors.subarray((item - 1) * dimension, item * dimension);
      itemVectors.set(twin, item * dimension);
    }
    const table: HistoryTable = {
      userCount: users,
      itemCount: items,
      offsets: Uint32Array.from({ length: users + 1 }, (_, user) => user),
      itemRows: last,
      timesMs: new Float64Array(users),
      weights: new Float32Array(users),
    };
    const noise = unit(users);
    const made = { ...world, histories: table, dimension, userVectors: noise, userMeans: noise, itemVectors };
    const right = { users: Uint32Array.from(last.keys()), items: last.map((item) => item ^ 1), unseen: true };
    const { weights } = Predictor.fit(made, right);
    const equal = Predictor.fit(made, { ...right, unseen: false });
    expect(equal.weights).toEqual([1, 1, 1]);
    expect(weights[2]!).toBeGreaterThan(0);
    expect(weights).not.toEqual(equal.weights);
  });
});
