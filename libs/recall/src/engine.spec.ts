import { hashIds, MicError, parseReleaseId } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import type { RecallPorts } from './engine';
import { mergeHistories, NO_HISTORY } from './history';
import { LateBreakers, type Part } from './late-breaker';
import type { RecallRequest, RecallResult } from './recall-types';
import { recallTiny } from './testing/recall-tiny';
import { frozen, history, ITEMS, RELEASE, tinyCatalog, tinyPorts } from './testing/tiny-world';

const recall = recallTiny;

const noHistory: RecallPorts['store']['userContext'] = async (...call) => ({
  ...(await tinyPorts().store.userContext(...call)),
  history: NO_HISTORY,
});

const round = (value: number): number => Math.round(value * 1e4) / 1e4;
/** Of the three channels of the model. */
const outcomes = (result: RecallResult) => result.channels.slice(0, 3).map(({ outcome }) => outcome);
const ids = (result: RecallResult) => result.items.map(({ itemId }) => itemId);

describe('the tiny world', () => {
  it('gives the candidates, sources and scores worked by hand', async () => {
    const result = await recall({ explain: true });
    expect(result).toMatchObject({
      userId: 'u',
      userKnown: true,
      requestId: 'q',
      releaseId: 'r1',
      profile: 'tiny',
      degraded: false,
      basicScore: 'USER_VECTOR',
    });
    expect(result.channels.map(({ channel, outcome, candidates }) => [channel, outcome, candidates])).toEqual([
      ['U2I', 'OK', 3],
      ['U2U2I', 'OK', 2],
      ['U2I2I', 'OK', 3],
      ['POPULAR', 'DISABLED', 0],
    ]);
    const items = result.items.map(({ itemId, score, category, sources, parts }) => ({
      itemId,
      score: round(score),
      category,
      sources: sources.map((source) => [source.channel, round(source.score), source.trigger]),
      parts: [round(parts!.basic), round(parts!.repetition), round(parts!.diversity)],
    }));
    // U2I at (1, 0): b .8, c .6, e -.6. U2U2I: c = e^-.2 + .5 e^-1, e = e^-1. U2I2I: b = e^-.4, c = e^-.8 + .5 e^-.4, e = .5 e^-.4.
    // Similarities .8, .6, -.6: mean .2667, deviation .6182.
    expect(items).toEqual([
      {
        itemId: 'b',
        score: 1.396,
        category: 'one',
        sources: [
          ['U2I', 0.8, ''],
          ['U2I2I', 0.6703, 'a'],
        ],
        parts: [0.8627, 0.6667, 1],
      },
      {
        itemId: 'c',
        score: 1.2392,
        category: 'two',
        sources: [
          ['U2I', 0.6, ''],
          ['U2U2I', 1.0027, 'v'],
          ['U2I2I', 0.7845, 'a'],
        ],
        parts: [0.5392, 1, 1],
      },
      {
        itemId: 'e',
        score: -0.7018,
        category: 'three',
        sources: [
          ['U2I', -0.6, ''],
          ['U2U2I', 0.3679, 'w'],
          ['U2I2I', 0.3352, 'd'],
        ],
        parts: [-1.4018, 1, 1],
      },
    ]);
  });

  it('cuts to n', async () => {
    expect(ids(await recall({ n: 1 }))).toEqual(['b']);
  });

  it('leaves excluded items out, and other categories', async () => {
    expect(ids(await recall({ excludeItemIds: ['b', 'nowhere'] }))).toEqual(['c', 'e', 'f']);
    expect(ids(await recall({ categories: ['three', 'nowhere'] }))).toEqual(['e']);
    expect(ids(await recall({ categories: ['nowhere'] }))).toEqual([]);
  });

  it('gives seen items back when asked to', async () => {
    expect(ids(await recall({ includeSeen: true }))).toContain('a');
  });

  it('keeps to the numbers of the profile', async () => {
    const found = async (channels: object, request: Partial<RecallRequest> = {}) => {
      const { items } = await recall(request, { profile: { channels } });
      const of = (name: string) =>
        items.filter(({ sources }) => sources.some(({ channel }) => channel === name)).map(({ itemId }) => itemId);
      return { U2I: of('U2I').sort(), U2U2I: of('U2U2I').sort(), U2I2I: of('U2I2I').sort() };
    };
    // As many as are wanted are found in any case.
    expect((await found({ U2I: { k: 1, quota: 1 } })).U2I).toEqual(['b', 'c', 'e']);
    const counted = async (U2I: object) =>
      (await recall({ n: 1 }, { profile: { channels: { U2I } } })).channels[0]!.candidates;
    expect(await counted({ k: 3 })).toBe(3);
    expect(await counted({ k: 3, quota: 2 })).toBe(2);
    expect((await found({ U2U2I: { similarUsers: 1 } })).U2U2I).toEqual(['c']);
    expect((await found({ U2U2I: { itemsPerUser: 1 } })).U2U2I).toEqual(['c', 'e']);
    expect((await found({ U2U2I: { quota: 1 } })).U2U2I).toEqual(['c']);
    expect((await found({ U2I2I: { triggers: 1 } })).U2I2I).toEqual(['b', 'c']);
    expect((await found({ U2I2I: { similarItems: 1 } })).U2I2I).toEqual(['b', 'c']);
    // a again, later: still two distinct triggers
    const again = { ...history('a'), timesMs: Float64Array.of(2000) };
    expect((await found({ U2I2I: { triggers: 2 } }, { inlineHistory: again })).U2I2I).toEqual(['b', 'c', 'e']);
  });

  it('makes the list as the profile wants it', async () => {
    const ordered = (order: object, request: Partial<RecallRequest> = {}) =>
      recall(request, { profile: { rerank: { order } } });
    // By score b, c, e, of the categories one, two, three. Relevance 1, .9308, 0; b and c are alike by .96, b and e by 0: after b,
    // half of .9308 less half of .96 is below e's 0.
    expect(ids(await ordered({ kind: 'score' }))).toEqual(['b', 'c', 'e']);
    expect(ids(await ordered({ kind: 'mmr', lambda: 0.5 }))).toEqual(['b', 'e', 'c']);
    expect(ids(await ordered({ kind: 'mmr', lambda: 1 }))).toEqual(['b', 'c', 'e']);
    // With what was seen, a and b of the category one come first.
    const seen = { includeSeen: true };
    expect(ids(await ordered({ kind: 'score' }, seen)).slice(0, 3)).toEqual(['a', 'b', 'c']);
    expect(ids(await ordered({ kind: 'window', size: 2, most: 1 }, seen)).slice(0, 3)).toEqual(['a', 'c', 'b']);
  });

  it('searches each of several user vectors, and takes the best similarity for every candidate', async () => {
    const embed = () => Promise.resolve({ count: 2, vectors: Float32Array.of(1, 0, -1, 0) });
    const result = await recall({ n: 4, explain: true }, { ports: { embedder: { embed } } });
    // At (1, 0): b .8, c .6; at (-1, 0): f 1, e .6.
    const found = (await recall({ n: 2 }, { ports: { embedder: { embed } } })).items;
    expect(found.map(({ itemId }) => itemId)).toEqual(['f', 'b']);
    // Similarities b .8, f 1, c .6, e .6: mean .75, deviation .1658.
    const basic = Object.fromEntries(result.items.map(({ itemId, parts }) => [itemId, round(parts!.basic)]));
    expect(basic).toEqual({ b: 0.3015, f: 1.5076, c: -0.9045, e: -0.9045 });
  });

  it('knows an item as seen however many events the request adds', async () => {
    const inlineHistory = { ...history('b', 'c'), timesMs: Float64Array.of(3000, 2000) };
    const result = await recall({ inlineHistory }, { profile: { historyLimit: 2 } });
    expect(ids(result)).not.toContain('a');
    expect(ids(result)).not.toContain('d');
  });

  it('answers an unknown user from inline history', async () => {
    const result = await recall({ userId: 'x', inlineHistory: history('a') });
    expect(result.userKnown).toBe(false);
    expect(outcomes(result)).toEqual(['OK', 'OK', 'OK']);
    expect(result.degraded).toBe(false);
    expect(ids(result)).not.toContain('a');
  });

  it('answers an unknown user without history by vector', async () => {
    expect(outcomes(await recall({ userId: 'x' }))).toEqual(['OK', 'OK', 'EMPTY']);
  });
});

