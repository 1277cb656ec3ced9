import type { ChannelOverride as WireChannelOverride, Overrides as WireOverrides } from '@mic/contracts';
import { CHANNELS, MicError, type Channel } from '@mic/domain';
import type { ChannelOverride, RecallOverrides } from '@mic/recall';
import { WIRE_CHANNEL } from './channel-names';

/**
 * Overrides as the recall path takes them, which knows how far they may go.
 * @throws MicError INVALID_ARGUMENT for a channel that is not set, or set twice.
 */
export function toOverrides({ channels, weights }: WireOverrides): RecallOverrides {
  const byName: Partial<Record<Channel, ChannelOverride>> = {};
  channels.forEach((override, index) => {
    const name = channelOf(override, `overrides.channels[${index}].channel`);
    if (byName[name]) throw invalid(`overrides.channels[${index}].channel`, `names ${name} a second time`);
    byName[name] = given({ ...override, channel: undefined });
  });
  return { channels: byName, weights: given({ ...weights }) };
}

function channelOf({ channel }: WireChannelOverride, field: string): Channel {
  const name = CHANNELS.find((one) => WIRE_CHANNEL[one] === channel);
  if (name) return name;
  throw invalid(field, 'is not set, or no channel');
}

/** Without the fields that are absent. */
const given = <T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };

function invalid(subject: string, message: string): MicError {
  const remedy = `name each channel once: ${CHANNELS.join(', ')}`;
  return new MicError('INVALID_ARGUMENT', `${subject} ${message}`, { subject, remedy });
}
