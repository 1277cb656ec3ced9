import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { MicError, parseReleaseId } from '@mic/domain';
import { errorOfStatus, statusOfError, type UnaryOptions } from '@mic/rpc';
import { describe, expect, it } from 'vitest';
import type { Rpc } from './rpcs';
import { ServiceCaller, wantedOnWire } from './service-caller';
import type { BreakerEvent } from './circuit-breaker';

const late = new MicError('DEADLINE_EXCEEDED', 'time is up');
const optionsOf = (signal = new AbortController().signal) => ({ signal, requestId: 'id', timeoutMs: 40 });
/** What a client makes of a deadline that passes without a word, and of a service's own word. */
const unanswered = (): MicError =>
  errorOfStatus({
    code: status.DEADLINE_EXCEEDED,
    details: 'Deadline exceeded',
    metadata: new Metadata(),
  } as ServiceError);
const told = (code: MicError['code']): MicError => {
  const { code: number, details, metadata } = statusOfError(new MicError(code, 'it says', { remedy: 'do this' }));
  return errorOfStatus({ code: number, details, metadata } as ServiceError);
};

describe('ServiceCaller', () => {
  it('hands on time and request id, with some grace', async () => {
    let seen: UnaryOptions | undefined;
    const answer = await new ServiceCaller('ann-service').call('search', optionsOf(), (options) => {
      seen = options;
      return Promise.resolve(7);
    });
    expect(answer).toBe(7);
    expect(seen).toMatchObject({ deadlineMs: 40, graceMs: 30, requestId: 'id' });
  });

  it('cancels a call whose caller has gone, and leaves one that is late to the service', async () => {
    for (const [reason, cancelled] of [
      [new MicError('CANCELLED', 'gone'), true],
      [undefined, true],
      [late, false],
    ] as const) {
      const controller = new AbortController();
      let signal: AbortSignal | undefined;
      const call = new ServiceCaller('ann-service').call('search', optionsOf(controller.signal), (options) => {
        signal = options.signal;
        controller.abort(reason);
        return Promise.resolve(0);
      });
      await call;
      expect(signal!.aborted).toBe(cancelled);
    }
  });

  it('says whose error it is, and keeps what to do about it', async () => {
    const call = new ServiceCaller('ann-service').call('search', optionsOf(), () =>
      Promise.reject(told('FAILED_PRECONDITION')),
    );
    await expect(call).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'the ann-service: it says',
      remedy: 'do this',
    });
  });

  it('spares callers an RPC that is not answered, whatever it has said before, and leaves the others alone', async () => {
    const events: BreakerEvent[] = [];
    const caller = new ServiceCaller('ann-service', { onBreaker: (event) => events.push(event) });
    let asked = 0;
    const ask = (error?: MicError, rpc: Rpc = 'search') =>
      caller
        .call(rpc, optionsOf(), () => {
          asked++;
          return error ? Promise.reject(error) : Promise.resolve('answer');
        })
        .catch((reason: unknown) => reason as MicError);
    for (let i = 0; i < 19; i++) await ask(unanswered());
    await ask(told('DEADLINE_EXCEEDED')); // late, but alive
    for (let i = 0; i < 20; i++) await ask(unanswered());
    expect(asked).toBe(40);
    expect(await ask()).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('the ann-service failed 20 calls of search in a row'),
    });
    expect(asked).toBe(40);
    expect(await ask(undefined, 'embedUsers')).toBe('answer');
    expect(events).toMatchObject([{ service: 'ann-service', rpc: 'search', isOpen: true, faults: 20 }]);
  });

  it('makes a read once more where it is told when and has the budget, and no write', async () => {
    const caller = new ServiceCaller('neighbor-store');
    const sent = async (rpc: Rpc, hedgeAfterMs?: number): Promise<number> => {
      let count = 0;
      await caller.call(rpc, { ...optionsOf(), timeoutMs: 1_000, hedgeAfterMs }, () => {
        count++;
        return new Promise((resolve) => setTimeout(resolve, 20));
      });
      return count;
    };
    const rpcs = ['getUserContext', 'getSimilarUsersItems', 'getUsersItems', 'getSimilarItems', 'search', 'embedUsers', 'embedItems', 'appendEvents', 'upsertItems', 'removeItems'] as const; // prettier-ignore
    for (const rpc of rpcs) for (let i = 0; i < 9; i++) await caller.call(rpc, optionsOf(), () => Promise.resolve());
    const counts = [];
    for (const rpc of rpcs) counts.push(await sent(rpc, 1));
    expect(counts).toEqual([2, 2, 2, 2, 2, 2, 2, 1, 1, 1]);
    expect(await sent('search', 1)).toBe(1); // the budget is spent
    for (let i = 0; i < 8; i++) await caller.call('search', optionsOf(), () => Promise.resolve());
    expect(await sent('search')).toBe(1); // not told to
    expect(await sent('search', 1)).toBe(2);
  });

  it('refuses an answer of another release', () => {
    const caller = new ServiceCaller('ann-service');
    const [r1, r2] = [parseReleaseId('r1'), parseReleaseId('r2')];
    caller.checkAnswered(r1, 'r1');
    expect(() => {
      caller.checkAnswered(r1, 'r2');
    }).toThrow('the ann-service answered from release r2, not r1');
    const open = { releaseId: r1, manifestSha256: 'a' };
    expect(wantedOnWire(open, r1)).toEqual(open);
    expect(() => wantedOnWire(open, r2)).toThrow('release r2 is asked for, r1 is open here');
  });
});
