import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSplit } from './load-split';

let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-split-'));
  await synthesize({ users: 200, items: 150, events: 4_000, seed: 5, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

const REQUEST = { cutMs: null, historyCap: 1_000, coldItems: 0 };

describe('loadSplit', () => {
  it('trains on everything under none', async () => {
    const { train, cases } = await loadSplit(dataset, { ...REQUEST, protocol: 'none' });
    expect([train.itemRows.length, cases.length]).toEqual([4_000, 0]);
  });

  it('cuts where a tenth of the events is left, or where it is told', async () => {
    const split = await loadSplit(dataset, { ...REQUEST, protocol: 'time' });
    expect(split.train.itemRows.length).toBeGreaterThan(3_500);
    expect(split.train.itemRows.length).toBeLessThan(3_700);
    expect(Math.max(...split.train.timesMs)).toBeLessThan(split.cutMs!);
    const early = await loadSplit(dataset, { ...REQUEST, protocol: 'time', cutMs: split.train.timesMs[0]! + 1 });
    expect(early.train.itemRows.length).toBeLessThan(2_000);
    const never = loadSplit(dataset, { ...REQUEST, protocol: 'time', cutMs: 1e15 });
    await expect(never).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', message: /no events from the cut/ });
  });

  it('reads so many of the newest events of a user, of either side of a cut', async () => {
    const { histories } = await loadSplit(dataset, { ...REQUEST, protocol: 'none', historyCap: 3 });
    const lengths = Array.from({ length: 200 }, (_, user) => histories.offsets[user + 1]! - histories.offsets[user]!);
    expect(Math.max(...lengths)).toBe(3);
    const all = await loadSplit(dataset, { ...REQUEST, protocol: 'time' });
    const capped = await loadSplit(dataset, { ...REQUEST, protocol: 'time', historyCap: 3, cutMs: all.cutMs });
    expect(capped.train.itemRows.length).toBeGreaterThan(500);
    expect(Math.max(...capped.cases.map(({ relevant }) => relevant.length))).toBe(3);
  });

  it('hides a share of the items from training, the same ones every time', async () => {
    const request = { ...REQUEST, protocol: 'leave-one-out', coldItems: 0.2 } as const;
    const { coldItems, train, seenSha256 } = await loadSplit(dataset, request);
    expect(coldItems.size).toBeGreaterThan(15);
    expect(coldItems.size).toBeLessThan(45);
    expect(train.itemRows.some((item) => coldItems.has(item))).toBe(false);
    const again = await loadSplit(dataset, request);
    expect([again.coldItems, again.seenSha256]).toEqual([coldItems, seenSha256]);
  });

  it('tells by a fingerprint what training may see', async () => {
    const of = async (request: object) =>
      (await loadSplit(dataset, { ...REQUEST, protocol: 'none', ...request })).seenSha256;
    const all = [
      await of({}),
      await of({ protocol: 'leave-one-out' }),
      await of({ protocol: 'time' }),
      await of({ protocol: 'user-split' }),
      await of({ coldItems: 0.1 }),
      await of({ historyCap: 3 }),
    ];
    expect(new Set(all).size).toBe(6);
    expect(await of({ protocol: 'user-split' })).toBe(all[3]);
  });

  it('has no time split where events have positions', async () => {
    const positions = { info: { ...dataset.info, order: 'position' } } as Dataset;
    await expect(loadSplit(positions, { ...REQUEST, protocol: 'time' })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      remedy: 'use --protocol leave-one-out, sampled-last or user-split',
    });
  });
});
