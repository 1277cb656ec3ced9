import { describe, expect, it } from 'vitest';
import { PendingRequests } from './pending-requests';
import type { RecallRequest } from './requests';

function* users(count: number, read: number[] = []): Generator<RecallRequest> {
  for (let i = 0; i < count; i++) {
    read.push(i);
    yield { userId: `u${i}` };
  }
}
type Sending = ReturnType<PendingRequests['send']>;
const next = async (sending: Sending): Promise<string | undefined> => {
  const { done, value } = await sending.next();
  return done === true ? undefined : value.request!.userId;
};

describe('PendingRequests', () => {
  it('sends again what was not answered, then the rest', async () => {
    const pending = new PendingRequests(users(4));
    const first = pending.send();
    expect([await next(first), await next(first), await next(first)]).toEqual(['u0', 'u1', 'u2']);
    expect(pending.take()!.request.userId).toBe('u0');
    const second = pending.send();
    expect([await next(second), await next(second), await next(second)]).toEqual(['u1', 'u2', 'u3']);
    expect(await next(second)).toBeUndefined();
    expect(pending.isDone).toBe(false);
    expect([1, 2, 3].map(() => pending.take()!.request.userId)).toEqual(['u1', 'u2', 'u3']);
    expect(pending.isDone).toBe(true);
    expect(pending.take()).toBeUndefined();
  });

  it('loses nothing that the source gives while no stream waits for it any more', async () => {
    let give = (): void => undefined;
    const source = (async function* () {
      yield { userId: 'a' };
      await new Promise<void>((resolve) => (give = resolve));
      yield { userId: 'b' };
    })();
    const pending = new PendingRequests(source);
    const first = pending.send();
    expect(await next(first)).toBe('a');
    const stale = next(first); // its stream is cut now
    const second = pending.send();
    expect(await next(second)).toBe('a');
    const fresh = next(second);
    await new Promise((resolve) => setImmediate(resolve));
    give();
    expect([await stale, await fresh]).toEqual(['b', 'b']);
  });

  it('reads 32 ahead of the answers and no more', async () => {
    const read: number[] = [];
    const pending = new PendingRequests(users(100, read));
    const sending = pending.send();
    for (let i = 0; i < 32; i++) await next(sending);
    const waiting = next(sending);
    await new Promise((resolve) => setImmediate(resolve));
    expect(read.length).toBe(32);
    pending.take();
    expect(await waiting).toBe('u32');
    expect(read.length).toBe(33);
  });

  it('keeps the place of what cannot be sent', async () => {
    const pending = new PendingRequests([{ userId: 'a', n: 0.5 }, { userId: 'b' }]);
    const sending = pending.send();
    expect([await next(sending), await next(sending)]).toEqual(['', 'b']);
    expect(pending.take()!.error).toMatchObject({ code: 'INVALID_ARGUMENT', subject: 'n' });
    expect(pending.take()!.error).toBeUndefined();
  });

  it('throws what the source throws, in every stream, and lets the source go', async () => {
    const broken = new PendingRequests(
      (function* (): Generator<RecallRequest> {
        throw new Error('the source is gone');
      })(),
    );
    await expect(next(broken.send())).rejects.toThrow('the source is gone');
    await expect(next(broken.send())).rejects.toThrow('the source is gone');
    expect(broken.isBroken).toBe(true);

    let isLetGo = false;
    const pending = new PendingRequests(
      (function* () {
        try {
          yield* users(9);
        } finally {
          isLetGo = true;
        }
      })(),
    );
    await next(pending.send());
    pending.close();
    await expect.poll(() => isLetGo).toBe(true);
  });
});
