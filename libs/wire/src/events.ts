import { AppendEventsRequest } from '@mic/contracts';
import type { Interaction } from '@mic/domain';
import { checkCount, checkId, checkTimeMs, checkWeight } from './checks';
import { MAX_EVENTS_PER_CALL } from './limits';

/** Checks the events of a call, all before any is stored. @throws MicError INVALID_ARGUMENT that names the field. */
export function toInteractions(wire: Pick<AppendEventsRequest, 'events'>): Interaction[] {
  checkCount('events', wire.events.length, 1, MAX_EVENTS_PER_CALL);
  return wire.events.map((event, index) => ({
    userId: checkId(`events[${index}].user_id`, event.userId),
    itemId: checkId(`events[${index}].item_id`, event.itemId),
    timeMs: checkTimeMs(`events[${index}].time_ms`, event.timeMs),
    weight: checkWeight(`events[${index}].weight`, event.weight),
  }));
}

/** Events as the protos have them. */
export function fromInteractions(events: readonly Interaction[]): AppendEventsRequest {
  return AppendEventsRequest.fromPartial({ events: events.map((event) => ({ ...event })) });
}
