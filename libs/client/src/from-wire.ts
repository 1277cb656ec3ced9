import {
  BasicScore,
  Channel as WireChannel,
  DropReason as WireDropReason,
  Outcome as WireOutcome,
  type RecallResponse as WireResponse,
} from '@mic/contracts';
import type { BasicScoreName, ChannelName, DropReasonName, OutcomeName, RecallResponse } from './responses';

const CHANNEL: Readonly<Record<WireChannel, ChannelName>> = {
  [WireChannel.CHANNEL_U2I]: 'U2I',
  [WireChannel.CHANNEL_U2U2I]: 'U2U2I',
  [WireChannel.CHANNEL_U2I2I]: 'U2I2I',
  [WireChannel.CHANNEL_POPULAR]: 'POPULAR',
  [WireChannel.CHANNEL_UNSPECIFIED]: 'UNKNOWN',
  [WireChannel.UNRECOGNIZED]: 'UNKNOWN',
};

const OUTCOME: Readonly<Record<WireOutcome, OutcomeName>> = {
  [WireOutcome.OUTCOME_OK]: 'OK',
  [WireOutcome.OUTCOME_EMPTY]: 'EMPTY',
  [WireOutcome.OUTCOME_LATE]: 'LATE',
  [WireOutcome.OUTCOME_FAILED]: 'FAILED',
  [WireOutcome.OUTCOME_SHED]: 'SHED',
  [WireOutcome.OUTCOME_DISABLED]: 'DISABLED',
  [WireOutcome.OUTCOME_UNSPECIFIED]: 'UNKNOWN',
  [WireOutcome.UNRECOGNIZED]: 'UNKNOWN',
};

const BASIC_SCORE: Readonly<Record<BasicScore, BasicScoreName>> = {
  [BasicScore.BASIC_SCORE_USER_VECTOR]: 'USER_VECTOR',
  [BasicScore.BASIC_SCORE_CHANNEL_SIMILARITY]: 'CHANNEL_SIMILARITY',
  [BasicScore.BASIC_SCORE_UNSPECIFIED]: 'UNKNOWN',
  [BasicScore.UNRECOGNIZED]: 'UNKNOWN',
};

const DROP_REASON: Readonly<Record<WireDropReason, DropReasonName>> = {
  [WireDropReason.DROP_REASON_SEEN]: 'SEEN',
  [WireDropReason.DROP_REASON_EXCLUDED]: 'EXCLUDED',
  [WireDropReason.DROP_REASON_FILTERED]: 'FILTERED',
  [WireDropReason.DROP_REASON_HIDDEN]: 'HIDDEN',
  [WireDropReason.DROP_REASON_QUOTA]: 'QUOTA',
  [WireDropReason.DROP_REASON_RANK]: 'RANK',
  [WireDropReason.DROP_REASON_UNSPECIFIED]: 'UNKNOWN',
  [WireDropReason.UNRECOGNIZED]: 'UNKNOWN',
};

/** A response with names in the places of enum values. */
export function fromWireResponse(wire: WireResponse): RecallResponse {
  return {
    ...wire,
    basicScore: BASIC_SCORE[wire.basicScore],
    items: wire.items.map((item) => ({
      ...item,
      sources: item.sources.map((source) => ({ ...source, channel: CHANNEL[source.channel] })),
    })),
    channels: wire.channels.map((report) => ({
      ...report,
      channel: CHANNEL[report.channel],
      outcome: OUTCOME[report.outcome],
    })),
    dropped: wire.dropped.map((candidate) => ({
      ...candidate,
      reason: DROP_REASON[candidate.reason],
      channels: candidate.channels.map((channel) => CHANNEL[channel]),
    })),
  };
}
