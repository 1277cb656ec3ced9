import type { Interactions } from '@mic/dataset';

/** How the ids of towers and those of a dataset fit each other. */
export interface VocabularyFit {
  /** Ids of the towers. */
  readonly known: number;
  /** Ids of the dataset's events, and how many of them the towers do not know. */
  readonly inDataset: number;
  readonly unknown: number;
  /** Ids of the towers without an event. */
  readonly unused: number;
}

/** Both vocabularies, and the events that are left out because of a user or an item that the towers do not know. */
export interface VocabularyFits {
  readonly users: VocabularyFit;
  readonly items: VocabularyFit;
  readonly events: number;
  readonly eventsLeftOut: number;
}

export function fitVocabularies(
  { userIds, itemIds, histories }: Pick<Interactions, 'histories'> & Ids,
  towers: Ids,
): VocabularyFits {
  const knownUsers = new Set(towers.userIds);
  const knownItems = new Set(towers.itemIds);
  const knows = Uint8Array.from(itemIds, (id) => Number(knownItems.has(id)));
  let kept = 0;
  for (const [user, id] of userIds.entries()) {
    if (!knownUsers.has(id)) continue;
    for (let event = histories.offsets[user]!; event < histories.offsets[user + 1]!; event++) {
      kept += knows[histories.itemRows[event]!]!;
    }
  }
  const events = histories.itemRows.length;
  return {
    users: fitOf(userIds, knownUsers),
    items: fitOf(itemIds, knownItems),
    events,
    eventsLeftOut: events - kept,
  };
}

interface Ids {
  readonly userIds: readonly string[];
  readonly itemIds: readonly string[];
}

function fitOf(ids: readonly string[], known: ReadonlySet<string>): VocabularyFit {
  const shared = ids.reduce((sum, id) => sum + Number(known.has(id)), 0);
  return { known: known.size, inDataset: ids.length, unknown: ids.length - shared, unused: known.size - shared };
}

/** What does not fit at all: towers and dataset that share no user, or no item. */
export function foreignProblems(fits: VocabularyFits, dataset: Ids, towers: Ids): string[] {
  const example = (ids: readonly string[]): string => (ids.length > 0 ? ` (such as ${JSON.stringify(ids[0])})` : '');
  return (['users', 'items'] as const).flatMap((kind) => {
    const { known, inDataset, unknown } = fits[kind];
    if (unknown < inDataset || (kind === 'users' && known === 0)) return [];
    const key = kind === 'users' ? 'userIds' : 'itemIds';
    return [
      `files.${key}: none of its ${known} ids${example(towers[key])} is among the dataset's ${inDataset} ${kind}${example(dataset[key])}`,
    ];
  });
}

/** What is left out, for people. */
export function fitNotes({ users, items, events, eventsLeftOut }: VocabularyFits): string[] {
  const notes = Object.entries({ users, items }).flatMap(([kind, fit]) => [
    ...(fit.unknown > 0 ? [`${fit.unknown} of the dataset's ${fit.inDataset} ${kind} are unknown to the towers`] : []),
    ...(fit.unused > 0 ? [`${fit.unused} of the towers' ${fit.known} ${kind} have no event in the dataset`] : []),
  ]);
  if (eventsLeftOut > 0) notes.push(`${eventsLeftOut} of ${events} events are left out because of them`);
  return notes;
}
