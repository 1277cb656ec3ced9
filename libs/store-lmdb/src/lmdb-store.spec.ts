import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { storeConformance } from '../../../tests/conformance/store.conformance';
import { decodeList, decodeUser, encodeList, encodeUser } from './codec';
import { LmdbStore } from './lmdb-store';

const folders: string[] = [];
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mic-lmdb-'));
  folders.push(folder);
  return folder;
}
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

storeConformance('LmdbStore', async () => {
  const path = await newFolder();
  const open = () => LmdbStore.open({ path, historyCap: 5 });
  let store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      return (store = await open());
    },
    dispose: () => store.close(),
  };
});

describe('LmdbStore', () => {
  it('is seen by a second handle on the same folder', async () => {
    const path = await newFolder();
    const [writer, reader] = [await LmdbStore.open({ path }), await LmdbStore.open({ path })];
    const releaseId = 'r1' as Parameters<typeof writer.seal>[0];
    await writer.seal(releaseId, '1'.repeat(64));
    await writer.appendEvents([{ userId: 'u', itemId: 'a', timeMs: 1, weight: 1 }]);
    const options = { signal: new AbortController().signal, requestId: 'spec' };
    const context = await reader.userContext({ releaseId, userId: 'u', historyLimit: 9 }, options);
    expect(context.history.timesMs.length).toBe(1);
    await Promise.all([writer.close(), reader.close()]);
  });

  it('refuses a path that is no folder of a store', async () => {
    const path = join(await newFolder(), 'file');
    await writeFile(path, 'not a store');
    await expect(LmdbStore.open({ path })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', subject: path });
  });
});

describe('packed records', () => {
  it('refuse to be read when they are cut or of another version', () => {
    const list = encodeList({ rows: Uint32Array.of(1, 2), scores: Float32Array.of(0.5, 0.25) });
    expect(decodeList(list)).toEqual({ rows: Uint32Array.of(1, 2), scores: Float32Array.of(0.5, 0.25) });
    expect(() => decodeList(list.subarray(0, -1))).toThrow(/damaged/);
    list[0] = 9;
    expect(() => decodeList(list)).toThrow(/of another version \(9\)/);
    const user = encodeUser({
      row: 3,
      embedding: Float32Array.of(1),
      profile: Int32Array.of(),
      similarRows: Uint32Array.of(4),
      similarities: Float32Array.of(0.5),
    });
    // Pooled buffers start anywhere: a copy at an odd offset must decode too.
    const shifted = Buffer.concat([Buffer.of(0), user]).subarray(1);
    expect(decodeUser(shifted)).toMatchObject({ row: 3, similarRows: Uint32Array.of(4) });
    expect(() => decodeUser(user.subarray(0, 24))).toThrow(/damaged/);
  });
});
