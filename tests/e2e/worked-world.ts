import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Graph, toOnnx } from '@mic/autodiff';
import { hashIds, NO_ROW } from '@mic/domain';
import { fullSignature, type FeatureSchema } from '@mic/features';
import { RELEASE_FILES as FILES, ReleaseWriter, type ReleaseMeta } from '@mic/release';
import { succeed } from './small-home';

/** An item of the world; its id row is its vector. */
export interface WorkedItem {
  readonly id: string;
  /** Unit length. */
  readonly vector: readonly [number, number];
  /** '' for none. */
  readonly kind: string;
  /** Training events. */
  readonly events: number;
}

/** Six items on the half circle. */
export const ITEMS: readonly WorkedItem[] = [
  { id: 'a', vector: [1, 0], kind: 'one', events: 6 },
  { id: 'b', vector: [0.8, 0.6], kind: 'one', events: 5 },
  { id: 'c', vector: [0.6, 0.8], kind: 'two', events: 4 },
  { id: 'd', vector: [0, 1], kind: 'two', events: 3 },
  { id: 'e', vector: [-0.6, 0.8], kind: 'three', events: 2 },
  { id: 'f', vector: [-1, 0], kind: '', events: 1 },
];
const KINDS = ['one', 'two', 'three'];

/** Users, their id rows, and who stands in the list of u: what a list says need not be what the vectors say. */
const USERS = ['u', 'v', 'w'];
const USER_VECTORS = Float32Array.of(1, 0, 0.6, 0.8, 0, 1);
const SIMILAR_USERS: Readonly<Record<string, readonly Similar[]>> = {
  u: [
    ['v', 0.9],
    ['w', 0.5],
  ],
};
const SIMILAR_ITEMS: Readonly<Record<string, readonly Similar[]>> = {
  a: [
    ['b', 0.8],
    ['c', 0.6],
  ],
  d: [
    ['c', 0.8],
    ['e', 0.8],
  ],
};
type Similar = readonly [id: string, similarity: number];
const LIST_LENGTH = 2;

const SCHEMA: FeatureSchema = {
  userFields: [{ name: 'side', type: 'categorical', vocabulary: ['left', 'right'] }],
  itemFields: [
    { name: 'kind', type: 'categorical', vocabulary: KINDS },
    { name: 'place', type: 'categorical', vocabulary: ['left', 'right', 'nowhere'] },
  ],
  categoryField: 'kind',
};

/** What an unknown user is taken for, and a new item that says nothing of its place. */
const MASKED_USER = [0, 1];
const MASKED_ITEM = [0, -1];
const LONGEST_HISTORY = 5;
/** Added to the user's row: for a side that is not said, left, right. An unknown user on the right is at (1, 0). */
const OF_SIDE = Float32Array.of(0, 0, -1, -1, 1, -1);
/** Added to it for each event of b: with one, u is at (.6, .8). Other events move nobody. */
const MOVED_BY_B = [-0.4, 0.8] as const;
/**
 * Added to the item's row: for a place that is not said, left, right, nowhere. A new item on the left is at (-1, 0); one that is
 * nowhere is at (0, 0), which is no direction.
 */
const ofPlace = (right: readonly [number, number]): Float32Array => Float32Array.of(0, 0, -1, 1, ...right, 0, 1);
/** With it a new item on the right is at (.96, .28). */
export const RIGHT_OF_FIRST = [0.96, 1.28] as const;
/** With it a new item on the right is at (.8, -.6). */
export const RIGHT_OF_SECOND = [0.8, 0.4] as const;

export interface WorkedRelease {
  readonly items?: readonly WorkedItem[];
  /** What the item tower adds for a place on the right. */
  readonly right?: readonly [number, number];
}

/** Makes a home of the world with its first release, published. */
export async function makeWorkedHome(
  store?: string,
): Promise<{ readonly home: string; readonly releaseId: string; readonly profiles: string }> {
  const home = await mkdtemp(join(tmpdir(), 'mic-worked-'));
  const releaseId = await writeWorkedRelease(home);
  const at = store === undefined ? [] : ['--store', store];
  await succeed('publish', '--home', home, '--release', releaseId, ...at);
  const profiles = join(home, 'profiles.json');
  await writeFile(profiles, JSON.stringify(PROFILES));
  return { home, releaseId, profiles };
}

