import { AnnServiceService } from '@mic/contracts';
import { MicError, parseReleaseId } from '@mic/domain';
import type { CallOptions } from '@mic/recall';
import { createLogger, serviceHandlers, startServer, type RunningServer } from '@mic/rpc';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ItemIndexClient } from './item-index-client';

const releaseId = parseReleaseId('r1');
const request = { releaseId, count: 1, vectors: Float32Array.of(1, 0), k: 1 };
const options = (hedgeAfterMs?: number, signal = new AbortController().signal): CallOptions => ({
  signal,
  requestId: 'spec',
  timeoutMs: 5_000,
  hedgeAfterMs,
});

/** An ann-service whose calls wait, where it is told to, until they are told what becomes of them. */
class Address {
  server!: RunningServer;
  calls = 0;
  cancelled = 0;
  waits = false;
  readonly timesLeftMs: number[] = [];
  #end: (error?: MicError) => void = () => {};

  constructor(readonly row: number) {}

  async open(): Promise<this> {
    const handlers = serviceHandlers(AnnServiceService, {
      search: async (_request, { signal, deadlineLeftMs }) => {
        this.calls++;
        this.timesLeftMs.push(deadlineLeftMs());
        if (this.waits) {
          await new Promise<void>((resolve, reject) => {
            this.#end = (error) => {
              if (error) reject(error);
              else resolve();
            };
            signal.addEventListener('abort', () => {
              this.cancelled++;
              reject(new MicError('CANCELLED', 'stopped'));
            });
          });
        }
        return { releaseId, lists: { offsets: [0, 1], rows: [this.row], scores: [1] } };
      },
    });
    const logger = createLogger({ level: 'silent', service: 'spec' });
    this.server = await startServer({ address: '127.0.0.1:0', services: [handlers], logger, drainTimeoutMs: 100 });
    return this;
  }

  answer(): void {
    this.waits = false;
    this.#end();
  }

  fail(message: string): void {
    this.#end(new MicError('INTERNAL', message));
  }
}

let one: Address;
let two: Address;
let connection: ReturnType<typeof ItemIndexClient.connect>;
let client: ItemIndexClient;
/** Calls since the connection was made. */
let made: number;
const search = async (call: CallOptions): Promise<number> => {
  made++;
  return (await client.search(request, call)).rows[0]!;
};
const calls = (): number[] => [one.calls, two.calls];

beforeEach(async () => {
  [one, two] = [await new Address(1).open(), await new Address(2).open()];
  made = 0;
  connection = ItemIndexClient.connect(`${one.server.address},${two.server.address}`);
  client = new ItemIndexClient(connection, { releaseId, manifestSha256: '' });
  // Both addresses are connected, and three hedges are earned.
  await expect.poll(async () => [await search(options()), await search(options())].sort()).toEqual([1, 2]);
  for (let i = 0; i < 30; i++) await search(options());
  [one.calls, two.calls] = [0, 0];
});
afterEach(async () => {
  connection.close();
  for (const address of [one, two]) {
    address.answer();
    await address.server.stop();
  }
});

/** Begins a search that both addresses wait with; the one that was asked first, and the other. */
async function searchOfBoth(call = options(1)): Promise<{ found: Promise<number>; first: Address; second: Address }> {
  one.waits = two.waits = true;
  const found = search(call);
  found.catch(() => undefined);
  await expect.poll(calls).toEqual([1, 1]);
  const [first, second] = one.timesLeftMs.at(-1)! > two.timesLeftMs.at(-1)! ? [one, two] : [two, one];
  return { found, first, second };
}

describe('a hedged call', () => {
  it('is answered by the next address where the first is slow, which is told to stop', async () => {
    one.waits = true;
    expect([await search(options(20)), await search(options(20))]).toEqual([2, 2]);
    // One of them, or both, asked the slow one first.
    expect(one.calls).toBeGreaterThanOrEqual(1);
    await expect.poll(() => one.cancelled).toBe(one.calls);
  });

  it('takes the first answer, whichever call it is of, and waits for the other where one fails', async () => {
    const slow = await searchOfBoth();
    slow.second.fail('the second');
    await new Promise((resolve) => setTimeout(resolve, 20));
    slow.first.answer();
    expect(await slow.found).toBe(slow.first.row);
    [one.calls, two.calls] = [0, 0];
    const broken = await searchOfBoth();
    broken.first.fail('the first');
    await new Promise((resolve) => setTimeout(resolve, 20));
    broken.second.answer();
    expect(await broken.found).toBe(broken.second.row);
  });

  it('fails with the last error where both fail', async () => {
    const { found, first, second } = await searchOfBoth();
    first.fail('the first');
    await new Promise((resolve) => setTimeout(resolve, 20));
    second.fail('the second');
    await expect(found).rejects.toMatchObject({ code: 'INTERNAL', message: 'the ann-service: the second' });
  });

  it('gives the second the time that is left, and cancels both when the caller has gone', async () => {
    const controller = new AbortController();
    const { found, first, second } = await searchOfBoth(options(200, controller.signal));
    expect(first.timesLeftMs.at(-1)! - second.timesLeftMs.at(-1)!).toBeGreaterThan(150);
    controller.abort(new MicError('CANCELLED', 'gone'));
    await expect(found).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => [one.cancelled, two.cancelled]).toEqual([1, 1]);
  });

  it('is made once where it fails or is answered before, where it is not told when, and where no time is left', async () => {
    one.waits = two.waits = true;
    const failed = search(options(2_000));
    failed.catch(() => undefined);
    await expect.poll(() => one.calls + two.calls).toBe(1);
    for (const address of [one, two]) address.fail('broken');
    await expect(failed).rejects.toMatchObject({ code: 'INTERNAL' });
    for (const call of [options(), { ...options(120), timeoutMs: 100 }]) {
      await expect(search({ ...call, timeoutMs: 100 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    }
    one.answer();
    two.answer();
    await search(options(2_000));
    expect(one.calls + two.calls).toBe(4);
  });

  it('is not made twice more often than the budget allows', async () => {
    one.waits = two.waits = true;
    const found = Array.from({ length: 7 }, () => search(options(1)).catch((error: unknown) => error));
    const allowed = 7 + Math.floor(made / 10);
    await expect.poll(() => one.calls + two.calls).toBe(allowed);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(one.calls + two.calls).toBe(allowed);
    await Promise.all([one.server.stop(), two.server.stop(), ...found]);
  });
});
