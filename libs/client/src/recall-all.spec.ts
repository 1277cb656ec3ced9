import { RecallStreamResponse } from '@mic/contracts';
import { MicError } from '@mic/domain';
import { describe, expect, it } from 'vitest';
import { recallAll, type OpenStream } from './recall-all';

const away = (): MicError => new MicError('UNAVAILABLE', 'away');

/** Streams of which the first `ends` end without an answer; the others answer. */
function streams(ends: number): { readonly open: OpenStream; readonly ids: string[] } {
  const ids: string[] = [];
  const open: OpenStream = async function* (requests, { requestId }) {
    ids.push(requestId!);
    if (ids.length <= ends) throw away();
    for await (const { request } of requests) {
      yield RecallStreamResponse.fromPartial({ result: { response: { userId: request!.userId } } });
    }
  };
  return { open, ids };
}

async function count(answers: AsyncIterable<unknown>): Promise<number> {
  const iterator = answers[Symbol.asyncIterator]();
  let all = 0;
  while ((await iterator.next()).done !== true) all++;
  return all;
}

describe('recallAll', () => {
  it('tries again after 7 streams that end at once, and not after 8', async () => {
    const seven = streams(7);
    const eight = streams(8);
    const [answers, given] = await Promise.all([
      count(recallAll(seven.open, [{ userId: 'u' }], { requestId: 'q' })),
      count(recallAll(eight.open, [{ userId: 'u' }], { requestId: 'q' })).catch((error: unknown) => error),
    ]);
    expect(answers).toBe(1);
    expect(seven.ids.at(-1)).toBe('q-8');
    expect(given).toMatchObject({ name: 'MicCallError', code: 'UNAVAILABLE', requestId: 'q-8' });
    expect(eight.ids.length).toBe(8);
  });

  it('does not count streams that lived, though nothing was asked in them', async () => {
    const { open, ids } = streams(9);
    expect(await count(recallAll(open, [{ userId: 'u' }], { requestId: 'q' }, 0))).toBe(1);
    expect(ids.length).toBe(10);
  });

  it('refuses what contradicts the proto', async () => {
    const told = (open: OpenStream) =>
      count(recallAll(open, [{ userId: 'u' }], { requestId: 'q' })).catch((error: unknown) => error);
    const tooFew: OpenStream = async function* () {
      // No answer to the request.
    };
    expect(await told(tooFew)).toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('before the last') });
    const tooMany: OpenStream = async function* () {
      yield RecallStreamResponse.create();
    };
    expect(await told(tooMany)).toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('more answers') });
    const empty: OpenStream = async function* (requests) {
      for await (const { request } of requests) if (request) yield RecallStreamResponse.create();
    };
    expect(await told(empty)).toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('without response') });
  });
});
