import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReleaseId, type Interaction, type ReleaseId } from '@mic/domain';
import type { ReleaseSummary } from '@mic/recall';
import { sealRelease, storeConformance, type StoreRules } from '@mic/store-conformance';
import { open } from 'lmdb';
import { afterAll, describe, expect, it } from 'vitest';
import { keys, MAX_ID_BYTES } from './keys';
import { LmdbStore } from './lmdb-store';
import { toStoreError } from './store-error';

const folders: string[] = [];
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mic-lmdb-'));
  folders.push(folder);
  return folder;
}
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

storeConformance('LmdbStore', async () => {
  const path = await newFolder();
  const openStore = (rules: StoreRules = {}) => LmdbStore.open({ path, historyCap: 5, ...rules });
  let store = await openStore();
  return {
    store,
    reopen: async (rules) => {
      await store.close();
      return (store = await openStore(rules));
    },
    dispose: () => store.close(),
  };
});

const R1 = parseReleaseId('r1');
const sealOf = (releaseId: ReleaseId): ReleaseSummary => ({
  releaseId,
  manifestSha256: '1'.repeat(64),
  parentId: null,
  createdAt: '2024-01-02T03:04:05.000Z',
  encoder: 'pooled',
  dimension: 2,
  featureSchemaSha256: '0'.repeat(64),
  users: 1,
  items: 1,
});
const options = () => ({ signal: new AbortController().signal, requestId: 'spec' });
const event = (userId: string, timeMs: number): Interaction => ({ userId, itemId: 'a', timeMs, weight: 1 });
const historyOf = async (store: LmdbStore, userId: string) =>
  (await store.userContext({ releaseId: R1, userId, historyLimit: 1_000 }, options())).history;

describe('LmdbStore', () => {
  it('keeps what was acknowledged when its process is killed, and a reader beside it sees the writes', async () => {
    const path = await newFolder();
    const first = await LmdbStore.open({ path });
    await sealRelease(first, sealOf(R1));
    await first.close();
    const reader = await LmdbStore.open({ path, readOnly: true });
    const writer = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'spec-writer.ts'), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    for await (const chunk of writer.stdout.setEncoding('utf8')) {
      printed += chunk as string;
      if (printed.length > 1_500 && !writer.killed) writer.kill('SIGKILL');
    }
    const acknowledged = printed.slice(0, printed.lastIndexOf('\n')).split('\n').length;
    expect(acknowledged).toBeGreaterThan(300);
    const expectAll = async (store: LmdbStore) => {
      for (let call = 0; call < acknowledged; call++) {
        expect([...(await historyOf(store, `u${call}`)).timesMs]).toEqual([3, 2, 1]);
      }
    };
    await expectAll(reader);
    await reader.close();
    const reopened = await LmdbStore.open({ path });
    await expectAll(reopened);
    expect(await reopened.appendEvents([event('later', 1)])).toMatchObject({ accepted: 1 });
    await reopened.close();
  });

  it('refuses writes to a store that was opened for reading, and to read what is not there', async () => {
    const path = await newFolder();
    await expect(LmdbStore.open({ path, readOnly: true })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await (await LmdbStore.open({ path })).close();
    const reader = await LmdbStore.open({ path, readOnly: true });
    await expect(reader.appendEvents([event('u', 1)])).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('reading only'),
    });
    await expect(reader.seal(sealOf(R1), 'spec')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    const hidden = [{ itemId: 'i', fields: null }];
    await expect(reader.writeLiveItems(hidden)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await expect(reader.forgetLiveItems(hidden)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(await reader.liveItems(null)).toEqual({ revision: 0, epoch: '0', isWhole: true, items: [] });
    await reader.close();
  });

  it('cuts histories to a cap that became smaller', async () => {
    const path = await newFolder();
    let store = await LmdbStore.open({ path, historyCap: 9 });
    await sealRelease(store, sealOf(R1));
    await store.appendEvents([1, 2, 3, 4, 5, 6, 7, 8, 9].map((time) => event('u', time)));
    await store.close();
    store = await LmdbStore.open({ path, historyCap: 3 });
    await store.appendEvents([event('u', 10)]);
    expect([...(await historyOf(store, 'u')).timesMs]).toEqual([10, 9, 8]);
    await store.close();
  });

  it('clears itself of what is too old, without being asked', async () => {
    const path = await newFolder();
    let timeMs = 10_000;
    const store = await LmdbStore.open({ path, historyTtlMs: 1_000, nowMs: () => timeMs, sweepEveryMs: 5 });
    await store.appendEvents([event('gone', 9_500), event('there', 9_500), event('there', 11_000)]);
    timeMs = 11_000;
    const beside = open<Buffer, (string | number)[]>({
      path,
      encoding: 'binary',
      noSubdir: false,
      keyEncoding: 'ordered-binary',
    });
    const lengths = () => ['gone', 'there'].map((userId) => beside.get(keys.history(userId))?.length);
    await expect.poll(lengths).toEqual([undefined, 21]);
    await store.close();
  });

  it('takes ids of 900 bytes, and refuses a call with a longer one as a whole', async () => {
    const store = await LmdbStore.open({ path: await newFolder() });
    const releaseId = parseReleaseId('r'.repeat(63));
    await sealRelease(store, sealOf(releaseId));
    await sealRelease(store, sealOf(R1));
    const longest = '\u0000'.repeat(MAX_ID_BYTES);
    const bare = { embedding: new Float32Array(1), profile: new Int32Array(0), similarRows: new Uint32Array(0) };
    const users = [{ ...bare, row: 0, userId: longest, similarities: new Float32Array(0) }];
    await store.writeUsers(releaseId, users);
    await store.appendEvents([event(longest, 1)]);
    const context = await store.userContext({ releaseId, userId: longest, historyLimit: 9 }, options());
    expect([context.userKnown, context.history.timesMs.length]).toEqual([true, 1]);
    const calls = [
      store.appendEvents([event('u', 1), event(`${longest}x`, 1)]),
      store.writeUsers(R1, [{ ...users[0]!, userId: 'é'.repeat(451) }]),
      historyOf(store, 'x'.repeat(5_000)),
    ];
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', remedy: expect.stringContaining('900') });
    }
    expect((await historyOf(store, 'u')).timesMs.length).toBe(0);
    const hidden = (itemId: string) => ({ itemId, fields: null });
    expect(await store.writeLiveItems([hidden(longest)])).toBe(1);
    await expect(store.writeLiveItems([hidden('i'), hidden(`${longest}x`)])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      subject: 'item_id',
    });
    expect((await store.liveItems(null)).items).toEqual([hidden(longest)]);
    await store.close();
  });
});

