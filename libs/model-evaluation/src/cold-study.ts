import type { HistoryTable } from '@mic/domain';
import { maskedItemsOf } from '@mic/evaluation';
import { matmulTopK } from '@mic/matrix';
import { encodeItems, encodeUsers, meanUserVectors, NEW_ITEM_USERS, type TrainedModel } from '@mic/training';
import type { ColdCurve, ColdFigures } from './evaluation';
import { newItemsOf, shiftNewItems } from './new-items';
import type { OpenTest } from './open-test';

/** Shifts that new items are tried with. */
const SHIFTS = [-0.5, -0.3, -0.2, -0.1, 0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5];
const CASES = 5_000;
const CUTS = [50, 200] as const;
const EXPOSURE = 50;

/**
 * How items that training has not seen are found by U2I, encoded with masked ids: with their first users known, and from
 * their fields alone, over the shift that keeps them from being everywhere. Null where the model has no such items.
 */
export async function studyColdItems(model: TrainedModel, test: OpenTest): Promise<ColdFigures | null> {
  const { split, fields, mask } = test;
  if (split.coldItems.size === 0) return null;
  const cases = spread(test.cases, CASES);
  const isCold = cases.map(({ relevant }) => relevant.some((item) => split.coldItems.has(item)));
  const asked = isCold.filter(Boolean).length;
  const users = Uint32Array.from(cases, ({ user }) => user);
  const { dimension, vectorsPerUser } = model.signature;
  const inputs = { ...model, ...fields };
  const queries = meanUserVectors(
    await encodeUsers(model.userTower, { ...inputs, histories: split.known }, users),
    users.length,
    vectorsPerUser,
    dimension,
  );
  const { offsets, itemRows } = split.known;
  const historyOf = (user: number): Uint32Array => itemRows.subarray(offsets[user], offsets[user + 1]);
  const masked = maskedItemsOf(historyOf, mask, model.signature.longestHistory);
  const isNew = newItemsOf(split.train);
  const curve = async (itemHistories: HistoryTable): Promise<ColdCurve> => {
    const vectors = await encodeItems(model.itemTower, { ...inputs, histories: itemHistories });
    const points: ColdCurve[number][] = [];
    for (const shift of SHIFTS) {
      const { offsets: ends, rows } = await matmulTopK({
        queries,
        queryCount: users.length,
        matrix: shiftNewItems(vectors, isNew, queries, dimension, shift),
        rowCount: itemHistories.itemCount,
        dimension,
        k: Math.max(...CUTS),
        exclude: (query) => masked(users[query]!),
      });
      const rate = (cold: boolean, cut: number): number => {
        let [hits, count] = [0, 0];
        cases.forEach(({ relevant }, i) => {
          if (isCold[i] !== cold) return;
          count++;
          const list = rows.subarray(ends[i], Math.min(ends[i]! + cut, ends[i + 1]!));
          if (relevant.some((item) => split.coldItems.has(item) === cold && list.includes(item))) hits++;
        });
        return count === 0 ? 0 : hits / count;
      };
      let [shown, places] = [0, 0];
      users.forEach((_, i) => {
        for (const row of rows.subarray(ends[i], Math.min(ends[i]! + EXPOSURE, ends[i + 1]!))) {
          shown += Number(split.coldItems.has(row));
          places++;
        }
      });
      const hitRates = Object.fromEntries(CUTS.map((cut) => [`HR@${cut}`, rate(true, cut)]));
      const others = Object.fromEntries(CUTS.map((cut) => [`HR@${cut}`, rate(false, cut)]));
      points.push({ shift, metrics: hitRates, otherItems: others, exposure: shown / Math.max(1, places) });
    }
    return points;
  };
  return {
    items: split.coldItems.size,
    cases: asked,
    demand: asked / cases.length,
    firstUsers: NEW_ITEM_USERS,
    withFirstUsers: await curve(withFirstEvents(split.known, split.coldItems)),
    fieldsAlone: await curve(split.train),
  };
}

/** Histories with only the first events of some items. */
function withFirstEvents(histories: HistoryTable, items: ReadonlySet<number>): HistoryTable {
  const { itemRows, timesMs, offsets, userCount } = histories;
  const eventsOf = new Map<number, number[]>();
  itemRows.forEach((item, event) => {
    if (!items.has(item)) return;
    const events = eventsOf.get(item);
    if (events) events.push(event);
    else eventsOf.set(item, [event]);
  });
  const keep = Uint8Array.from(itemRows, (item) => Number(!items.has(item)));
  for (const events of eventsOf.values()) {
    events.sort((a, b) => timesMs[a]! - timesMs[b]! || a - b);
    for (const event of events.slice(0, NEW_ITEM_USERS)) keep[event] = 1;
  }
  const starts = new Uint32Array(userCount + 1);
  for (let user = 0; user < userCount; user++) {
    starts[user + 1] = starts[user]!;
    for (let event = offsets[user]!; event < offsets[user + 1]!; event++) starts[user + 1]! += keep[event]!;
  }
  const isKept = (_: number, event: number): boolean => keep[event] === 1;
  return {
    ...histories,
    offsets: starts,
    itemRows: itemRows.filter(isKept),
    timesMs: timesMs.filter(isKept),
    weights: histories.weights.filter(isKept),
  };
}

/** At most so many, evenly over all. */
function spread<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]!);
}
