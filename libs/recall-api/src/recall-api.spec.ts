import { RecallRequest } from '@mic/contracts';
import type { RecallRequest as EngineRequest, RecallService } from '@mic/recall';
import type { CallContext } from '@mic/rpc';
import { describe, expect, it } from 'vitest';
import { recallApi, type RecallApiOptions } from './recall-api';

const ENOUGH = new Error('the request is all that is wanted');

/** What the engine is asked for when a call has so much time left. */
async function askedWith(isPressed: boolean, leftMs: number): Promise<EngineRequest> {
  const asked: EngineRequest[] = [];
  const recall: RecallService = {
    recall: (request) => {
      asked.push(request);
      return Promise.reject(ENOUGH);
    },
  };
  const [service] = recallApi({ recall, maxN: () => 50 } as unknown as RecallApiOptions);
  const method = service!.methods.find(({ name }) => name === 'recall')!;
  const context = { requestId: 'id', isPressed, deadlineLeftMs: () => leftMs } as CallContext;
  const handle = method.handler as (request: RecallRequest, context: CallContext) => Promise<unknown>;
  await expect(handle(RecallRequest.fromPartial({ userId: 'u' }), context)).rejects.toBe(ENOUGH);
  return asked[0]!;
}

describe('Recall', () => {
  it('is pressed where the server says so, or its time has passed since', async () => {
    expect((await askedWith(false, 5)).isPressed).toBeUndefined();
    expect((await askedWith(true, 5)).isPressed).toBe(true);
    expect((await askedWith(false, 0)).isPressed).toBe(true);
  });
});
