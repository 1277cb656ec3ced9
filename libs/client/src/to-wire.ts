import {
  AppendEventsRequest,
  Channel as WireChannel,
  RecallRequest as WireRecallRequest,
  UpsertItemsRequest,
  type FieldValue as WireFieldValue,
} from '@mic/contracts';
import type { Channel } from '@mic/domain';
import { refused } from './call-error';
import type { Event, FieldValue, Fields, Item, Overrides, RecallRequest, Time } from './requests';

const WIRE_CHANNEL: Readonly<Record<Channel, WireChannel>> = {
  U2I: WireChannel.CHANNEL_U2I,
  U2U2I: WireChannel.CHANNEL_U2U2I,
  U2I2I: WireChannel.CHANNEL_U2I2I,
  POPULAR: WireChannel.CHANNEL_POPULAR,
};

const LARGEST_UINT32 = 2 ** 32 - 1;

/** @throws MicError INVALID_ARGUMENT for what the wire cannot carry; ranges are the service's affair. */
export function toWireRequest(request: RecallRequest): WireRecallRequest {
  const { inlineHistory = [], userFields = {}, overrides } = request;
  return WireRecallRequest.fromPartial({
    userId: request.userId,
    n: whole('n', request.n),
    profile: request.profile,
    releaseId: request.releaseId,
    inlineHistory: inlineHistory.map(({ itemId, time, weight }, index) => ({
      itemId,
      timeMs: timeMsOf(`inline_history[${index}].time_ms`, time),
      weight,
    })),
    excludeItemIds: [...(request.excludeItemIds ?? [])],
    categories: [...(request.categories ?? [])],
    onlyItemIds: [...(request.onlyItemIds ?? [])],
    includeSeen: request.includeSeen,
    explain: request.explain,
    userFields: toWireFields(userFields),
    overrides: overrides && toWireOverrides(overrides),
  });
}

/** @throws MicError INVALID_ARGUMENT for a time that is no moment. */
export function toWireEvents(events: readonly Event[]): AppendEventsRequest {
  return AppendEventsRequest.fromPartial({
    events: events.map(({ userId, itemId, time, weight }, index) => ({
      userId,
      itemId,
      timeMs: timeMsOf(`events[${index}].time_ms`, time),
      weight,
    })),
  });
}

export function toWireItems(items: readonly Item[]): UpsertItemsRequest {
  return UpsertItemsRequest.fromPartial({
    items: items.map(({ itemId, fields }) => ({ itemId, fields: toWireFields(fields) })),
  });
}

function toWireFields(fields: Fields): Record<string, WireFieldValue> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, toWireValue(value)]));
}

function toWireValue(value: FieldValue): WireFieldValue {
  if (typeof value === 'string') return { text: value };
  return typeof value === 'number' ? { number: value } : { texts: { values: [...value] } };
}

function toWireOverrides({ channels = {}, weights }: Overrides) {
  return {
    channels: (Object.keys(channels) as Channel[]).map((name) => {
      const { quota, triggers, perTrigger, ef, ...others } = channels[name] ?? {};
      const counts = { quota, triggers, perTrigger, ef };
      for (const [field, value] of Object.entries(counts)) whole(`overrides.channels.${name}.${field}`, value);
      return { channel: WIRE_CHANNEL[name], ...others, ...counts };
    }),
    weights,
  };
}

function timeMsOf(subject: string, time: Time): number {
  const timeMs = Number(time);
  if (Number.isSafeInteger(timeMs)) return timeMs;
  throw refused(
    subject,
    `is ${timeMs}, which is no moment`,
    'give a valid Date, or whole milliseconds since 1970 in UTC',
  );
}

function whole<N extends number | undefined>(subject: string, value: N): N {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= LARGEST_UINT32)) return value;
  throw refused(subject, `is ${value}, which is no count`, 'give a whole number');
}
