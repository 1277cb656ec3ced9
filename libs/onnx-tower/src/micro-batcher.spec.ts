import { describe, expect, it } from 'vitest';
import { MicroBatcher } from './micro-batcher';

const live = new AbortController().signal;

/** Doubles its requests and notes the batches; batches that hold a negative number fail. */
function doubler(largestBatch: number, beforeRun: (batch: number) => void = () => undefined) {
  const batches: number[][] = [];
  const batcher = new MicroBatcher<number, number>(async (requests) => {
    beforeRun(batches.push([...requests]));
    await new Promise(setImmediate);
    if (requests.some((request) => request < 0)) throw new Error('negative');
    return requests.map((request) => 2 * request);
  }, largestBatch);
  return { batcher, batches };
}

describe('MicroBatcher', () => {
  it('runs requests of one turn together, in order, up to the largest batch', async () => {
    const { batcher, batches } = doubler(3);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((request) => batcher.submit(request, live)));
    expect(answers).toEqual([2, 4, 6, 8, 10, 12, 14]);
    expect(batches).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  });

  it('starts a new batch for requests of a later turn', async () => {
    const { batcher, batches } = doubler(64);
    expect(await batcher.submit(1, live)).toBe(2);
    expect(await batcher.submit(2, live)).toBe(4);
    expect(batches).toEqual([[1], [2]]);
  });

  it('fails every request of a failing batch and none of another', async () => {
    const { batcher } = doubler(2);
    const outcomes = await Promise.allSettled([1, -1, 3, 4].map((request) => batcher.submit(request, live)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await batcher.submit(5, live)).toBe(10);
  });

  it('drops what is cancelled before its batch runs, also while an earlier batch runs', async () => {
    const [early, late] = [new AbortController(), new AbortController()];
    const { batcher, batches } = doubler(2, (batch) => {
      if (batch === 1) late.abort();
    });
    const signals = [live, early.signal, live, late.signal];
    const submitted = signals.map((signal, i) => batcher.submit(i, signal));
    early.abort();
    const outcomes = await Promise.allSettled(submitted);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(outcomes[3]).toMatchObject({ reason: { code: 'CANCELLED' } });
    expect(batches).toEqual([[0], [2]]);
  });

  it('runs nothing when all are cancelled', async () => {
    const { batcher, batches } = doubler(2);
    await expect(batcher.submit(1, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(batches).toEqual([]);
  });
});
