import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from './dataset';
import type { Interactions } from './load-interactions';
import { SpecFolder } from './spec-fixture';
import { AliasTables } from './synth/alias-tables';
import { eventCounts } from './synth/event-counts';
import { Random } from '@mic/domain';
import { synthesize } from './synthesize';

const SIZES = { users: 600, items: 500, events: 12_000 };
let folder: SpecFolder;
let world: Interactions;
/** Category of each item row. */
let categories: Uint32Array;
let categoryCount: number;

async function load(out: string) {
  const dataset = await openDataset(out);
  try {
    const schema = await dataset.buildFeatureSchema();
    const interactions = await dataset.loadInteractions();
    const profiles = await dataset.loadUserProfiles(schema, interactions.userIds);
    const itemCategories = await dataset.loadItemCategories(schema, interactions.itemIds);
    return { info: dataset.info, interactions, profiles, itemCategories };
  } finally {
    await dataset.close();
  }
}

beforeAll(async () => {
  folder = new SpecFolder();
  await synthesize({ ...SIZES, seed: 7, out: folder.path('world') });
  const loaded = await load(folder.path('world'));
  world = loaded.interactions;
  categories = loaded.itemCategories.categories;
  categoryCount = loaded.itemCategories.names.length;
});
afterAll(() => {
  folder.remove();
});

/** Items of a user in order. */
function itemsOf(user: number): Uint32Array {
  return world.histories.itemRows.subarray(world.histories.offsets[user], world.histories.offsets[user + 1]);
}

