import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { MicError, parseReleaseId } from '@mic/domain';
import { errorOfStatus, statusOfError, type UnaryOptions } from '@mic/rpc';
import { describe, expect, it } from 'vitest';
import { ServiceCaller, wantedOnWire } from './service-caller';
import { Silence } from './silence';

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
    const answer = await new ServiceCaller('ann-service').call(optionsOf(), (options) => {
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
      const call = new ServiceCaller('ann-service').call(optionsOf(controller.signal), (options) => {
        signal = options.signal;
        controller.abort(reason);
        return Promise.resolve(0);
      });
      await call;
      expect(signal!.aborted).toBe(cancelled);
    }
  });

  it('says whose error it is, and keeps what to do about it', async () => {
    const call = new ServiceCaller('ann-service').call(optionsOf(), () => Promise.reject(told('FAILED_PRECONDITION')));
    await expect(call).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'the ann-service: it says',
      remedy: 'do this',
    });
  });

  it('spares callers a service that answers nothing, whatever else it has said before', async () => {
    const caller = new ServiceCaller('ann-service');
    let asked = 0;
    const ask = (error?: MicError) =>
      caller
        .call(optionsOf(), () => {
          asked++;
          return error ? Promise.reject(error) : Promise.resolve('answer');
        })
        .catch((reason: unknown) => (reason as MicError).message);
    for (let i = 0; i < 19; i++) await ask(unanswered());
    await ask(told('DEADLINE_EXCEEDED')); // late, but alive
    for (let i = 0; i < 20; i++) await ask(unanswered());
    expect(asked).toBe(40);
    expect(await ask()).toMatch(/left the last 20 calls unanswered/);
    expect(asked).toBe(40);
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

describe('Silence', () => {
  it('lets one call in a while ask, and everyone when it is answered', () => {
    let now = 0;
    const silence = new Silence('ann-service', () => now);
    for (let i = 0; i < 20; i++) {
      silence.enter();
      silence.unanswered();
    }
    const refused = () => {
      try {
        silence.enter();
        return false;
      } catch (error) {
        expect(error).toMatchObject({ code: 'UNAVAILABLE', remedy: expect.stringContaining('100 ms') });
        return true;
      }
    };
    expect(refused()).toBe(true);
    now = 100;
    expect([refused(), refused(), refused()]).toEqual([false, true, true]);
    now = 150;
    silence.answered();
    expect([refused(), refused()]).toEqual([false, false]);
  });
});
