import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AppendEventsRequest,
  EventServiceClient,
  ItemServiceClient,
  RecallRequest,
  RecallServiceClient,
} from '@mic/contracts';
import { openDataset } from '@mic/dataset';
import { Random } from '@mic/domain';
import { createClient, unary } from '@mic/rpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MIC, lastJson, mic, serve, type Served } from './processes';
import { patientProfiles, succeed } from './small-home';

interface Summary {
  readonly outcome: string;
  readonly runId: string;
  readonly resumed: boolean;
  readonly newData: {
    readonly events: number;
    readonly users: number;
    readonly items: number;
    readonly duplicates: number;
  };
  readonly steps: readonly { readonly name: string }[];
  readonly releaseId: string;
  readonly gateFailed: readonly string[];
  readonly error: { readonly message: string; readonly remedy: string } | null;
}

let home: string;
let incoming: string;
let server: Served;
let recalls: RecallServiceClient;
let events: EventServiceClient;
let items: ItemServiceClient;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mic-hourly-'));
  incoming = join(home, 'incoming');
  await mkdir(incoming);
  const world = ['--users', '300', '--items', '200', '--events', '6000', '--seed', '1'];
  await succeed('data', 'synth', ...world, '--out', join(home, 'datasets/base'));
});
afterAll(async () => {
  recalls.close();
  events.close();
  items.close();
  await server.stop('SIGKILL');
  await rm(home, { recursive: true, force: true });
});

/** Thirty held-out events say nothing of a hit rate beside the parent's. */
const QUICK = ['--set', 'loop.epochs=1', '--build-set', 'gate.parent.hitRate.least=0'];
async function hourly(...flags: string[]): Promise<Summary & { readonly status: number | null }> {
  const { status, stdout, stderr } = await mic('hourly', '--home', home, ...QUICK, '--json', ...flags);
  if (stdout === '') throw new Error(`mic hourly ended with ${status}: ${stderr}`);
  return { ...lastJson<Summary>(stdout), status };
}
const recall = (userId: string, n = 200) => {
  const request = RecallRequest.fromPartial({ userId, n, profile: 'patient' });
  return unary(recalls, 'recall', request, { deadlineMs: 20_000 });
};
const append = (...added: { userId: string; itemId: string; timeMs: number }[]) =>
  unary(events, 'appendEvents', AppendEventsRequest.fromPartial({ events: added }), { deadlineMs: 10_000 });
const served = () =>
  expect.poll(async () => (await recall('user-00001', 1)).releaseId, { timeout: 30_000, interval: 100 });
const NOW = Date.UTC(2026, 0, 1);

