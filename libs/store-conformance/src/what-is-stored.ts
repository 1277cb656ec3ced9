import { hashIds, HASH_WORDS, parseReleaseId, type Interaction, type ReleaseId } from '@mic/domain';
import type { PackedHistories, PackedHistory, PublishedUser, ReleasePointer, ReleaseSummary, Store } from '@mic/recall';
import fc from 'fast-check';

export const R1 = parseReleaseId('r1');
export const R2 = parseReleaseId('r2');
/** What a manifest of that content would say. */
export const summary = (releaseId: ReleaseId, manifestSha256: string): ReleaseSummary => ({
  releaseId,
  manifestSha256,
  parentId: null,
  createdAt: '2024-01-02T03:04:05.000Z',
  encoder: 'pooled',
  dimension: 2,
  featureSchemaSha256: '0'.repeat(64),
  users: 3,
  items: 3,
});
export const [SHA_1, SHA_2] = ['1'.repeat(64), '2'.repeat(64)];
/** Ids that break naive keys: separators, control characters, prefixes of each other, 256 bytes. */
export const ODD_IDS = [
  'u',
  'u:1',
  'u/1',
  'u\u00001',
  'u\u0000',
  '\u0000',
  '\u0001',
  '\u001b',
  'U',
  ' ',
  '0',
  '00',
  '-1',
  'null',
]
  .concat(['__proto__', 'ü', 'u\u0308', '日本', '🙂'.repeat(64), '\uffff', 'x'.repeat(255), 'x'.repeat(256)])
  .concat(['\u0000'.repeat(256), '{u}', '*', '?', '\r\n', '\u2028']);

/** U+FFFD is what stands for bytes that are not UTF-8: no id has it. */
export const idOfAnyCharacters = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 64 })
  .filter((id) => !id.includes('\ufffd'));

export const options = () => ({ signal: new AbortController().signal, requestId: 'spec' });
export const event = (userId: string, itemId: string, timeMs: number, weight = 1): Interaction => ({
  userId,
  itemId,
  timeMs,
  weight,
});

/** Item ids of a history, found among the ids given. */
export function named({ itemHashes }: Pick<PackedHistory, 'itemHashes'>, ids: readonly string[]): string[] {
  const hashes = hashIds(ids);
  return Array.from({ length: itemHashes.length / HASH_WORDS }, (_, i) => {
    const at = i * HASH_WORDS;
    const found = ids.findIndex(
      (_id, j) => hashes[j * 2] === itemHashes[at] && hashes[j * 2 + 1] === itemHashes[at + 1],
    );
    return ids[found] ?? '?';
  });
}

/** Histories as an import brings them, from the events of each user, newest first. */
export function packed(users: readonly (readonly [userId: string, events: readonly Interaction[]])[]): PackedHistories {
  const events = users.flatMap(([, own]) => own);
  const offsets = Uint32Array.of(0, ...users.map(([, own]) => own.length));
  users.forEach((_, i) => (offsets[i + 1]! += offsets[i]!));
  return {
    userIds: users.map(([userId]) => userId),
    offsets,
    itemHashes: hashIds(events.map(({ itemId }) => itemId)),
    timesMs: Float64Array.from(events, ({ timeMs }) => timeMs),
    weights: Float32Array.from(events, ({ weight }) => weight),
  };
}

export const user = (row: number, userId: string, similar: [number, number][] = []): PublishedUser => ({
  row,
  userId,
  embedding: Float32Array.of(row, 0.5),
  profile: Int32Array.of(row, 7, 0),
  similarRows: Uint32Array.from(similar, ([other]) => other),
  similarities: Float32Array.from(similar, ([, similarity]) => similarity),
});

/** Moves the pointer as a publisher does: under the lease. */
export async function point(store: Store, releaseId: ReleaseId): Promise<ReleasePointer> {
  await store.lease('spec', 60_000, { force: true });
  return store.movePointer(releaseId, 'spec');
}

/** Seals a release as a publisher does: under the lease. */
export async function sealRelease(store: Store, sealed: ReleaseSummary): Promise<void> {
  await store.lease('spec', 60_000, { force: true });
  return store.seal(sealed, 'spec');
}

export const sealedIds = async (store: Store) => (await store.releases()).map(({ releaseId }) => releaseId);

/** Two users and three items; item 1 has no similar items. */
export async function publish(store: Store, releaseId = R1, sha = SHA_1): Promise<void> {
  await store.writeUsers(releaseId, [
    user(0, 'ann', [
      [1, 0.75],
      [2, 0.5],
    ]),
    user(1, 'bob', [[0, 0.75]]),
    user(2, 'cid'),
  ]);
  await store.writeSimilarItems(releaseId, 0, {
    offsets: Uint32Array.of(0, 2, 2),
    rows: Uint32Array.of(2, 1),
    scores: Float32Array.of(0.5, 0.25),
  });
  await store.writeSimilarItems(releaseId, 2, {
    offsets: Uint32Array.of(0, 1),
    rows: Uint32Array.of(0),
    scores: Float32Array.of(0.5),
  });
  await sealRelease(store, summary(releaseId, sha));
}
