import { EmbedderServiceService, type EmbedItemsRequest, type EmbedUsersRequest } from '@mic/contracts';
import { MicError } from '@mic/domain';
import type { TowerSignature } from '@mic/features';
import type { ItemTowerInput, OnnxItemEmbedder } from '@mic/onnx-tower';
import type { UserEmbedder, UserTowerInput } from '@mic/recall';
import { serviceHandlers, type ServiceHandlers } from '@mic/rpc';
import type { OpenReleases } from '@mic/service-host';
import { checkCount, packed } from '@mic/wire';

/** Users or items of one call. */
const MAX_BATCH = 512;

/** The two towers of a release. */
export interface Towers {
  readonly signature: TowerSignature;
  readonly users: UserEmbedder;
  readonly items: Pick<OnnxItemEmbedder, 'embed'>;
}

/** mic.embedder.v1.EmbedderService over the towers of the releases that are open. */
export function embedderApi(releases: () => Pick<OpenReleases<Towers>, 'use'>): ServiceHandlers {
  return serviceHandlers(EmbedderServiceService, {
    async embedUsers(request, { signal, requestId }) {
      return releases().use(request, async ({ signature, users }, { releaseId, items }) => {
        checkCount('users', request.users.length, 1, MAX_BATCH);
        const inputs = request.users.map((user, i) => toUserInput(`users[${i}]`, user, signature, items));
        const vectors = await Promise.all(inputs.map((input) => users.embed(releaseId, input, { signal, requestId })));
        return {
          releaseId,
          dimension: signature.dimension,
          users: vectors.map(({ count, vectors: values }) => ({ count, vectors: packed(values) })),
        };
      });
    },

    async embedItems(request, { signal, requestId }) {
      return releases().use(request, async ({ signature, items }, { releaseId }) => {
        checkCount('items', request.items.length, 1, MAX_BATCH);
        const inputs = request.items.map((item, i) => toItemInput(`items[${i}]`, item, signature));
        return {
          releaseId,
          dimension: signature.dimension,
          vectors: packed(await items.embed(inputs, { signal, requestId })),
        };
      });
    },
  });
}

function toUserInput(
  field: string,
  { userRow, profile, historyRows }: EmbedUsersRequest['users'][number],
  { idDimension, profileWidth }: TowerSignature,
  itemCount: number,
): UserTowerInput {
  const beyond = historyRows.findIndex((row) => row >= itemCount);
  if (beyond >= 0) {
    throw invalid(`${field}.history_rows[${beyond}]`, `is ${historyRows[beyond]}, the release has ${itemCount} items`);
  }
  return {
    userRow: floats(`${field}.user_row`, userRow, idDimension),
    profile: codes(`${field}.profile`, profile, profileWidth),
    historyRows: Uint32Array.from(historyRows),
  };
}

function toItemInput(
  field: string,
  { itemRow, fields, usersPooled }: EmbedItemsRequest['items'][number],
  { idDimension, itemIdDimension, itemFieldsWidth }: TowerSignature,
): ItemTowerInput {
  return {
    itemRow: floats(`${field}.item_row`, itemRow, itemIdDimension),
    fields: codes(`${field}.fields`, fields, itemFieldsWidth),
    usersPooled: floats(`${field}.users_pooled`, usersPooled, idDimension),
  };
}

/** Null where the field is empty: it is masked. */
function floats(field: string, values: readonly number[], length: number): Float32Array | null {
  if (values.length === 0) return null;
  checkLength(field, values, length);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw invalid(`${field}[${bad}]`, `is ${values[bad]}, a finite number is needed`);
  return Float32Array.from(values);
}

function codes(field: string, values: readonly number[], length: number): Int32Array | null {
  if (values.length === 0) return null;
  checkLength(field, values, length);
  const bad = values.findIndex((value) => value < 0);
  if (bad >= 0) throw invalid(`${field}[${bad}]`, `is ${values[bad]}, codes are 0 or more`);
  return Int32Array.from(values);
}

function checkLength(field: string, values: readonly number[], length: number): void {
  if (values.length !== length) throw invalid(field, `has ${values.length} numbers, the tower takes ${length} or none`);
}

function invalid(field: string, message: string): MicError {
  return new MicError('INVALID_ARGUMENT', `${field} ${message}`, {
    subject: field,
    remedy: 'encode by the signature and the feature schema of the release that is named',
  });
}
