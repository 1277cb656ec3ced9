import { matmulTopK } from '@mic/matrix';
import type { TowerSignature } from '@mic/features';
import { UserEncoder } from '@mic/training';
import type { GateFigure } from './gate-config';
import type { Figure } from './judge';

/** One of two releases that are compared: what a U2I list of it follows from. */
export interface ComparedRelease {
  readonly signature: TowerSignature;
  readonly userTower: Uint8Array;
  readonly userIds: readonly string[];
  readonly itemIds: readonly string[];
  /** U x idDimension. */
  readonly userRows: Float32Array;
  /** U x profileWidth. */
  readonly profiles: Int32Array;
  /** I x dimension, unit vectors. */
  readonly itemVectors: Float32Array;
  /** 1 for items whose id its training has not seen. */
  readonly isNew: Uint8Array;
}

/** A user whose lists are compared: its id, and item ids of its history, oldest first. */
export interface ComparedUser {
  readonly userId: string;
  readonly history: readonly string[];
  /** Held out of the history, and of the training of both; null where there is none. */
  readonly heldOut: string | null;
}

/** Places of a list that are compared. */
const K = 50;

/** Figures of a release beside its parent's. */
export async function parentFigures(
  own: ComparedRelease,
  parent: ComparedRelease,
  users: readonly ComparedUser[],
): Promise<Record<Extract<GateFigure, `parent.${string}`>, Figure>> {
  const [ownTop, parentTop] = [await topLists(own, users), await topLists(parent, users)];
  const ownItems = new Map(own.itemIds.map((id, row) => [id, row]));
  const [ownLearnt, parentLearnt] = [learntItems(own), learntItems(parent)];
  return {
    'parent.hitRate': hitRatio(ownTop, parentTop, users, (id) => ownLearnt.has(id) && parentLearnt.has(id)),
    'parent.topOverlap': overlap(ownTop, parentTop),
    'parent.itemCosine': meanCosine(own, parent, ownItems),
    'parent.userGrowth': parent.userIds.length === 0 ? NO_USERS : own.userIds.length / parent.userIds.length,
    'parent.itemGrowth': own.itemIds.length / parent.itemIds.length,
    'parent.usersLost': parent.userIds.length === 0 ? NO_USERS : lostShare(parent.userIds, new Set(own.userIds)),
    'parent.itemsLost': lostShare(parent.itemIds, ownItems),
  };
}

const NO_USERS: Figure = { missing: 'the parent has no users' };

/** The best K item ids of each user that are not in its history. */
async function topLists(release: ComparedRelease, users: readonly ComparedUser[]): Promise<string[][]> {
  const { signature, userTower, userRows, profiles, itemIds, itemVectors, userIds } = release;
  const { dimension, vectorsPerUser } = signature;
  const itemRowOf = new Map(itemIds.map((id, row) => [id, row]));
  const userRowOf = new Map(userIds.map((id, row) => [id, row]));
  const known = users.map(({ userId }) => userRowOf.get(userId));
  const histories = users.map(({ history }) => Uint32Array.from(history.flatMap((id) => itemRowOf.get(id) ?? [])));
  const encoder = await UserEncoder.open(userTower, {
    signature,
    userRows: rowsOf(userRows, signature.idDimension, known, signature.maskedUserRow),
    profiles: rowsOf(profiles, signature.profileWidth, known),
  });
  const queries = await encoder
    .encode(Uint32Array.from(users.keys()), (user) => histories[user]!)
    .finally(() => encoder.close());
  const lists = await matmulTopK({
    queries,
    queryCount: users.length * vectorsPerUser,
    matrix: itemVectors,
    rowCount: itemIds.length,
    dimension,
    k: K,
    exclude: (query) => histories[Math.floor(query / vectorsPerUser)],
  });
  return users.map((_, user) => {
    const best = new Map<number, number>();
    for (let i = lists.offsets[user * vectorsPerUser]!; i < lists.offsets[(user + 1) * vectorsPerUser]!; i++) {
      const row = lists.rows[i]!;
      best.set(row, Math.max(lists.scores[i]!, best.get(row) ?? -Infinity));
    }
    const sorted = [...best].sort(([rowA, a], [rowB, b]) => b - a || rowA - rowB);
    return sorted.slice(0, K).map(([row]) => itemIds[row]!);
  });
}

/** Rows of some users one behind the other; of unknown ones the mask, or zeros. */
function rowsOf<T extends Float32Array | Int32Array>(
  table: T,
  width: number,
  users: readonly (number | undefined)[],
  mask?: readonly number[],
): T {
  const rows = new (table.constructor as new (length: number) => T)(users.length * width);
  users.forEach((user, i) => {
    if (user !== undefined) rows.set(table.subarray(user * width, (user + 1) * width), i * width);
    else if (mask) rows.set(mask, i * width);
  });
  return rows;
}

const learntItems = ({ itemIds, isNew }: ComparedRelease): Set<string> =>
  new Set(itemIds.filter((_, row) => isNew[row] === 0));

/**
 * Hits of one's lists over the parent's. Held-out events of items that not both have learnt do not count: the vector of a new
 * item is made of its users, those whose event is held out among them, and the parent cannot list what it does not know.
 */
export function hitRatio(
  own: readonly string[][],
  parent: readonly string[][],
  users: readonly Pick<ComparedUser, 'heldOut'>[],
  bothLearnt: (itemId: string) => boolean,
): Figure {
  let [held, cases, ownHits, parentHits] = [0, 0, 0, 0];
  users.forEach(({ heldOut }, i) => {
    if (heldOut === null) return;
    held++;
    if (!bothLearnt(heldOut)) return;
    cases++;
    if (own[i]!.includes(heldOut)) ownHits++;
    if (parent[i]!.includes(heldOut)) parentHits++;
  });
  if (held === 0) return { missing: 'training has seen every event: no user has one that is held out' };
  if (parentHits < FEWEST_HITS)
    return { missing: `the parent hits ${parentHits} of ${cases} held-out events of items that both have learnt` };
  return ownHits / parentHits;
}

/** Fewer hits of the parent say nothing. */
const FEWEST_HITS = 20;

function overlap(own: string[][], parent: string[][]): Figure {
  let [places, shared] = [0, 0];
  parent.forEach((list, i) => {
    const has = new Set(own[i]);
    places += list.length;
    shared += list.filter((id) => has.has(id)).length;
  });
  return places === 0 ? { missing: 'no user is compared' } : shared / places;
}

function meanCosine(own: ComparedRelease, parent: ComparedRelease, ownItems: ReadonlyMap<string, number>): Figure {
  const { dimension } = own.signature;
  if (parent.signature.dimension !== dimension) return { missing: 'the parent has vectors of another length' };
  let [items, sum] = [0, 0];
  parent.itemIds.forEach((id, row) => {
    const other = ownItems.get(id);
    if (other === undefined) return;
    items++;
    for (let d = 0; d < dimension; d++) {
      sum += parent.itemVectors[row * dimension + d]! * own.itemVectors[other * dimension + d]!;
    }
  });
  return items === 0 ? { missing: 'no item of the parent is left' } : sum / items;
}

function lostShare(ids: readonly string[], kept: { has(id: string): boolean }): number {
  return ids.filter((id) => !kept.has(id)).length / ids.length;
}