describe('mic hourly', () => {
  it('needs a dataset to begin with, and says so', async () => {
    const { status, outcome, error } = await hourly();
    expect([status, outcome]).toEqual([1, 'failed']);
    expect(error).toMatchObject({
      message: expect.stringContaining('no hourly run'),
      remedy: expect.stringContaining('--data'),
    });
  });

  it('the first run trains from nothing and publishes', async () => {
    const first = await hourly('--data', join(home, 'datasets/base'));
    expect(first).toMatchObject({ status: 0, outcome: 'published', resumed: false, newData: { events: 0 } });
    expect(first.steps.map(({ name }) => name)).toEqual(['dataset', 'history', 'train', 'build', 'publish']);
    server = await serve(home, ...(await patientProfiles(home)));
    recalls = createClient(RecallServiceClient, server.address);
    events = createClient(EventServiceClient, server.address);
    items = createClient(ItemServiceClient, server.address);
    expect(server.releaseId).toBe(first.releaseId);
    expect((await recall('user-00001')).items.length).toBeGreaterThan(0);
    const other = await hourly('--data', join(home, 'datasets/other'));
    expect([other.status, other.error?.message]).toEqual([1, expect.stringContaining('began with')]);
  });

  it('does nothing, and ends with 0, where nothing is new', async () => {
    expect(await hourly()).toMatchObject({ status: 0, outcome: 'nothing-new', steps: [] });
  });

  it('takes what was appended since: new users and items are in the next release, which the server takes over', async () => {
    const newcomer = Array.from({ length: 12 }, (_, i) => ({
      userId: 'newcomer',
      itemId: i === 0 ? 'brand-new' : `item-${String(i).padStart(6, '0')}`,
      timeMs: NOW + i,
    }));
    expect((await recall('newcomer')).userKnown).toBe(false);
    const fields = { category: { text: 'comedy' }, length: { number: 90 } };
    await unary(items, 'upsertItems', { items: [{ itemId: 'brand-new', fields }] }, { deadlineMs: 10_000 });
    await append(...newcomer);
    await append(...newcomer.slice(0, 3));
    const run = await hourly();
    expect(run).toMatchObject({
      status: 0,
      outcome: 'published',
      newData: { events: 12, users: 1, items: 1, duplicates: 3 },
    });
    await served().toBe(run.releaseId);
    expect((await recall('newcomer')).userKnown).toBe(true);
    // What was said of the item counts in training.
    const dataset = await openDataset(join(home, 'datasets', run.runId));
    const schema = await dataset.buildFeatureSchema();
    const { names, categories } = await dataset.loadItemCategories(schema, ['brand-new']);
    await dataset.close();
    expect(names[categories[0]!]).toBe('comedy');
    const segments = (await readdir(join(home, 'events'))).filter((name) => name.endsWith('.jsonl'));
    expect(segments).toEqual([]);
    expect(await hourly()).toMatchObject({ outcome: 'nothing-new' });
  });

  it('takes new files of a schema, and their events are in the histories', async () => {
    const schema = {
      name: 'incoming',
      events: { files: 'day-*.csv', columns: { user: 'u', item: 'i', timestamp: 't' }, timestampUnit: 'ms' },
    };
    const schemaFile = join(incoming, 'schema.json');
    await writeFile(schemaFile, JSON.stringify(schema));
    const top = (await recall('user-00002', 1)).items[0]!.itemId;
    await writeFile(join(incoming, 'day-1.csv'), `u,i,t\nuser-00002,${top},${NOW}\nuser-00003,${top},soon\n`);
    const broken = await hourly('--schema', schemaFile);
    expect([broken.status, broken.outcome]).toEqual([1, 'failed']);
    expect(broken.error?.message).toMatch(/day-1\.csv, line 3/);
    const status = lastJson<{ last: Summary; underWay: string }>(
      (await succeed('hourly', '--home', home, '--status', '--json')).stdout,
    );
    expect(status).toMatchObject({ last: { outcome: 'failed', runId: broken.runId }, underWay: null });

    await writeFile(join(incoming, 'day-1.csv'), `u,i,t\nuser-00002,${top},${NOW}\nuser-00003,${top},${NOW}\n`);
    const mended = await hourly('--schema', schemaFile);
    expect(mended).toMatchObject({ status: 0, outcome: 'published', resumed: false });
    expect(mended.runId).not.toBe(broken.runId);
    expect(mended.newData.events).toBe(2);
    const items = (await recall('user-00002')).items.map(({ itemId }) => itemId);
    expect(items).not.toContain(top);
  });

  it('takes new items without new events', async () => {
    const fields = [
      { name: 'category', type: 'categorical' },
      { name: 'tags', type: 'multi' },
      { name: 'author', type: 'categorical' },
      { name: 'length', type: 'numeric' },
    ];
    const schema = {
      name: 'incoming',
      events: { files: 'day-*.csv', columns: { user: 'u', item: 'i', timestamp: 't' }, timestampUnit: 'ms' },
      items: { files: 'items-*.csv', id: 'i', fields, category: 'category' },
    };
    const schemaFile = join(incoming, 'schema.json');
    await writeFile(schemaFile, JSON.stringify(schema));
    await writeFile(join(incoming, 'items-1.csv'), 'i,category,tags,author,length\nitem-000001,rare,,somebody,3\n');
    const run = await hourly('--schema', schemaFile, '--history-cap', '1000', '--history-ttl-seconds', '3000000000');
    expect(run).toMatchObject({ status: 0, outcome: 'published', newData: { events: 0 } });
    const dataset = await openDataset(join(home, 'datasets', run.runId));
    const loaded = await dataset.loadItemCategories(await dataset.buildFeatureSchema(), ['item-000001']);
    await dataset.close();
    expect(loaded.names[loaded.categories[0]!]).toBe('rare');
    expect(await hourly('--schema', schemaFile)).toMatchObject({ outcome: 'nothing-new' });
  });

  it('does not publish what its gate refuses; the events count, the next run starts from the last good model', async () => {
    await append({ userId: 'user-00004', itemId: 'item-000001', timeMs: NOW + 100 });
    const state = async () =>
      JSON.parse(await readFile(join(home, 'hourly/state.json'), 'utf8')) as { dataset: string; model: string };
    const before = await state();
    const refused = await hourly('--build-set', 'gate.u2u.full.least=2');
    expect([refused.status, refused.outcome]).toEqual([3, 'gate-failed']);
    expect(refused.gateFailed.length).toBeGreaterThan(0);
    expect(await state()).toMatchObject({ model: before.model, dataset: join(home, 'datasets', refused.runId) });
    expect((await recall('user-00001', 1)).releaseId).not.toBe(refused.releaseId);
    expect(await hourly()).toMatchObject({ outcome: 'nothing-new' });
  });

  it('of two at once one ends with 4', async () => {
    await append({ userId: 'user-00005', itemId: 'item-000002', timeMs: NOW + 200 });
    const both = await Promise.all([hourly(), hourly()]);
    const outcomes = both.map(({ status, outcome }) => `${status} ${outcome}`).sort();
    // The second may find the first one over and nothing new.
    expect(['0 nothing-new,0 published', '0 published,4 busy']).toContain(outcomes.join());
  });

  it('goes on after kill -9 at any moment, and loses nothing', async () => {
    const random = new Random(1);
    for (let round = 0; round < 3; round++) {
      await append({ userId: `user-kill-${round}`, itemId: 'item-000003', timeMs: NOW + 300 + round });
      const child = spawn(process.execPath, [MIC, 'hourly', '--home', home, ...QUICK], { stdio: 'ignore' });
      await sleep(500 + random.next() * 6_000);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    let last = await hourly();
    while (last.outcome !== 'nothing-new') {
      expect([last.status, last.outcome]).toEqual([0, 'published']);
      last = await hourly();
    }
    for (let round = 0; round < 3; round++) {
      await expect.poll(async () => (await recall(`user-kill-${round}`)).userKnown, { timeout: 30_000 }).toBe(true);
    }
    const kept = async (folder: string) =>
      (await readdir(join(home, folder))).filter((name) => /^h\d/.test(name)).length;
    expect(await kept('datasets')).toBeLessThanOrEqual(2);
    expect(await kept('runs')).toBeLessThanOrEqual(4);
  });
});
