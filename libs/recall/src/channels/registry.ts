import type { Channel } from '@mic/domain';
import type { RecallChannel } from '../channel';
import { popular, popularSettings } from './popular';
import { u2i, u2iSettings } from './u2i';
import { u2i2i, u2i2iSettings } from './u2i2i';
import { u2u2i, u2u2iSettings } from './u2u2i';

/**
 * All channels, in the order in which responses list them, with what a profile may tell them. A new channel is a file here and
 * a line below; the compiler then asks for its name and number on the wire (CONTRIBUTING.md).
 */
const REGISTRY = {
  U2I: { channel: u2i, settings: u2iSettings },
  U2U2I: { channel: u2u2i, settings: u2u2iSettings },
  U2I2I: { channel: u2i2i, settings: u2i2iSettings },
  POPULAR: { channel: popular, settings: popularSettings },
} as const satisfies Record<Channel, { readonly channel: RecallChannel; readonly settings: unknown }>;

export const RECALL_CHANNELS: readonly RecallChannel[] = Object.values(REGISTRY).map(({ channel }) => channel);

/** The channel of that name. */
export const channelNamed = (name: Channel): RecallChannel => REGISTRY[name].channel;

/** What a profile may tell each channel. */
export const CHANNEL_SETTINGS = Object.fromEntries(
  Object.entries(REGISTRY).map(([name, { settings }]) => [name, settings]),
) as { readonly [name in Channel]: (typeof REGISTRY)[name]['settings'] };
