import { EventServiceService, RecallServiceService } from '@mic/contracts';
import type { HistoryWriter, RecallService } from '@mic/recall';
import { serviceHandlers, type ServiceHandlers } from '@mic/rpc';
import { checkCount, toInteractions, within } from '@mic/wire';
import { appendEventStream } from './append-event-stream';
import { batchRecall } from './batch-recall';
import { MAX_BATCH } from './limits';
import { toRecallRequest } from './recall-request';
import { toWireResponse } from './recall-response';

export interface RecallApiOptions {
  readonly recall: RecallService;
  readonly history: HistoryWriter;
  /** Largest `n` of a request, 1 or more. */
  maxN(): number;
}

/** The public API, mic.recall.v1.RecallService and mic.event.v1.EventService, as startServer takes it. */
export function recallApi({ recall, history, maxN }: RecallApiOptions): ServiceHandlers[] {
  return [
    serviceHandlers(RecallServiceService, {
      async recall(wire, context) {
        const request = toRecallRequest(wire, context.requestId, maxN());
        return toWireResponse(await recall.recall(request, context.deadlineLeftMs(), context.signal));
      },
      async batchRecall(wire, context) {
        checkCount('requests', wire.requests.length, 1, MAX_BATCH);
        const requests = wire.requests.map((request, index) =>
          within(`requests[${index}]`, () => toRecallRequest(request, `${context.requestId}/${index}`, maxN())),
        );
        const onDefect = (err: unknown, requestId: string): void => {
          context.logger.error({ err, requestId }, 'recall in a batch failed');
        };
        return {
          results: await batchRecall(recall, requests, context.deadlineLeftMs(), context.signal, onDefect),
        };
      },
    }),
    serviceHandlers(EventServiceService, {
      async appendEvents(wire, { signal, requestId, deadlineLeftMs }) {
        return history.appendEvents(toInteractions(wire), { signal, requestId, timeoutMs: deadlineLeftMs() });
      },
      appendEventStream: (requests, context) => appendEventStream(history, requests, context),
    }),
  ];
}
