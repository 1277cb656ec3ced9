import { appendFile, mkdtemp, open, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MicError, type Interaction } from '@mic/domain';
import type { HistoryWriter } from '@mic/recall';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventLog, type Unreadable } from './event-log';
import { EventLogWriter, type EventLogWriterOptions } from './event-log-writer';
import { loggedHistory } from './logged-history';
import type { CreateFile, SegmentFile } from './segment-writer';

let folder: string;
let log: EventLog;
const writers: EventLogWriter[] = [];
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'mic-event-log-')), 'events');
  log = new EventLog(folder);
});
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.close()));
  await rm(join(folder, '..'), { recursive: true, force: true });
});

const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
async function openWriter(options: Partial<EventLogWriterOptions> = {}): Promise<EventLogWriter> {
  const writer = await EventLogWriter.open({ folder, nowMs: () => START_MS, ...options });
  writers.push(writer);
  return writer;
}
const event = (itemId: string, userId = 'u'): Interaction => ({ userId, itemId, timeMs: 7, weight: 0.5 });

/** Items of all segments, one list for each segment, and what could not be read. */
async function read(): Promise<{ items: string[][]; unreadable: number[] }> {
  const items: string[][] = [];
  const unreadable: Unreadable[] = [];
  for (const segment of await log.segments()) {
    const own: string[] = [];
    for await (const { itemId } of log.events(segment, (where) => unreadable.push(where))) own.push(itemId);
    items.push(own);
  }
  return { items: items.sort(), unreadable: unreadable.map(({ line }) => line) };
}
const states = async () => (await log.segments()).map(({ isOpen }) => (isOpen ? 'open' : 'closed'));

/** Files whose operations first do what a test says. */
function files(before: Partial<Record<'write' | 'datasync', (path: string, file: SegmentFile) => Promise<void>>>) {
  let syncs = 0;
  const createFile: CreateFile = async (path) => {
    const file = await open(path, 'ax');
    return {
      write: async (...args: Parameters<SegmentFile['write']>) => {
        await before.write?.(path, file);
        return file.write(...args);
      },
      datasync: async () => {
        syncs++;
        await before.datasync?.(path, file);
        await file.datasync();
      },
      close: () => file.close(),
      stat: file.stat.bind(file),
    } as SegmentFile;
  };
  return { createFile, syncs: () => syncs };
}
const failure = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

