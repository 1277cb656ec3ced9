import type { ChannelOutcome } from '@mic/domain';
import {
  BasicScore,
  DropReason as WireDropReason,
  Outcome,
  type RecallError,
  type RecallResponse as WireResponse,
} from '@mic/contracts';
import type { MicError } from '@mic/domain';
import type { DropReason, RecallResult } from '@mic/recall';
import { WIRE_CHANNEL } from './channel-names';

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

const WIRE_DROP_REASON: Record<DropReason, WireDropReason> = {
  SEEN: WireDropReason.DROP_REASON_SEEN,
  EXCLUDED: WireDropReason.DROP_REASON_EXCLUDED,
  FILTERED: WireDropReason.DROP_REASON_FILTERED,
  HIDDEN: WireDropReason.DROP_REASON_HIDDEN,
  QUOTA: WireDropReason.DROP_REASON_QUOTA,
  RANK: WireDropReason.DROP_REASON_RANK,
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
        because: source.because ?? '',
        triggers: (source.triggers ?? []).map((trigger) => ({ ...trigger })),
      })),
      parts: item.parts === undefined ? undefined : { ...item.parts },
    })),
    channels: result.channels.map((report) => ({
      channel: WIRE_CHANNEL[report.channel],
      outcome: WIRE_OUTCOME[report.outcome],
      candidates: report.candidates,
      elapsedMs: report.elapsedMs,
      message: report.message,
      shrunk: [...report.shrunk],
    })),
    itemsRevision: result.itemsRevision,
    dropped: result.dropped.map((candidate) => ({
      itemId: candidate.itemId,
      reason: WIRE_DROP_REASON[candidate.reason],
      channels: candidate.channels.map((channel) => WIRE_CHANNEL[channel]),
      score: candidate.score,
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
