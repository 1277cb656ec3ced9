import type { RecallChannel } from '../channel';
import { popular } from './popular';
import { u2i } from './u2i';
import { u2i2i } from './u2i2i';
import { u2u2i } from './u2u2i';

/** All channels, in the order in which responses list them. A new channel is a file here and a line below. */
export const RECALL_CHANNELS: readonly RecallChannel[] = [u2i, u2u2i, u2i2i, popular];

/** The channel of that name. */
export const channelNamed = (name: RecallChannel['name']): RecallChannel =>
  RECALL_CHANNELS.find((channel) => channel.name === name)!;
