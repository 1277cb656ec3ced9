import type { MethodDefinition } from '@grpc/grpc-js';
import { MicError, parseReleaseId } from '@mic/domain';
import type { CallOptions, ReleaseSummary } from '@mic/recall';
import type { ServiceHandlers } from '@mic/rpc';
import { noRelease, OpenReleases } from '@mic/service-host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rejection, WAYS, type Caller } from './callers';

/** The release that the services of these suites have open. */
export const OPEN: ReleaseSummary = {
  releaseId: parseReleaseId('r20240102030405-0badcafe'),
  manifestSha256: 'a'.repeat(64),
  parentId: 'r20240101030405-0badcafe',
  createdAt: '2024-01-02T03:04:05.000Z',
  encoder: 'pooled',
  dimension: 2,
  featureSchemaSha256: 'b'.repeat(64),
  users: 3,
  items: 6,
};

/** A service's releases: the open one, with what the service has of it. */
export async function holding<T>(value: T): Promise<OpenReleases<T>> {
  const close = () => Promise.resolve();
  const open = () => Promise.resolve({ summary: OPEN, value, close });
  const releases = new OpenReleases({ open }, { most: 2, lingerMs: 0 });
  await releases.follow({ ...OPEN, movedAtMs: 0 });
  return releases;
}

/** A port that answers only its signal, and counts. */
export class HangingPort {
  entered = 0;
  stopped = 0;

  readonly call = (...args: readonly unknown[]): Promise<never> => {
    this.entered++;
    const { signal } = args.at(-1) as CallOptions;
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.stopped++;
        reject(new MicError('CANCELLED', 'stopped'));
      });
    });
  };
}

export interface InternalRpc<Request> {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly method: MethodDefinition<Request, any>;
  /** A good request. */
  readonly request: Request & { readonly releaseId: string; readonly manifestSha256: string };
  /** The service over what it serves from. */
  readonly open: () => ServiceHandlers | Promise<ServiceHandlers>;
  /** The service over a function that throws what it has instead of something to serve from. */
  readonly throwing: (error: () => MicError) => ServiceHandlers;
  /** The service over a port whose call is this one. */
  readonly over: (call: (...args: readonly unknown[]) => Promise<never>) => ServiceHandlers | Promise<ServiceHandlers>;
}

/** What the protos promise of every internal RPC, whatever it does. */
export function internalRpc<Request>(rpc: InternalRpc<Request>): void {
  const { method, request } = rpc;

  describe.each(WAYS)(`${method.path} %s`, (_way, open) => {
    const callers: Caller[] = [];
    const opened = async (...args: Parameters<typeof open>): Promise<Caller> => {
      const caller = await open(...args);
      callers.push(caller);
      return caller;
    };
    let caller: Caller;
    beforeAll(async () => {
      caller = await opened([await rpc.open()]);
    });
    afterAll(() => Promise.all(callers.map((one) => one.close())));

    it('answers with the release of the request', async () => {
      expect(await caller.call(method, request)).toMatchObject({ releaseId: OPEN.releaseId });
      const sealed = { ...request, manifestSha256: OPEN.manifestSha256 };
      expect(await caller.call(method, sealed)).toMatchObject({ releaseId: OPEN.releaseId });
    });

    it.each([
      ['another release', { releaseId: 'r1' }, /r1/],
      ['no release', { releaseId: '' }, /release/],
      ['what is no release id', { releaseId: '../r' }, /\.\.\/r/],
      ['other content', { manifestSha256: 'c'.repeat(64) }, /content/],
    ])('FAILED_PRECONDITION: %s', async (_name, wrong, message) => {
      const error = await rejection(caller.call(method, { ...request, ...wrong }));
      expect(error.code).toBe('FAILED_PRECONDITION');
      expect(error.message).toMatch(message);
      expect(error.remedy).toBeTruthy();
    });

    it('UNAVAILABLE before a release is open', async () => {
      const closed = await opened([rpc.throwing(noRelease)]);
      expect(await rejection(closed.call(method, request))).toMatchObject({
        code: 'UNAVAILABLE',
        remedy: expect.stringContaining('publish'),
      });
    });

    it('the status of what it serves from; INTERNAL, without its text, for a defect', async () => {
      for (const code of ['DATA_LOSS', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED'] as const) {
        const failing = await opened([await rpc.over(() => Promise.reject(new MicError(code, 'it says')))]);
        expect(await rejection(failing.call(method, request))).toMatchObject({ code, message: 'it says' });
      }
      const broken = await opened([await rpc.over(() => Promise.reject(new TypeError('secret')))]);
      expect(await rejection(broken.call(method, request))).toMatchObject({
        code: 'INTERNAL',
        message: 'internal error',
        remedy: expect.stringContaining('request id'),
      });
    });

    it('RESOURCE_EXHAUSTED when too many calls run already', async () => {
      const port = new HangingPort();
      const full = await opened([await rpc.over(port.call)], { maxConcurrentCalls: 1 });
      const abort = new AbortController();
      const first = rejection(full.call(method, request, { signal: abort.signal }));
      await expect.poll(() => port.entered).toBe(1);
      expect(await rejection(full.call(method, request))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
      expect(port.entered).toBe(1);
      abort.abort();
      await first;
    });

    it('DEADLINE_EXCEEDED in time, and what it calls is told to stop', async () => {
      const port = new HangingPort();
      const late = await opened([await rpc.over(port.call)]);
      const error = await rejection(late.call(method, request, { deadlineMs: 60 }));
      expect(error.code).toBe('DEADLINE_EXCEEDED');
      await expect.poll(() => port.stopped).toBe(1);
    });

    it('CANCELLED when the caller cancels, and what it calls is told to stop', async () => {
      const port = new HangingPort();
      const hanging = await opened([await rpc.over(port.call)]);
      const abort = new AbortController();
      const call = rejection(hanging.call(method, request, { signal: abort.signal }));
      await expect.poll(() => port.entered).toBe(1);
      abort.abort();
      expect((await call).code).toBe('CANCELLED');
      await expect.poll(() => port.stopped).toBe(1);
    });
  });
}

/** A suite that must hold both ways. */
export function bothWays(
  name: string,
  services: () => readonly ServiceHandlers[] | Promise<readonly ServiceHandlers[]>,
  suite: (caller: Caller) => void,
): void {
  describe.each(WAYS)(`${name} %s`, (_way, open) => {
    let caller: Caller | undefined;
    beforeAll(async () => {
      caller = await open(await services());
    });
    afterAll(() => caller?.close());
    suite({
      call: (...args) => caller!.call(...args),
      stream: (...args) => caller!.stream(...args),
      duplex: (...args) => caller!.duplex(...args),
      drain: () => {
        caller!.drain();
      },
      close: () => Promise.resolve(),
    });
  });
}
