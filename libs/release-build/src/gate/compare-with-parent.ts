import { join } from 'node:path';
import type { HistoryTable } from '@mic/domain';
import { sampleCases, type TestCase } from '@mic/evaluation';
import { untrainedItems } from '@mic/model-evaluation';
import { readColumn, readStringTable, RELEASE_FILES as FILES, type OpenRelease } from '@mic/release';
import type { EncodedFields } from '@mic/training';
import { UNKNOWN_PROTOCOL, type ReleaseModel } from '../release-model';
import type { GateFigure } from './gate-config';
import type { Figure } from './judge';
import { parentFigures, type ComparedRelease, type ComparedUser } from './parent-figures';

/** Users whose lists are compared at most. */
const COMPARED_USERS = 2_000;

export interface ComparedBuild {
  readonly model: ReleaseModel;
  readonly fields: EncodedFields;
  /** I x dimension. */
  readonly itemVectors: Float32Array;
  /** Histories in the rows of the model, without held-out events. */
  readonly histories: HistoryTable;
  /** Held-out events; none where training has seen everything. */
  readonly cases: readonly TestCase[];
}

type ParentFigure = Extract<GateFigure, `parent.${string}`>;

/** The parent's figures of the gate; missing, with the reason, where there is no parent. */
export async function compareWithParent(
  build: () => Promise<ComparedBuild>,
  parent: OpenRelease | null,
): Promise<Record<ParentFigure, Figure>> {
  if (!parent) return noParent();
  const { model, fields, itemVectors, histories, cases } = await build();
  const isNew = untrainedItems(model, model.signature.maskedItemRow);
  const own = { ...model, profiles: fields.profiles, itemVectors, isNew };
  const figures = await parentFigures(own, await openParent(parent), comparedUsers(model, histories, cases));
  const missing = seenByOne(model.info.protocol, String(parent.manifest.training.protocol));
  if (missing === null || (cases.length === 0 && model.info.protocol !== UNKNOWN_PROTOCOL)) return figures;
  return { ...figures, 'parent.hitRate': { missing } };
}

/** Why held-out events say nothing of two models together, by what each has not seen; null where they do. */
function seenByOne(own: string, parent: string): string | null {
  if (own === UNKNOWN_PROTOCOL) return 'nobody says what the towers have seen: their signature names no training';
  if (parent === UNKNOWN_PROTOCOL) return "nobody says what the parent's towers have seen";
  if (own === parent) return null;
  return `the parent was trained with --protocol ${parent}: it has seen what is held out here`;
}

function noParent(): Record<ParentFigure, Figure> {
  const none: Figure = { missing: 'there is no parent' };
  return {
    'parent.hitRate': none,
    'parent.topOverlap': none,
    'parent.itemCosine': none,
    'parent.userGrowth': none,
    'parent.itemGrowth': none,
    'parent.usersLost': none,
    'parent.itemsLost': none,
  };
}

async function openParent({ directory, signature, userTower, catalog }: OpenRelease): Promise<ComparedRelease> {
  const itemIds = (await readStringTable(join(directory, FILES.itemIds))).slice();
  const itemRows = await readColumn(join(directory, FILES.itemEmbeddings), Float32Array);
  return {
    signature,
    userTower,
    userIds: (await readStringTable(join(directory, FILES.userIds))).slice(),
    itemIds,
    userRows: await readColumn(join(directory, FILES.userEmbeddings), Float32Array),
    profiles: await readColumn(join(directory, FILES.userProfiles), Int32Array),
    itemVectors: catalog.vectors,
    isNew: untrainedItems({ itemRows, itemIds }, signature.maskedItemRow),
  };
}

/** Users with a held-out event, else users with any event; a seeded sample. */
function comparedUsers(
  { userIds, itemIds, info }: ReleaseModel,
  { offsets, itemRows, userCount }: HistoryTable,
  cases: readonly TestCase[],
): ComparedUser[] {
  const anyone = (): TestCase[] =>
    Array.from({ length: userCount }, (_, user) => ({ user, relevant: new Uint32Array(0) })).filter(
      ({ user }) => offsets[user + 1]! > offsets[user]!,
    );
  return sampleCases(cases.length > 0 ? cases : anyone(), COMPARED_USERS, info.seed).map(({ user, relevant }) => ({
    userId: userIds[user]!,
    history: Array.from(itemRows.subarray(offsets[user], offsets[user + 1]), (row) => itemIds[row]!),
    heldOut: relevant.length > 0 ? itemIds[relevant[0]!]! : null,
  }));
}
