import type { Channel, ChannelOutcome } from '@mic/domain';
import {
  BasicScore,
  Channel as WireChannel,
  Outcome,
  type RecallError,
  type RecallResponse as WireResponse,
} from '@mic/contracts';
import type { MicError } from '@mic/domain';
import type { RecallResult } from '@mic/recall';

const WIRE_CHANNEL: Record<Channel, WireChannel> = {
  U2I: WireChannel.CHANNEL_U2I,
  U2U2I: WireChannel.CHANNEL_U2U2I,
  U2I2I: WireChannel.CHANNEL_U2I2I,
};

const WIRE_OUTCOME: Record<ChannelOutcome, Outcome> = {
  OK: Outcome.OUTCOME_OK,
  EMPTY: Outcome.OUTCOME_EMPTY,
  LATE: Outcome.OUTCOME_LATE,
  FAILED: Outcome.OUTCOME_FAILED,
  SHED: Outcome.OUTCOME_SHED,
  DISABLED: Outcome.OUTCOME_DISABLED,
};

const WIRE_BASIC_SCORE: Record<RecallResult['basicScore'], BasicScore> = {
  USER_VECTOR: BasicScore.BASIC_SCORE_USER_VECTOR,
  CHANNEL_SIMILARITY: BasicScore.BASIC_SCORE_CHANNEL_SIMILARITY,
};

/** A result as the protos have it. */
export function toWireResponse(result: RecallResult): WireResponse {
  return {
    userId: result.userId,
    userKnown: result.userKnown,
    requestId: result.requestId,
    releaseId: result.releaseId,
    profile: result.profile,
    profileHash: result.profileHash,
    degraded: result.degraded,
    basicScore: WIRE_BASIC_SCORE[result.basicScore],
    items: result.items.map((item) => ({
      itemId: item.itemId,
      score: item.score,
      category: item.category,
      sources: item.sources.map((source) => ({
        channel: WIRE_CHANNEL[source.channel],
        score: source.score,
        trigger: source.trigger,
      })),
      parts: item.parts === undefined ? undefined : { ...item.parts },
    })),
    channels: result.channels.map((report) => ({
      channel: WIRE_CHANNEL[report.channel],
      outcome: WIRE_OUTCOME[report.outcome],
      candidates: report.candidates,
      elapsedMs: report.elapsedMs,
      message: report.message,
    })),
  };
}

/** Why one request of a batch has no response. */
export function toWireError(error: MicError): RecallError {
  return {
    code: error.code,
    message: error.message,
    remedy: error.remedy ?? '',
    subject: error.subject ?? '',
  };
}