/** Times that a busy machine keeps: nothing is late, and no channel asks for less than it may. */
const timeoutMs = 10_000;
const evidence = { timeoutMs, temperature: 0.5, ageDecay: 0.5 };
const lists = {
  U2I: { timeoutMs, k: 2 },
  U2U2I: evidence,
  U2I2I: evidence,
  POPULAR: { timeoutMs, enabled: false, ageDecay: 0.5 },
};
const profileOf = (channels: object): object => ({
  n: { default: 3 },
  timeoutMs: 20_000,
  contextTimeoutMs: timeoutMs,
  channels: { ...lists, ...channels },
});

/** The profiles of the world: `tiny` takes all from the release's lists, `search` from its indexes. */
const PROFILES = {
  default: 'tiny',
  profiles: {
    tiny: profileOf({}),
    popular: profileOf({ POPULAR: { timeoutMs, when: 'always', ageDecay: 0.5 } }),
    search: profileOf({
      U2U2I: { ...evidence, usersBy: 'search', itemsBy: 'search', itemsPerUser: 2 },
      U2I2I: { ...evidence, itemsBy: 'search', similarItems: 2 },
    }),
  },
};

/** Writes a release of the world into a home. @returns its id. */
export async function writeWorkedRelease(
  home: string,
  { items = ITEMS, right = RIGHT_OF_FIRST }: WorkedRelease = {},
): Promise<string> {
  const writer = await ReleaseWriter.open(join(home, 'releases'));
  const ids = items.map(({ id }) => id);
  const vectors = Float32Array.from(items.flatMap(({ vector }) => vector));
  const kinds = Uint32Array.from(items, ({ kind }) => KINDS.indexOf(kind) + 1);
  await writer.writeJson(FILES.featureSchema, SCHEMA);
  await writer.writeBytes(FILES.userTower, userTower(ids));
  await writer.writeBytes(FILES.itemTower, itemTower(ofPlace(right)));
  await writer.writeJson(FILES.towerSignature, signature());
  await writer.writeStrings(FILES.userIds, USERS);
  await writer.writeArray(FILES.userEmbeddings, USER_VECTORS);
  await writer.writeArray(FILES.userProfiles, new Int32Array(USERS.length));
  await writer.writeArray(FILES.userVectors, USER_VECTORS);
  await writer.writeStrings(FILES.itemIds, ids);
  await writer.writeArray(FILES.itemHashes, hashIds(ids));
  await writer.writeArray(FILES.itemFields, Int32Array.from([...kinds].flatMap((kind) => [kind, 0])));
  await writer.writeArray(FILES.itemCategories, kinds);
  await writer.writeJson(FILES.categoryNames, ['', ...KINDS]);
  await writer.writeArray(
    FILES.itemPopularity,
    Float32Array.from(items, ({ events }) => events),
  );
  await writer.writeArray(FILES.itemEmbeddings, vectors);
  await writer.writeArray(FILES.itemVectors, vectors);
  const similarUsers = paddedLists(USERS, SIMILAR_USERS);
  await writer.writeArray(FILES.u2uRows, similarUsers.rows);
  await writer.writeArray(FILES.u2uSimilarities, similarUsers.similarities);
  const similarItems = paddedLists(ids, SIMILAR_ITEMS);
  await writer.writeArray(FILES.i2iRows, similarItems.rows);
  await writer.writeArray(FILES.i2iSimilarities, similarItems.similarities);
  await writer.writeArray(FILES.itemPopular, popularRows(items));
  return (await writer.finish(metaOf(items))).id;
}