describe('synthesize', () => {
  it('makes the numbers that were asked for', async () => {
    const { info, interactions } = await load(folder.path('world'));
    expect(info.counts).toMatchObject({ events: 12_000, users: 600, userRows: 600, itemRows: 500 });
    expect(info.source).toBe('mic data synth --users 600 --items 500 --events 12000 --seed 7');
    expect(interactions.userIds[42]).toBe('user-00042');
    expect(interactions.itemIds.every((id) => /^item-000[0-4]\d\d$/.test(id))).toBe(true);
    for (let user = 0; user < SIZES.users; user++) expect(itemsOf(user).length).toBeGreaterThanOrEqual(5);
  });

  it('is the same for the same seed, and another for another', async () => {
    await synthesize({ ...SIZES, seed: 7, out: folder.path('again') });
    await synthesize({ ...SIZES, seed: 8, out: folder.path('other') });
    const [first, again, other] = await Promise.all(['world', 'again', 'other'].map((name) => load(folder.path(name))));
    expect(again).toEqual(first);
    expect(other!.interactions.histories.itemRows).not.toEqual(first!.interactions.histories.itemRows);
  });

  it('never repeats an item at once, seldom at all, and moves on in time', () => {
    let repeats = 0;
    for (let user = 0; user < SIZES.users; user++) {
      const items = itemsOf(user);
      const start = world.histories.offsets[user]!;
      for (let event = 1; event < items.length; event++) {
        expect(items[event]).not.toBe(items[event - 1]);
        expect(world.histories.timesMs[start + event]!).toBeGreaterThan(world.histories.timesMs[start + event - 1]!);
      }
      repeats += items.length - new Set(items).size;
    }
    expect(repeats).toBeLessThan(120);
  });

  it('has a popularity skew: a tenth of the items takes well over a tenth of the events', () => {
    const counts = new Float64Array(world.histories.itemCount);
    for (const item of world.histories.itemRows) counts[item]!++;
    const top = counts
      .sort((a, b) => b - a)
      .subarray(0, 50)
      .reduce((sum, count) => sum + count, 0);
    expect(top / 12_000).toBeGreaterThan(0.25);
    expect(top / 12_000).toBeLessThan(0.7);
  });

  it('drifts: early and late events differ in their items more than two random halves do', () => {
    const { timesMs, itemRows, itemCount } = world.histories;
    const middle = Float64Array.from(timesMs).sort()[timesMs.length / 2]!;
    const distance = (isFirst: (event: number) => boolean) => {
      const difference = new Float64Array(itemCount);
      itemRows.forEach((item, event) => (difference[item]! += isFirst(event) ? 1 : -1));
      return difference.reduce((sum, value) => sum + Math.abs(value), 0) / itemRows.length;
    };
    expect(distance((event) => timesMs[event]! < middle)).toBeGreaterThan(1.5 * distance((event) => event % 2 === 0));
  });

  it('has taste: the next item is of the category of the one before, or of one the user had, far above chance', () => {
    let same = 0;
    let known = 0;
    let chance = 0;
    let events = 0;
    const share = new Float64Array(categoryCount);
    for (const item of world.histories.itemRows) share[categories[item]!]! += 1 / world.histories.itemRows.length;
    for (let user = 0; user < SIZES.users; user++) {
      const items = itemsOf(user);
      for (let event = 1; event < items.length; event++, events++) {
        const category = categories[items[event]!]!;
        if (category === categories[items[event - 1]!]) same++;
        if (items.subarray(0, event).some((item) => categories[item] === category)) known++;
        chance += share[category]!;
      }
    }
    expect(same / events).toBeGreaterThan(2 * (chance / events));
    expect(known / events).toBeGreaterThan(0.7);
  });

  it.each([
    [{ users: 100, items: 50, events: 99 }, '99 events are too few for 100 users', 'at least 100 events'],
    [{ users: 2, items: 20, events: 21 }, '21 events are too many for 2 users and 20 items', 'at most 20 events'],
    [{ users: 0, items: 20, events: 21 }, 'users is 0', 'whole number from 1'],
    [{ users: 2, items: 9, events: 21 }, 'items is 9', 'whole number from 10'],
    [{ users: 2, items: 20, events: 2.5 }, 'events is 2.5', 'whole number from 1'],
    [{ users: 2, items: 20, events: 10, seed: -1 }, 'seed is -1', 'whole number from 0'],
  ])('refuses %j', async (sizes, message, remedy) => {
    await expect(synthesize({ seed: 1, ...sizes, out: folder.path('no') })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message,
      remedy: expect.stringContaining(remedy) as string,
    });
  });

  it('fills a small world to the brim', async () => {
    const report = await synthesize({ users: 3, items: 10, events: 15, seed: 1, out: folder.path('full') });
    expect(report).toMatchObject({ events: 15, users: 3 });
  });
});

describe('eventCounts', () => {
  it.each([
    [10, 10, 5],
    [10, 49, 5],
    [10, 50, 5],
    [10, 97, 10],
    [7, 1000, 200],
  ])('splits over %i users %i events, at most %i each', (users, events, most) => {
    const counts = eventCounts(users, events, most, new Random(1, 1));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(events);
    expect(Math.max(...counts)).toBeLessThanOrEqual(most);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(Math.min(5, Math.floor(events / users)));
  });
});

describe('AliasTables', () => {
  it('draws places of each distribution by their weights', () => {
    const tables = new AliasTables(Float64Array.of(1, 3, 5, 5, 90), Uint32Array.of(0, 2, 5));
    const random = new Random(3, 1);
    const counts = new Float64Array(5);
    for (let i = 0; i < 40_000; i++) counts[tables.draw(0, random)]!++;
    for (let i = 0; i < 100_000; i++) counts[tables.draw(1, random)]!++;
    // Five standard deviations: 0.011 of a share of 1/4 of 40,000, 0.0035 of a share of 0.05 of 100,000.
    expect(Math.abs(counts[0]! / 40_000 - 0.25)).toBeLessThan(0.011);
    expect(counts[0]! + counts[1]!).toBe(40_000);
    expect(Math.abs(counts[2]! / 100_000 - 0.05)).toBeLessThan(0.0035);
    expect(Math.abs(counts[3]! / 100_000 - 0.05)).toBeLessThan(0.0035);
  });
});
