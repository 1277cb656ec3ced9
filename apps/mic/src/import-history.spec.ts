import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, synthesize, type Dataset } from '@mic/dataset';
import { MicError, parseReleaseId } from '@mic/domain';
import { sealRelease } from '@mic/store-conformance';
import { LmdbStore } from '@mic/store-lmdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importHistory } from './import-history';

let folder: string;
let dataset: Dataset;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mic-import-'));
  await synthesize({ users: 40, items: 60, events: 900, seed: 1, out: join(folder, 'data') });
  dataset = await openDataset(join(folder, 'data'));
});
afterAll(async () => {
  await dataset.close();
  await rm(folder, { recursive: true, force: true });
});

const releaseId = parseReleaseId('r1');
async function openStore(name: string, historyCap = 10): Promise<LmdbStore> {
  const store = await LmdbStore.open({ path: join(folder, name), historyCap });
  const [manifestSha256, featureSchemaSha256] = ['1'.repeat(64), '0'.repeat(64)];
  const summary = { releaseId, manifestSha256, featureSchemaSha256, parentId: null, createdAt: '', encoder: 'pooled' };
  await sealRelease(store, { ...summary, dimension: 2, users: 1, items: 1 });
  return store;
}
const historyOf = async (store: LmdbStore, userId: string, historyLimit = 100) => {
  const options = { signal: new AbortController().signal, requestId: 'spec' };
  return (await store.userContext({ releaseId, userId, historyLimit }, options)).history;
};

describe('importHistory', () => {
  it('makes of a dataset what its events, appended one by one, are', async () => {
    const [imported, appended] = [await openStore('imported'), await openStore('appended')];
    const live = { userId: 'user-00007', itemId: 'live', timeMs: Date.UTC(2100, 0, 1), weight: 2 };
    for (const store of [imported, appended]) await store.appendEvents([live]);
    const progress: number[] = [];
    const result = await importHistory(dataset, imported, (done) => progress.push(done));
    const { userIds, itemIds, histories } = await dataset.loadInteractions();
    const events = userIds.flatMap((userId, user) =>
      Array.from({ length: histories.offsets[user + 1]! - histories.offsets[user]! }, (_, i) => {
        const event = histories.offsets[user]! + i;
        const itemId = itemIds[histories.itemRows[event]!]!;
        return { userId, itemId, timeMs: histories.timesMs[event]!, weight: histories.weights[event]! };
      }),
    );
    expect(result).toEqual(await appended.appendEvents(events));
    expect(progress.at(-1)).toBe(900);
    for (const userId of userIds) expect(await historyOf(imported, userId)).toEqual(await historyOf(appended, userId));
    expect((await historyOf(imported, 'user-00007')).timesMs[0]).toBe(live.timeMs);
    const again = await importHistory(dataset, imported, () => undefined);
    expect(again).toEqual({ accepted: 0, duplicates: result.accepted, tooOld: result.tooOld });
    await Promise.all([imported.close(), appended.close()]);
  });

  it('takes as many events of a user as the cap says, and cuts no longer history where the store has that cap', async () => {
    const store = await openStore('longer', 2_000);
    const { userIds, histories } = await dataset.loadInteractions();
    const own = histories.offsets[1]! - histories.offsets[0]!;
    // Older than any event of the dataset: the import is newer, and the cap decides what stays of these.
    const live = Array.from({ length: 1_200 }, (_, i) => ({
      ...{ userId: userIds[0]!, itemId: `live-${i}`, timeMs: i + 1, weight: 1 },
    }));
    await store.appendEvents(live);
    const few = await importHistory(dataset, store, () => undefined, 1);
    expect(few.accepted).toBe(userIds.length);
    await importHistory(dataset, store, () => undefined, 2_000);
    expect((await historyOf(store, userIds[0]!, 2_000)).timesMs).toHaveLength(1_200 + own);
    await store.close();
  });

  it('says what the store says', async () => {
    const failing = { importHistories: () => Promise.reject(new MicError('RESOURCE_EXHAUSTED', 'the store is full')) };
    await expect(importHistory(dataset, failing, () => undefined)).rejects.toThrow('the store is full');
  });
});