describe('damaged live items', () => {
  it.each([
    ['the state', keys.liveItems, '{'],
    ['a revision', keys.liveItem('i'), '9'],
    ['a change', keys.liveItemChange(1), '{"itemId":"i","content":"[]"}'],
  ])('are told, not overwritten: %s', async (_name, key, record) => {
    const path = await newFolder();
    let store = await LmdbStore.open({ path });
    await store.writeLiveItems([{ itemId: 'i', fields: { year: 1 } }]);
    await store.close();
    const other = open({ path, encoding: 'binary', noSubdir: false, keyEncoding: 'ordered-binary' });
    await other.put(key, Buffer.from(record));
    await other.close();
    store = await LmdbStore.open({ path });
    const call = record.includes('content')
      ? store.liveItems(null)
      : store.writeLiveItems([{ itemId: 'i', fields: null }]);
    await expect(call).rejects.toMatchObject({ code: 'DATA_LOSS', remedy: expect.any(String) });
    await store.close();
  });
});

describe('a folder that holds no sound store', () => {
  /** A store with some pages; `spoil` gets the path of its data file. */
  async function spoiled(spoil: (file: string) => Promise<void>): Promise<string> {
    const path = await newFolder();
    const store = await LmdbStore.open({ path });
    await store.appendEvents(Array.from({ length: 5_000 }, (_, i) => event(`u${i % 500}`, 1 + i)));
    await sealRelease(store, sealOf(R1));
    await store.close();
    await spoil(join(path, 'data.mdb'));
    return path;
  }

  it.each<[string, (file: string) => Promise<void>, string]>([
    ['bytes of something else', (file) => writeFile(file, Buffer.alloc(65_536, 7)), 'FAILED_PRECONDITION'],
    ['a short text', (file) => writeFile(file, 'not a store'), 'FAILED_PRECONDITION'],
    ['one page', (file) => truncate(file, 4_096), 'DATA_LOSS'],
    ['a tenth', async (file) => truncate(file, Math.floor((await stat(file)).size / 10)), 'DATA_LOSS'],
    ['half', async (file) => truncate(file, Math.floor((await stat(file)).size / 2)), 'DATA_LOSS'],
  ])('is refused when its file is %s', async (_name, spoil, code) => {
    const path = await spoiled(spoil);
    const refused = LmdbStore.open({ path });
    await expect(refused).rejects.toMatchObject({ code, remedy: expect.any(String), message: /data\.mdb/ });
  });

  it('is refused when it is a file, or has files of somebody else', async () => {
    const path = await newFolder();
    await writeFile(join(path, 'letter.txt'), 'not a store');
    await expect(LmdbStore.open({ path })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('letter.txt'),
    });
    const file = join(path, 'letter.txt');
    await expect(LmdbStore.open({ path: file })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', subject: file });
  });

  it('is refused when another program wrote it, or another version of this one', async () => {
    for (const [key, value] of [
      ['their key', 'their value'],
      [keys.format, '99'],
    ] as const) {
      const path = await newFolder();
      const other = open({ path, encoding: 'binary', noSubdir: false });
      await other.put(key as string, Buffer.from(value));
      await other.close();
      await expect(LmdbStore.open({ path })).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: value === '99' ? /format 99/ : /another program/,
      });
    }
  });

  it('asks for a release again that an older version sealed, and keeps the history', async () => {
    const path = await newFolder();
    let store = await LmdbStore.open({ path });
    await store.appendEvents([event('u', 10)]);
    await store.close();
    const other = open({ path, encoding: 'binary', noSubdir: false, keyEncoding: 'ordered-binary' });
    const record = JSON.stringify({ releaseId: R1, manifestSha256: '1'.repeat(64), sealedAtMs: 1 });
    await other.put(keys.sealedRelease(R1), Buffer.from(record));
    await other.close();
    store = await LmdbStore.open({ path });
    expect(await store.releases()).toEqual([]);
    await expect(historyOf(store, 'u')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await sealRelease(store, sealOf(R1));
    expect([...(await historyOf(store, 'u')).timesMs]).toEqual([10]);
    await store.close();
  });

  it('is made a store when its file is empty', async () => {
    const path = await newFolder();
    await writeFile(join(path, 'data.mdb'), '');
    const store = await LmdbStore.open({ path });
    expect(await store.releases()).toEqual([]);
    await store.close();
  });
});

describe('LMDB errors', () => {
  it('get our codes', () => {
    const coded = (code: number) => toStoreError(Object.assign(new Error('it says'), { code }));
    expect([-30796, -30792, 28, -1].map((code) => coded(code).code)).toEqual([
      'DATA_LOSS',
      'RESOURCE_EXHAUSTED',
      'RESOURCE_EXHAUSTED',
      'INTERNAL',
    ]);
  });
});
