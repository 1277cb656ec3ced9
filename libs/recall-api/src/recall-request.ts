import { hashIds, MicError, parseReleaseId, type ReleaseId } from '@mic/domain';
import type { InlineEvent, RecallRequest as WireRequest } from '@mic/contracts';
import type { PackedHistory, RecallRequest } from '@mic/recall';
import { checkCount, checkNumber, checkText, checkTimeMs, checkWeight, toItemFields } from '@mic/wire';
import { MAX_CATEGORIES, MAX_EXCLUSIONS, MAX_INLINE_EVENTS, MAX_ONLY_ITEMS } from './limits';
import { toOverrides } from './overrides';

/**
 * Checks a request and turns it into the domain's; absent fields stay undefined.
 * @param maxN largest `n` that is answered.
 * @throws MicError INVALID_ARGUMENT that names the field, the value and the range.
 */
export function toRecallRequest(wire: WireRequest, requestId: string, maxN: number): RecallRequest {
  const userId = checkText('user_id', wire.userId);
  const n = wire.n === undefined ? undefined : checkNumber('n', wire.n, 1, maxN);
  checkCount('inline_history', wire.inlineHistory.length, 0, MAX_INLINE_EVENTS);
  checkCount('exclude_item_ids', wire.excludeItemIds.length, 0, MAX_EXCLUSIONS);
  checkCount('categories', wire.categories.length, 0, MAX_CATEGORIES);
  checkCount('only_item_ids', wire.onlyItemIds.length, 0, MAX_ONLY_ITEMS);
  return {
    requestId,
    userId,
    n,
    profile: wire.profile === '' ? undefined : checkText('profile', wire.profile),
    releaseId: wire.releaseId === '' ? undefined : toReleaseId(wire.releaseId),
    inlineHistory: wire.inlineHistory.length === 0 ? undefined : packHistory(wire.inlineHistory),
    excludeItemIds: wire.excludeItemIds.map((id, index) => checkText(`exclude_item_ids[${index}]`, id)),
    categories: wire.categories.map((name, index) => checkText(`categories[${index}]`, name)),
    includeSeen: wire.includeSeen,
    explain: wire.explain,
    userFields: Object.keys(wire.userFields).length === 0 ? undefined : toItemFields('user_fields', wire.userFields),
    onlyItemIds: wire.onlyItemIds.map((id, index) => checkText(`only_item_ids[${index}]`, id)),
    overrides: wire.overrides && toOverrides(wire.overrides),
  };
}

function toReleaseId(text: string): ReleaseId {
  try {
    return parseReleaseId(checkText('release_id', text));
  } catch (error) {
    if (!(error instanceof MicError) || error.message.startsWith('release_id')) throw error;
    throw new MicError(error.code, `release_id: ${error.message}`, { subject: 'release_id', remedy: error.remedy });
  }
}

/** Packs events newest first; events of the same time keep their order. */
function packHistory(events: readonly InlineEvent[]): PackedHistory {
  const checked = events.map((event, index) => ({
    itemId: checkText(`inline_history[${index}].item_id`, event.itemId),
    timeMs: checkTimeMs(`inline_history[${index}].time_ms`, event.timeMs),
    weight: checkWeight(`inline_history[${index}].weight`, event.weight),
  }));
  checked.sort((a, b) => b.timeMs - a.timeMs);
  return {
    itemHashes: hashIds(checked.map((event) => event.itemId)),
    timesMs: Float64Array.from(checked, (event) => event.timeMs),
    weights: Float32Array.from(checked, (event) => event.weight),
  };
}
