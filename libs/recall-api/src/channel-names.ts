import { Channel as WireChannel } from '@mic/contracts';
import type { Channel } from '@mic/domain';

/** Channels as the protos number them. */
export const WIRE_CHANNEL: Readonly<Record<Channel, WireChannel>> = {
  U2I: WireChannel.CHANNEL_U2I,
  U2U2I: WireChannel.CHANNEL_U2U2I,
  U2I2I: WireChannel.CHANNEL_U2I2I,
  POPULAR: WireChannel.CHANNEL_POPULAR,
};
