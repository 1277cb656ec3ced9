import { NeighborServiceService } from '@mic/contracts';
import { MicError, parseReleaseId } from '@mic/domain';
import type { CallOptions, HistoryWriter, LiveItemWriter, NeighborReader, WantedRelease } from '@mic/recall';
import { serviceHandlers, type CallContext, type ServiceHandlers } from '@mic/rpc';
import {
  checkCount,
  checkNumber,
  checkText,
  packed,
  toInteractions,
  toItemIds,
  toItems,
  toWireHistory,
  toWireLists,
  toWireSimilarUsers,
  toWireUsersItems,
} from '@mic/wire';

const MAX_HISTORY = 10_000;
const MAX_NEIGHBORS = 1_000;
const MAX_ITEM_ROWS = 512;
const NOTHING = new Float32Array(0);
const NO_PROFILE = new Int32Array(0);

/** mic.neighbor.v1.NeighborService over the store that is open. */
export function neighborApi(store: () => NeighborReader & HistoryWriter & LiveItemWriter): ServiceHandlers {
  return serviceHandlers(NeighborServiceService, {
    async getUserContext(request, context) {
      const { userKnown, userRow, profile, history } = await store().userContext(
        {
          ...wantedRelease(request),
          userId: checkText('user_id', request.userId),
          historyLimit: checkNumber('history_limit', request.historyLimit, 0, MAX_HISTORY),
        },
        optionsOf(context),
      );
      return {
        releaseId: request.releaseId,
        userKnown,
        userRow: packed(userRow ?? NOTHING),
        profile: packed(profile ?? NO_PROFILE),
        history: toWireHistory(history),
      };
    },

    async getSimilarUsersItems(request, context) {
      const found = await store().similarUsersItems(
        {
          ...wantedRelease(request),
          userId: checkText('user_id', request.userId),
          users: checkNumber('users', request.users, 0, MAX_NEIGHBORS),
          itemsPerUser: checkNumber('items_per_user', request.itemsPerUser, 0, MAX_NEIGHBORS),
        },
        optionsOf(context),
      );
      return { releaseId: request.releaseId, ...toWireSimilarUsers(found) };
    },

    async getUsersItems(request, context) {
      checkCount('user_rows', request.userRows.length, 0, MAX_NEIGHBORS);
      const found = await store().usersItems(
        {
          ...wantedRelease(request),
          userRows: Uint32Array.from(request.userRows),
          itemsPerUser: checkNumber('items_per_user', request.itemsPerUser, 0, MAX_NEIGHBORS),
        },
        optionsOf(context),
      );
      return { releaseId: request.releaseId, ...toWireUsersItems(found) };
    },

    async getSimilarItems(request, context) {
      checkCount('item_rows', request.itemRows.length, 0, MAX_ITEM_ROWS);
      const lists = await store().similarItems(
        {
          ...wantedRelease(request),
          itemRows: Uint32Array.from(request.itemRows),
          limit: checkNumber('limit', request.limit, 1, MAX_NEIGHBORS),
        },
        optionsOf(context),
      );
      return { releaseId: request.releaseId, lists: toWireLists(lists) };
    },

    async appendEvents(request, context) {
      return store().appendEvents(toInteractions(request), optionsOf(context));
    },

    async upsertItems(request, context) {
      return { revision: await store().writeLiveItems(toItems(request), optionsOf(context)) };
    },

    async removeItems(request, context) {
      const hidden = toItemIds(request).map((itemId) => ({ itemId, fields: null }));
      return { revision: await store().writeLiveItems(hidden, optionsOf(context)) };
    },
  });
}

/** @throws MicError FAILED_PRECONDITION for what is no release id: no store has it. */
function wantedRelease(request: { releaseId: string; manifestSha256: string }): WantedRelease {
  const { releaseId, manifestSha256 } = request;
  try {
    return { releaseId: parseReleaseId(releaseId), manifestSha256: manifestSha256 || undefined };
  } catch (error) {
    throw new MicError('FAILED_PRECONDITION', `release "${releaseId}" is not in the store: it is no release id`, {
      subject: 'release_id',
      remedy: 'pin the request to a release that ReleaseService.GetRelease lists',
      cause: error,
    });
  }
}

function optionsOf({ signal, requestId, deadlineLeftMs }: CallContext): CallOptions {
  return { signal, requestId, timeoutMs: deadlineLeftMs() };
}
