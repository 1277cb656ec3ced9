import { EventServiceService, ItemServiceService, RecallServiceService } from '@mic/contracts';
import type { CallOptions, HistoryWriter, ItemWriter, RecallService } from '@mic/recall';
import { serviceHandlers, type CallContext, type ServiceHandlers } from '@mic/rpc';
import { checkCount, toInteractions, toItemIds, toItems, within } from '@mic/wire';
import { appendEventStream } from './append-event-stream';
import { batchRecall } from './batch-recall';
import { MAX_BATCH } from './limits';
import type { DefectListener } from './recall-answer';
import { toRecallRequest } from './recall-request';
import { toWireResponse } from './recall-response';
import { recallStream } from './recall-stream';

export interface RecallApiOptions {
  readonly recall: RecallService;
  readonly history: HistoryWriter;
  readonly items: ItemWriter;
  /** Largest `n` of a request, 1 or more. */
  maxN(): number;
}

/** The public API as startServer takes it: RecallService, EventService and ItemService. */
export function recallApi({ recall, history, items, maxN }: RecallApiOptions): ServiceHandlers[] {
  return [
    serviceHandlers(RecallServiceService, {
      async recall(wire, context) {
        const request = toRecallRequest(wire, context.requestId, maxN());
        const leftMs = context.deadlineLeftMs();
        // The last of its time may have passed since it was let in.
        const pressed = context.isPressed || leftMs === 0 ? { ...request, isPressed: true } : request;
        return toWireResponse(await recall.recall(pressed, leftMs, context.signal));
      },
      async batchRecall(wire, context) {
        checkCount('requests', wire.requests.length, 1, MAX_BATCH);
        const requests = wire.requests.map((request, index) =>
          within(`requests[${index}]`, () => toRecallRequest(request, `${context.requestId}/${index}`, maxN())),
        );
        return {
          results: await batchRecall(recall, requests, context.deadlineLeftMs(), context.signal, defectsOf(context)),
        };
      },
      recallStream: (requests, context) => recallStream(recall, requests, context, maxN, defectsOf(context)),
    }),
    serviceHandlers(EventServiceService, {
      async appendEvents(wire, context) {
        return history.appendEvents(toInteractions(wire), optionsOf(context));
      },
      appendEventStream: (requests, context) => appendEventStream(history, requests, context),
    }),
    serviceHandlers(ItemServiceService, {
      async upsertItems(wire, context) {
        return { revision: await items.upsertItems(toItems(wire), optionsOf(context)) };
      },
      async removeItems(wire, context) {
        return { revision: await items.removeItems(toItemIds(wire), optionsOf(context)) };
      },
    }),
  ];
}

const optionsOf = ({ signal, requestId, deadlineLeftMs }: CallContext): CallOptions => ({
  signal,
  requestId,
  timeoutMs: deadlineLeftMs(),
});

const defectsOf =
  ({ logger }: CallContext): DefectListener =>
  (err, requestId) => {
    logger.error({ err, requestId }, 'recall of one request among several failed');
  };