describe('EventLogWriter', () => {
  it('writes a line for each event, into a segment that it closes at its end', async () => {
    const writer = await openWriter();
    expect(await readdir(folder)).toEqual([]);
    await writer.append([event('a'), { ...event('b'), weight: 1 }]);
    const [name] = await readdir(folder);
    expect(name).toMatch(/^events-20260102T030405006Z-[0-9a-f]{16}\.jsonl\.open$/);
    await writer.close();
    expect(await readdir(folder)).toEqual([name!.replace('.open', '')]);
    expect(await readFile(join(folder, name!.replace('.open', '')), 'utf8')).toBe(
      `{"user_id":"u","item_id":"a","time_ms":7,"weight":0.5,"accepted_ms":${START_MS}}\n` +
        `{"user_id":"u","item_id":"b","time_ms":7,"weight":1,"accepted_ms":${START_MS}}\n`,
    );
    await expect(writer.append([event('c')])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('syncs once for all that wait', async () => {
    const { createFile, syncs } = files({});
    const writer = await openWriter({ createFile });
    const items = Array.from({ length: 100 }, (_, i) => `i${i}`);
    await Promise.all(items.map((item) => writer.append([event(item)])));
    expect(syncs()).toBe(1);
    await Promise.all(items.map((item) => writer.append([event(item)])));
    expect(syncs()).toBe(2);
    expect((await read()).items[0]).toEqual([...items, ...items]);
  });

  it('answers after the sync', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { createFile, syncs } = files({ datasync: () => gate });
    const writer = await openWriter({ createFile });
    let answered = false;
    const append = writer.append([event('a')]).then(() => (answered = true));
    await expect.poll(syncs).toBe(1);
    expect(answered).toBe(false);
    release();
    await append;
  });

  it('begins another segment when one is large enough, or old enough', async () => {
    let nowMs = START_MS;
    const writer = await openWriter({ rotateBytes: 150, rotateMs: 1_000, nowMs: () => nowMs });
    for (const item of ['a', 'b', 'c']) await writer.append([event(item)]);
    expect(await read()).toEqual({ items: [['a', 'b'], ['c']], unreadable: [] });
    nowMs += 1_000;
    await writer.append([event('d')]);
    expect(await read()).toEqual({ items: [['a', 'b'], ['c'], ['d']], unreadable: [] });
    expect((await states()).sort()).toEqual(['closed', 'closed', 'open']);
  });

  it('closes a segment that is old enough although nothing comes', async () => {
    const writer = await openWriter({ rotateMs: 20 });
    await writer.append([event('a')]);
    await expect.poll(states).toEqual(['closed']);
  });

  it('closes what a killed process left, and shares the folder with one that lives', async () => {
    const first = await openWriter();
    await first.append([event('a')]);
    const second = await openWriter();
    expect(await states()).toEqual(['closed']);
    await Promise.all([first.append([event('b')]), second.append([event('c')])]);
    const { items } = await read();
    expect(items.flat().filter((item) => item !== 'b')).toEqual(['a', 'c']);
    expect(items).toContainEqual(['b']);
  });

  it('writes again what it had not answered for when its segment was closed', async () => {
    let isFirst = true;
    const { createFile } = files({
      datasync: async (path) => {
        if (isFirst) await rename(path, path.replace('.open', ''));
        isFirst = false;
      },
    });
    const writer = await openWriter({ createFile });
    await writer.append([event('a')]);
    expect(await states()).toContain('open');
    expect((await read()).items).toEqual([['a'], ['a']]);
  });

  it('gives up when its segments are closed all the time', async () => {
    const { createFile } = files({ datasync: (path) => rename(path, path.replace('.open', '')) });
    const writer = await openWriter({ createFile });
    await expect(writer.append([event('a')])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('goes on where its folder was taken away', async () => {
    const writer = await openWriter();
    await writer.append([event('a')]);
    await rm(folder, { recursive: true });
    await writer.append([event('b')]);
    expect((await read()).items).toEqual([['b']]);
  });

  it.each([
    ['ENOSPC', 'RESOURCE_EXHAUSTED', 'free space'],
    ['EIO', 'UNAVAILABLE', 'may be written'],
  ])(
    'refuses the call on %s, tells it once, and leaves no line torn for those that come later',
    async (errno, code, remedy) => {
      const told: (string | undefined)[] = [];
      let isFull = false;
      const { createFile } = files({
        write: async (_path, file) => {
          if (!isFull) return;
          await file.write(Buffer.from('{"user_id":"u","item'));
          throw failure(errno);
        },
      });
      const writer = await openWriter({ createFile, onTrouble: (trouble) => told.push(trouble?.code) });
      await writer.append([event('a')]);
      isFull = true;
      for (let i = 0; i < 3; i++) {
        const refused = await writer.append([event('b')]).catch((error: unknown) => error as MicError);
        expect(refused).toMatchObject({ code, subject: 'event log', remedy: expect.stringContaining(remedy) });
      }
      expect(told).toEqual([code]);
      isFull = false;
      await writer.append([event('c')]);
      expect(told).toEqual([code, undefined]);
      expect(await read()).toEqual({ items: [['a'], ['c']], unreadable: [2] });
      expect((await readdir(folder)).length).toBe(2);
    },
  );

  it('does not answer when the sync fails, and trusts that segment no more', async () => {
    let isBroken = true;
    const { createFile } = files({
      datasync: async () => {
        if (isBroken) throw failure('EIO');
      },
    });
    const writer = await openWriter({ createFile });
    await expect(writer.append([event('a')])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    isBroken = false;
    await writer.append([event('b')]);
    expect((await read()).items).toEqual([['b']]);
  });

  it('is not opened where the folder cannot be written', async () => {
    const file = join(folder, '..', 'file');
    await writeFile(file, '');
    await expect(EventLogWriter.open({ folder: join(file, 'events') })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      remedy: expect.stringContaining('folder'),
    });
  });

  it('removes closed segments that are older than they are to be kept', async () => {
    const writer = await openWriter({ nowMs: Date.now });
    await writer.append([event('old')]);
    await writer.close();
    const [name] = await readdir(folder);
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
    await utimes(join(folder, name!), daysAgo(3), daysAgo(3));
    await openWriter({ nowMs: Date.now });
    await openWriter({ nowMs: Date.now, keepMs: 4 * 86_400_000 });
    expect((await read()).items).toEqual([['old']]);
    await openWriter({ nowMs: Date.now, keepMs: 2 * 86_400_000 });
    expect((await read()).items).toEqual([]);
  });
});

describe('EventLog', () => {
  it('has nothing where there is no folder, and leaves other files alone', async () => {
    expect(await log.segments()).toEqual([]);
    expect(await log.closeOpen()).toBe(0);
    const writer = await openWriter();
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await writeFile(join(folder, 'events.jsonl.open'), 'mine');
    await writer.append([event('a')]);
    expect(await log.closeOpen()).toBe(1);
    expect((await read()).items).toEqual([['a']]);
    expect(await readdir(folder)).toContain('events.jsonl.open');
  });

  it('reads up to the last whole line, across chunks, and says what is none', async () => {
    const writer = await openWriter();
    const long = 'x'.repeat(700_000);
    await writer.append([event(`${long}1`), event(`${long}2`), event('ü')]);
    const [name] = await readdir(folder);
    await appendFile(join(folder, name!), 'no event\n{"user_id":"u"}\n');
    await writer.append([event('b')]);
    await appendFile(join(folder, name!), '{"user_id":"u","item_id":"torn"');
    const { items, unreadable } = await read();
    expect(items).toEqual([[`${long}1`, `${long}2`, 'ü', 'b']]);
    expect(unreadable).toEqual([4, 5, 7]);
  });

  it('gives whatever ids went in', async () => {
    const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    const writer = await openWriter();
    const sent: Interaction[] = [];
    await fc.assert(
      fc.asyncProperty(
        id,
        id,
        fc.float({ min: Math.fround(1e-6), max: 1e6, noNaN: true }),
        async (userId, itemId, weight) => {
          sent.push({ userId, itemId, timeMs: 253_402_300_799_999, weight });
          await writer.append([sent.at(-1)!]);
        },
      ),
      { numRuns: 50 },
    );
    const got: Interaction[] = [];
    for await (const one of log.events((await log.segments())[0]!)) got.push(one);
    expect(got).toEqual(sent.map((one) => ({ ...one, acceptedMs: START_MS })));
  });

  it('gives each closed segment once to who keeps a bookmark, whatever order they close in', async () => {
    let nowMs = START_MS;
    const early = await openWriter();
    const late = await openWriter({ nowMs: () => nowMs });
    await early.append([event('early')]);
    nowMs += 1_000;
    await late.append([event('late')]);
    await late.close();
    const first = await log.since(null);
    expect(first.map(({ begunMs }) => begunMs)).toEqual([nowMs]);
    const bookmark = await log.bookmark(null, first);
    expect(await log.since(bookmark)).toEqual([]);
    expect(await log.closeOpen()).toBe(1);
    const second = await log.since(bookmark);
    expect(second.map(({ begunMs }) => begunMs)).toEqual([START_MS]);
    const next = await log.bookmark(bookmark, second);
    expect(await log.since(next)).toEqual([]);
    await log.remove(first);
    await log.remove(first);
    expect((await log.bookmark(next, [])).taken).toEqual([second[0]!.name]);
    await expect(log.events(first[0]!).next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('has all that was answered before it closed the segments, while writers go on', async () => {
    const pair = await Promise.all([openWriter(), openWriter()]);
    const answered = new Set<string>();
    let isOver = false;
    const writing = Array.from({ length: 6 }, async (_, i) => {
      for (let n = 0; !isOver; n++) {
        const item = `${i}-${n}`;
        await pair[i % 2]!.append([event(item)]);
        answered.add(item);
      }
    });
    const seen = new Set<string>();
    let bookmark = await log.bookmark(null, []);
    for (let round = 0; round < 30; round++) {
      await expect.poll(() => answered.size, { interval: 1, timeout: 10_000 }).toBeGreaterThan(seen.size);
      const before = [...answered];
      await log.closeOpen();
      const segments = await log.since(bookmark);
      for (const segment of segments) for await (const { itemId } of log.events(segment)) seen.add(itemId);
      bookmark = await log.bookmark(bookmark, segments);
      expect(before.filter((item) => !seen.has(item))).toEqual([]);
    }
    isOver = true;
    await Promise.all(writing);
  });
});

describe('loggedHistory', () => {
  const result = { accepted: 0, duplicates: 1, tooOld: 1 };
  const fake = (calls: string[], failing?: string): [HistoryWriter, Pick<EventLogWriter, 'append'>] => {
    const step = async <T>(name: string, value: T): Promise<T> => {
      await Promise.resolve();
      calls.push(name);
      if (name === failing) throw new MicError('UNAVAILABLE', `the ${name} is away`);
      return value;
    };
    return [{ appendEvents: () => step('store', result) }, { append: () => step('log', undefined) }];
  };

  it('stores, then logs, duplicates and what is too old, too; then answers', async () => {
    const calls: string[] = [];
    expect(await loggedHistory(...fake(calls)).appendEvents([event('a'), event('b')])).toEqual(result);
    expect(calls).toEqual(['store', 'log']);
  });

  it('logs nothing that the store refused, and answers nothing that the log refused', async () => {
    for (const [failing, expected] of [
      ['store', ['store']],
      ['log', ['store', 'log']],
    ] as const) {
      const calls: string[] = [];
      const history = loggedHistory(...fake(calls, failing));
      await expect(history.appendEvents([event('a')])).rejects.toThrow(`the ${failing} is away`);
      expect(calls).toEqual(expected);
    }
  });
});
