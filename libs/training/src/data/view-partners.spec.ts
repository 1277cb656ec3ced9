import { Random, type HistoryTable } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { parseTrainingConfig } from '../config/parse-config';
import { barSame, ViewPartners } from './view-partners';

/** User 0: items 0, 1, 2; user 1: items 1, 3; user 2: items 3, 1. */
const HISTORIES: HistoryTable = {
  userCount: 3,
  itemCount: 4,
  offsets: Uint32Array.of(0, 3, 5, 7),
  itemRows: Uint32Array.of(0, 1, 2, 1, 3, 3, 1),
  timesMs: new Float64Array(7),
  weights: new Float32Array(7).fill(1),
};
const partnersOf = (...settings: string[]): ViewPartners =>
  new ViewPartners(HISTORIES, parseTrainingConfig({}, ['mic.enabled=true', ...settings]).mic);
const PAIRS = [
  { user: 0, from: 0, to: 1 },
  { user: 0, from: 1, to: 2 },
  { user: 2, from: 6, to: 7 },
];

describe('ViewPartners', () => {
  it('are the pair’s own user and item where nothing else is said', () => {
    const partners = partnersOf('mic.itemItem.positives=view');
    expect(partners.users(PAIRS, new Random(1))).toEqual(PAIRS);
    expect(partners.items(PAIRS)).toEqual([0, 1, 1]);
  });

  it('are users before the same item', () => {
    const partners = partnersOf('mic.userUser.positives=same-target');
    const seen = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const users = partners.users(PAIRS, new Random(seed));
      expect(users[0]).toEqual(PAIRS[0]); // nobody else has item 0
      seen.add(`${users[1]!.user}:${users[1]!.from}-${users[1]!.to}`);
    }
    expect([...seen].sort()).toEqual(['0:1-2', '1:3-4', '2:6-7']);
  });

  it('are the item before, in the same history', () => {
    expect(partnersOf('mic.itemItem.positives=previous').items(PAIRS)).toEqual([0, 0, 3]);
  });
});

describe('barSame', () => {
  it('bars a row’s own thing and its partner’s', () => {
    // things 1, 2 with the views of 1 and 3
    expect([...barSame([1, 2], [1, 3])]).toEqual([1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1]);
  });
});
