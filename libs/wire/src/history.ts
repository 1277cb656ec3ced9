import type { GetSimilarUsersItemsResponse, GetUserContextResponse, GetUsersItemsResponse } from '@mic/contracts';
import type { PackedHistory, SimilarUsersItems, UsersItems } from '@mic/recall';
import { hashBytes, hashWords, malformed, offsetsOf, packed } from './packed';

type WireHistory = NonNullable<GetUserContextResponse['history']>;

export function toWireHistory({ itemHashes, timesMs, weights }: PackedHistory): WireHistory {
  return { itemHashes: hashBytes(itemHashes), timesMs: packed(timesMs), weights: packed(weights) };
}

/** @throws MicError INTERNAL when the parts do not have one entry for each event. */
export function fromWireHistory(wire: WireHistory | undefined): PackedHistory {
  if (wire === undefined) throw malformed('no history');
  const { itemHashes, timesMs, weights } = wire;
  if (timesMs.length !== weights.length) throw malformed(`${timesMs.length} times with ${weights.length} weights`);
  return {
    itemHashes: hashWords(itemHashes, timesMs.length),
    timesMs: Float64Array.from(timesMs),
    weights: Float32Array.from(weights),
  };
}

export function toWireUsersItems(found: UsersItems): Omit<GetUsersItemsResponse, 'releaseId'> {
  return {
    userIds: [...found.userIds],
    userRows: packed(found.userRows),
    offsets: packed(found.offsets),
    itemHashes: hashBytes(found.itemHashes),
    timesMs: packed(found.timesMs),
  };
}

/** @throws MicError INTERNAL when the parts do not fit each other. */
export function fromWireUsersItems(wire: Omit<GetUsersItemsResponse, 'releaseId'>): UsersItems {
  const { userIds, userRows, timesMs } = wire;
  if (userRows.length !== userIds.length) throw malformed(`${userIds.length} users with ${userRows.length} rows`);
  return {
    userIds,
    userRows: Uint32Array.from(userRows),
    offsets: offsetsOf(wire.offsets, userIds.length, timesMs.length),
    itemHashes: hashWords(wire.itemHashes, timesMs.length),
    timesMs: Float64Array.from(timesMs),
  };
}

export function toWireSimilarUsers(found: SimilarUsersItems): Omit<GetSimilarUsersItemsResponse, 'releaseId'> {
  return { ...toWireUsersItems(found), similarities: packed(found.similarities) };
}

/** @throws MicError INTERNAL when the parts do not fit each other. */
export function fromWireSimilarUsers(wire: GetSimilarUsersItemsResponse): SimilarUsersItems {
  const { userIds, similarities } = wire;
  if (similarities.length !== userIds.length) {
    throw malformed(`${userIds.length} users with ${similarities.length} similarities`);
  }
  return { ...fromWireUsersItems(wire), similarities: Float32Array.from(similarities) };
}