describe('outcomes', () => {
  it('DISABLED: switched off in the profile, not degraded', async () => {
    const result = await recall({}, { profile: { channels: { U2I: { enabled: false } } } });
    expect(outcomes(result)).toEqual(['DISABLED', 'OK', 'OK']);
    expect(result).toMatchObject({ degraded: false, basicScore: 'USER_VECTOR' });
  });

  it('FAILED: the others answer, and the message says why', async () => {
    const search = () => Promise.reject(new MicError('UNAVAILABLE', 'index is down'));
    const result = await recall({}, { ports: { index: { search } } });
    expect(outcomes(result)).toEqual(['FAILED', 'OK', 'OK']);
    expect(result.degraded).toBe(true);
    expect(result.channels[0]!.message).toBe('UNAVAILABLE: index is down');
    expect(ids(result)).toEqual(['b', 'c', 'e']);
  });

  it('FAILED: a call that throws before it gives a promise', async () => {
    const similarItems = () => {
      throw new RangeError('boom');
    };
    expect(outcomes(await recall({}, { store: { similarItems } }))).toEqual(['OK', 'OK', 'FAILED']);
  });

  it('LATE: cut at its own time limit, and its signal fires', async () => {
    let aborted = false;
    const similarUsersItems: RecallPorts['store']['similarUsersItems'] = (request, options) => {
      options.signal.addEventListener('abort', () => (aborted = true));
      return frozen(request, options);
    };
    const profile = { channels: { U2U2I: { timeoutMs: 20 } } };
    const result = await recall({}, { store: { similarUsersItems }, profile });
    expect(outcomes(result)).toEqual(['OK', 'LATE', 'OK']);
    expect(aborted).toBe(true);
  });

  it('LATE: the caller’s deadline cuts what the profile would allow', async () => {
    const result = await recall({}, { ports: { index: { search: frozen } }, deadlineMs: 40 });
    expect(outcomes(result)).toEqual(['LATE', 'OK', 'OK']);
    expect(result.channels[0]!.elapsedMs).toBeGreaterThan(5);
  });

  it('the caller’s deadline is the budget, the profile’s time is for callers without one', async () => {
    const similarItems = async (...call: Parameters<RecallPorts['store']['similarItems']>) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return tinyPorts().store.similarItems(...call);
    };
    const profile = { timeoutMs: 30, channels: { U2I2I: { timeoutMs: 30_000 } } };
    expect(outcomes(await recall({}, { store: { similarItems }, profile }))).toEqual(['OK', 'OK', 'LATE']);
    const patient = await recall({}, { store: { similarItems }, profile, deadlineMs: 30_000 });
    expect(outcomes(patient)).toEqual(['OK', 'OK', 'OK']);
  });

  it('LATE user vector: U2I is late, and the channels’ similarities rank the rest', async () => {
    const embed = (_release: unknown, input: unknown, options: { signal: AbortSignal }) => frozen(input, options);
    const result = await recall({}, { ports: { embedder: { embed } }, deadlineMs: 60 });
    expect(outcomes(result)).toEqual(['LATE', 'OK', 'OK']);
    expect(result.basicScore).toBe('CHANNEL_SIMILARITY');
    // best similarities: b .8 (a), c .9 (v), e .8 (d)
    expect(ids(result)[0]).toBe('c');
  });

  describe('what is late again and again', () => {
    const profile = { contextTimeoutMs: 10, channels: { U2I: { timeoutMs: 10 }, U2I2I: { timeoutMs: 10 } } };
    /** Parts that were late so often that they are spared. */
    function spared(...parts: Part[]) {
      const at = { ms: 0 };
      const lateBreakers = new LateBreakers({ clock: () => at.ms });
      for (const part of parts) lateBreakers.of(part).late(10);
      at.ms = 100;
      for (const part of parts) for (let i = 0; i < 19; i++) lateBreakers.of(part).late(10);
      const nextTry = (): void => void (at.ms += 100);
      return { setup: { profile, lateBreakers }, nextTry };
    }

    it('is SHED, but for a try, which in time makes it well', async () => {
      const { setup } = spared('U2I2I', 'VECTORS');
      const store = { similarItems: frozen };
      expect(outcomes(await recall({}, { ...setup, store }))).toEqual(['OK', 'OK', 'LATE']);
      const result = await recall({}, setup);
      expect(outcomes(result)).toEqual(['OK', 'OK', 'SHED']);
      expect(result.channels[2]!.message).toMatch(/^not waited for: late 21 times in a row, with up to 10.0 ms/);
      expect(result.degraded).toBe(true);
    });

    it('says nothing of a channel that asked nobody', async () => {
      const { setup, nextTry } = spared('U2I2I');
      const store = { userContext: noHistory };
      expect(outcomes(await recall({}, { ...setup, store }))[2]).toBe('EMPTY');
      expect(outcomes(await recall({}, { ...setup, store: { similarItems: frozen } }))[2]).toBe('LATE');
      expect(outcomes(await recall({}, setup))[2]).toBe('SHED');
      nextTry();
      expect(outcomes(await recall({}, setup))[2]).toBe('OK');
      expect(outcomes(await recall({}, setup))[2]).toBe('OK');
    });

    it('is a history that is not waited for: what needs it is SHED, what is given in the request is taken', async () => {
      const { setup } = spared('CONTEXT');
      await recall({}, { ...setup, store: { userContext: frozen } });
      expect(outcomes(await recall({}, setup))).toEqual(['SHED', 'OK', 'SHED']);
      expect(outcomes(await recall({ inlineHistory: history('a', 'd') }, setup))).toEqual(['OK', 'OK', 'OK']);
    });

    it('is not a channel whose user vector is late', async () => {
      const { setup, nextTry } = spared();
      const embed = (_release: unknown, input: unknown, options: { signal: AbortSignal }) => frozen(input, options);
      const slow = { ...setup, ports: { embedder: { embed } } };
      for (let i = 0; i < 25; i++) await recall({}, slow);
      nextTry();
      await recall({}, slow);
      const refusals = (part: Part) => [1, 2].map(() => setup.lateBreakers.of(part).refusal(9) !== null);
      expect(refusals('VECTORS')).toEqual([false, true]);
      expect(refusals('U2I')).toEqual([false, false]);
    });
  });

  it('an unreadable history is not served as an empty one', async () => {
    const userContext = () => Promise.reject(new MicError('UNAVAILABLE', 'store is down'));
    const result = await recall({}, { store: { userContext } });
    expect(outcomes(result)).toEqual(['FAILED', 'OK', 'FAILED']);
    expect(result).toMatchObject({ degraded: true, userKnown: false, basicScore: 'CHANNEL_SIMILARITY' });
    expect(result.channels[1]!.message).toBe(
      "answered without the user's stored history and profile: UNAVAILABLE: store is down",
    );
    const inline = await recall({ inlineHistory: history('a', 'd') }, { store: { userContext } });
    expect(outcomes(inline)).toEqual(['OK', 'OK', 'OK']);
    for (const { message } of inline.channels.slice(0, 3))
      expect(message).toMatch(/^answered without .*store is down$/);
  });

  it('LATE: a history that does not come in its time, and the rest still has time', async () => {
    const profile = { contextTimeoutMs: 20 };
    const result = await recall({}, { store: { userContext: frozen }, profile });
    expect(outcomes(result)).toEqual(['LATE', 'OK', 'LATE']);
    expect(result.channels[0]!.message).toMatch(/history could not be read: no answer within 20 ms/);
  });

  it('SHED: a callee that protects itself', async () => {
    const similarItems = () => Promise.reject(new MicError('RESOURCE_EXHAUSTED', 'queue is full'));
    const result = await recall({}, { store: { similarItems } });
    expect(outcomes(result)).toEqual(['OK', 'OK', 'SHED']);
    expect(result.degraded).toBe(true);
  });

  it('EMPTY: nothing eligible', async () => {
    const result = await recall({ excludeItemIds: ITEMS });
    expect(outcomes(result)).toEqual(['EMPTY', 'EMPTY', 'EMPTY']);
    expect(result).toMatchObject({ degraded: false, items: [] });
  });

  it.each([
    ['NaN', { count: 1, vectors: Float32Array.of(NaN, 0) }],
    ['another dimension', { count: 1, vectors: Float32Array.of(1, 0, 0) }],
    ['no vector', { count: 0, vectors: new Float32Array(0) }],
  ])('FAILED: a user tower that gives %s costs U2I, not the answer', async (_what, vectors) => {
    const result = await recall({}, { ports: { embedder: { embed: () => Promise.resolve(vectors) } } });
    expect(outcomes(result)).toEqual(['FAILED', 'OK', 'OK']);
    expect(result.basicScore).toBe('CHANNEL_SIMILARITY');
    expect(result.items.every(({ score }) => Number.isFinite(score))).toBe(true);
  });

  it('FAILED: a list with a similarity that is no number', async () => {
    const lists = { offsets: Uint32Array.of(0, 1, 1), rows: Uint32Array.of(1), scores: Float32Array.of(NaN) };
    const result = await recall({}, { store: { similarItems: () => Promise.resolve(lists) } });
    expect(outcomes(result)).toEqual(['OK', 'OK', 'FAILED']);
  });

  it('a late call may still fail after the answer', async () => {
    let fail: (error: Error) => void = () => undefined;
    const search = () => new Promise<never>((_, reject) => (fail = reject));
    const profile = { channels: { U2I: { timeoutMs: 10 } } };
    expect(outcomes(await recall({}, { ports: { index: { search } }, profile }))).toEqual(['LATE', 'OK', 'OK']);
    fail(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('SHED: a pressed request asks nobody, and is answered by the fallback', async () => {
    let asked = 0;
    const userContext = () => (asked++, Promise.reject(new Error('asked')));
    const profile = { channels: { POPULAR: { enabled: true } } };
    const embedder = { embed: () => (asked++, Promise.reject(new Error('asked'))) };
    const request = { isPressed: true, inlineHistory: history('b') };
    const result = await recall(request, { store: { userContext }, ports: { embedder }, profile });
    expect(result.channels.map(({ outcome }) => outcome)).toEqual(['SHED', 'SHED', 'SHED', 'OK']);
    expect(result.channels[0]!.message).toMatch(/the process is busy/);
    expect([asked, ids(result).sort(), result.degraded]).toEqual([0, ['a', 'c', 'd'], true]);
    // As well when its time is over: its caller may wait a little longer.
    const late = await recall(request, { store: { userContext }, ports: { embedder }, profile, deadlineMs: 0 });
    expect(ids(late).sort()).toEqual(['a', 'c', 'd']);
  });

  it('POPULAR that fills up in vain keeps what it had found', async () => {
    let asked = 0;
    const popular = (category: number) => {
      if (++asked > 1) throw new Error('damaged');
      return tinyCatalog().popular(category);
    };
    const off = { enabled: false };
    const channels = { U2I: off, U2U2I: off, U2I2I: off, POPULAR: { enabled: true, when: 'always', quota: 1 } };
    const result = await recall({}, { profile: { channels }, store: { userContext: noHistory }, catalog: { popular } });
    expect(asked).toBe(2);
    expect(result.channels[3]).toMatchObject({ outcome: 'OK', candidates: 1 });
    expect(ids(result)).toEqual(['a']);
  });

  it('keeps half of the time for the channels, whatever the profile keeps back', async () => {
    const profile = { reserveMs: 60_000 };
    expect(outcomes(await recall({}, { profile, deadlineMs: 2_000 }))).toEqual(['OK', 'OK', 'OK']);
  });

  it('SHED: no time is left to try', async () => {
    const result = await recall({}, { deadlineMs: 4, queueDelayMs: () => 1 });
    expect(outcomes(result)).toEqual(['SHED', 'SHED', 'SHED']);
    expect(result).toMatchObject({ degraded: true, items: [] });
  });

  it('everything down: an empty, degraded answer', async () => {
    const down = () => Promise.reject(new Error('down'));
    const store = { userContext: down, similarUsersItems: down, similarItems: down };
    const result = await recall({}, { store });
    expect(outcomes(result)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    expect(result.items).toEqual([]);
  });
});

describe('refusals', () => {
  it.each([
    ['another release', { releaseId: parseReleaseId('r2') }, 'FAILED_PRECONDITION', /r2 is not served, r1 is/],
    ['an unknown profile', { profile: 'x' }, 'INVALID_ARGUMENT', /no profile "x"/],
    ['n = 0', { n: 0 }, 'INVALID_ARGUMENT', /n is 0; this profile allows 1 to 1000/],
    ['n = 10 million', { n: 10_000_000 }, 'INVALID_ARGUMENT', /n is 10000000/],
  ] as const)('%s', async (_what, request, code, message) => {
    const refused = recall(request);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(message);
  });

  it('the release that is served may be named', async () => {
    expect((await recall({ releaseId: RELEASE })).releaseId).toBe('r1');
  });

  it('a deadline that has passed', async () => {
    await expect(recall({}, { deadlineMs: 0 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('a caller that cancels', async () => {
    const controller = new AbortController();
    const cancelled = recall({}, { ports: { index: { search: frozen } }, signal: controller.signal });
    setTimeout(() => {
      controller.abort();
    }, 10);
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('histories', () => {
  it('of store and request are one: newest first, an event of both once', () => {
    const stored = {
      itemHashes: hashIds(['a', 'b']),
      timesMs: Float64Array.of(30, 10),
      weights: Float32Array.of(1, 1),
    };
    const inline = {
      itemHashes: hashIds(['c', 'a']),
      timesMs: Float64Array.of(20, 30),
      weights: Float32Array.of(2, 2),
    };
    const merged = mergeHistories(inline, stored);
    expect([...merged.timesMs]).toEqual([30, 20, 10]);
    expect([...merged.itemHashes]).toEqual([...hashIds(['a', 'c', 'b'])]);
    expect([...merged.weights]).toEqual([2, 2, 1]);
  });
});
