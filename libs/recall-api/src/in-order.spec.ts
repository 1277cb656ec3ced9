import { describe, expect, it } from 'vitest';
import { inOrder } from './in-order';

/** Work that ends when it is told to, and what was begun. */
class Bench {
  readonly begun: number[] = [];
  readonly #ends = new Map<number, () => void>();

  readonly work = (input: number, index: number): Promise<string> => {
    this.begun.push(input);
    return new Promise((resolve) => {
      this.#ends.set(input, () => {
        resolve(`${input} at ${index}`);
      });
    });
  };

  async end(...inputs: number[]): Promise<void> {
    for (const input of inputs) {
      await expect.poll(() => this.#ends.has(input)).toBe(true);
      this.#ends.get(input)!();
    }
  }
}

async function* numbers(count: number, read: number[] = [], failure?: Error): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) {
    await Promise.resolve();
    read.push(i);
    yield i;
  }
  if (failure) throw failure;
}

async function collect(outputs: AsyncIterable<string>, into: string[]): Promise<void> {
  for await (const output of outputs) into.push(output);
}

describe('inOrder', () => {
  it('gives outputs in the order of the inputs, whichever ends first', async () => {
    const bench = new Bench();
    const given: string[] = [];
    const over = collect(inOrder(numbers(3), 3, bench.work), given);
    await bench.end(2, 1);
    expect(given).toEqual([]);
    await bench.end(0);
    await over;
    expect(given).toEqual(['0 at 0', '1 at 1', '2 at 2']);
  });

  it('gives an output while the next input is not there', async () => {
    const inputs = (async function* () {
      yield 0;
      await new Promise(() => undefined);
    })();
    const { value } = await inOrder(inputs, 8, (input) => Promise.resolve(`${input}`)).next();
    expect(value).toBe('0');
  });

  it('begins at most the limit, the ones not taken included, and reads one ahead', async () => {
    const bench = new Bench();
    const read: number[] = [];
    const outputs = inOrder(numbers(9, read), 2, bench.work);
    const first = outputs.next();
    await bench.end(1, 0);
    expect(await first).toMatchObject({ value: '0 at 0' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(bench.begun).toEqual([0, 1]);
    expect(read).toEqual([0, 1, 2]);
    expect(await outputs.next()).toMatchObject({ value: '1 at 1' });
    const third = outputs.next();
    await bench.end(2);
    expect(await third).toMatchObject({ value: '2 at 2' });
    expect(bench.begun).toEqual([0, 1, 2, 3]);
  });

  it('throws what reading throws, behind the outputs before', async () => {
    const bench = new Bench();
    const given: string[] = [];
    const over = collect(inOrder(numbers(2, [], new Error('gone')), 8, bench.work), given);
    await bench.end(1, 0);
    await expect(over).rejects.toThrow('gone');
    expect(given).toEqual(['0 at 0', '1 at 1']);
  });

  it('gives nothing for nothing', async () => {
    const given: string[] = [];
    await collect(inOrder(numbers(0), 8, new Bench().work), given);
    expect(given).toEqual([]);
  });
});