function metaOf(items: readonly WorkedItem[]): ReleaseMeta {
  const exact = { kind: 'exact' } as const;
  return {
    parent: null,
    createdAt: new Date().toISOString(),
    dataset: 'worked',
    encoder: 'worked',
    dimension: 2,
    metric: 'cosine',
    counts: {
      users: USERS.length,
      items: items.length,
      events: items.reduce((sum, { events }) => sum + events, 0),
      categories: KINDS.length,
    },
    index: exact,
    userIndex: exact,
    lists: {
      u2u: { length: LIST_LENGTH, recall: 1 },
      i2i: { length: LIST_LENGTH, recall: 1 },
      u2i: { length: 0, recall: 1 },
      popular: { length: items.length },
    },
    training: {},
    quality: { protocol: 'none', users: 0, metrics: {} },
    gate: { passed: true, checks: [] },
    build: { key: '0'.repeat(64), stages: [], peakBytes: 0 },
  };
}

function signature(): object {
  const { itemTower: item, ...full } = fullSignature({
    encoder: 'worked',
    dimension: 2,
    idDimension: 2,
    itemIdDimension: 2,
    vectorsPerUser: 1,
    longestHistory: LONGEST_HISTORY,
    profileWidth: 1,
    itemFieldsWidth: 2,
    maskedUserRow: MASKED_USER,
    maskedItemRow: MASKED_ITEM,
  });
  const { item_row, fields } = item.inputs;
  return { ...full, itemTower: { ...item, inputs: { item_row, fields } }, normalise: true };
}

/** user_row + what the side adds + what the events add. */
function userTower(itemIds: readonly string[]): Uint8Array {
  const graph = new Graph();
  const row = graph.input('user_row', 'float32', ['batch', 2]);
  const sides = graph.gather(graph.constant(OF_SIDE, [3, 2]), graph.input('profile', 'int64', ['batch', 1]));
  const moves = new Float32Array((itemIds.length + 1) * 2);
  moves.set(MOVED_BY_B, (itemIds.indexOf('b') + 1) * 2);
  const history = graph.input('history', 'int64', ['batch', LONGEST_HISTORY]);
  const moved = graph.gather(graph.constant(moves, [itemIds.length + 1, 2]), history);
  const sum = graph.add(graph.add(row, graph.reduceSum(sides, [1])), graph.reduceSum(moved, [1]));
  graph.output('user_vectors', graph.reshape(sum, ['batch', 1, 2]));
  return toOnnx(graph);
}

/** item_row + what the place adds; the kind adds nothing. */
function itemTower(places: Float32Array): Uint8Array {
  const graph = new Graph();
  const row = graph.input('item_row', 'float32', ['batch', 2]);
  const place = graph.slice(graph.input('fields', 'int64', ['batch', 2]), 1, 1, 2);
  const added = graph.reduceSum(graph.gather(graph.constant(places, [4, 2]), place), [1]);
  graph.output('item_vectors', graph.add(row, added));
  return toOnnx(graph);
}

/** Rows of all items, then of each kind, most events first. */
function popularRows(items: readonly WorkedItem[]): Uint32Array {
  const byEvents = [...items.keys()].sort((a, b) => items[b]!.events - items[a]!.events);
  const rows = new Uint32Array((KINDS.length + 1) * items.length).fill(NO_ROW);
  rows.set(byEvents);
  KINDS.forEach((kind, i) => {
    rows.set(
      byEvents.filter((row) => items[row]!.kind === kind),
      (i + 1) * items.length,
    );
  });
  return rows;
}

function paddedLists(
  ids: readonly string[],
  listOf: Readonly<Record<string, readonly Similar[]>>,
): { readonly rows: Uint32Array; readonly similarities: Float32Array } {
  const rows = new Uint32Array(ids.length * LIST_LENGTH).fill(NO_ROW);
  const similarities = new Float32Array(ids.length * LIST_LENGTH);
  ids.forEach((id, list) => {
    (listOf[id] ?? []).forEach(([other, similarity], place) => {
      rows[list * LIST_LENGTH + place] = ids.indexOf(other);
      similarities[list * LIST_LENGTH + place] = similarity;
    });
  });
  return { rows, similarities };
}
