import type { HistoryTable } from '@mic/domain';
import { maskedItemsOf, type TestCase } from '@mic/evaluation';
import { matmulTopK } from '@mic/matrix';
import { encodeItems, encodeUsers, meanUserVectors, NEW_ITEM_USERS, type TrainedModel } from '@mic/training';
import type { ColdCurve, ColdFigures } from './evaluation';
import { newItemPlacer, untrainedItems } from './new-items';
import type { OpenTest } from './open-test';

/** Shifts that new items are tried with. */
const SHIFTS = [-1, -0.5, -0.3, -0.2, 0, 0.2, 0.4, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9];
const CASES = 5_000;
const CUTS = [50, 200] as const;
const EXPOSURE = 50;

/**
 * How items that training has not seen are found by U2I: with all their users known but the one who asks, with their first
 * users known, and from their fields alone (encoded with masked ids), over the shift that sets how much they are shown.
 * A user with several vectors is asked for by their mean. Null where the model has no such items.
 */
export async function studyColdItems(model: TrainedModel, test: OpenTest): Promise<ColdFigures | null> {
  const { split, mask } = test;
  if (split.coldItems.size === 0) return null;
  const asksForNew = ({ relevant }: TestCase): boolean => relevant.some((item) => split.coldItems.has(item));
  const cold = test.cases.filter(asksForNew);
  const sample = spread(test.cases, CASES);
  const others = sample.filter((testCase) => !asksForNew(testCase));
  const { dimension, vectorsPerUser } = model.signature;
  const inputs = { ...model, ...(await test.fieldsOf(model)) };
  const userVectors = await encodeUsers(model.userTower, { ...inputs, histories: split.known });
  const userMeans = meanUserVectors(userVectors, split.known.userCount, vectorsPerUser, dimension);
  const queriesOf = (cases: readonly TestCase[]): Float32Array => {
    const queries = new Float32Array(cases.length * dimension);
    cases.forEach(({ user }, i) => {
      queries.set(userMeans.subarray(user * dimension, (user + 1) * dimension), i * dimension);
    });
    return queries;
  };
  const { offsets, itemRows } = split.known;
  const historyOf = (user: number): Uint32Array => itemRows.subarray(offsets[user], offsets[user + 1]);
  const masked = maskedItemsOf(historyOf, mask, model.signature.longestHistory);
  const itemVectors = await encodeItems(model.itemTower, { ...inputs, histories: split.train });
  const isNew = untrainedItems(model, model.signature.maskedItemRow);
  const curve = async (histories: HistoryTable): Promise<ColdCurve> => {
    const place = newItemPlacer({ itemVectors, isNew, histories, userMeans, dimension });
    const points: ColdCurve[number][] = [];
    for (const shift of SHIFTS) {
      const matrix = place({ fieldsAlone: shift, withUsers: shift });
      const listsOf = async (cases: readonly TestCase[]): Promise<Lists> => {
        const { offsets: ends, rows } = await matmulTopK({
          queries: queriesOf(cases),
          queryCount: cases.length,
          matrix,
          rowCount: histories.itemCount,
          dimension,
          k: Math.max(...CUTS),
          exclude: (query) => masked(cases[query]!.user),
        });
        return new Map(cases.map((testCase, i) => [testCase, rows.subarray(ends[i], ends[i + 1])]));
      };
      const lists = await listsOf(sample);
      points.push({
        shift,
        metrics: hitRates(cold, await listsOf(cold), (item) => split.coldItems.has(item)),
        otherItems: hitRates(others, lists, () => true),
        exposure: exposureOf(lists, split.coldItems),
      });
    }
    return points;
  };
  return {
    items: split.coldItems.size,
    cases: cold.length,
    demand: cold.length / test.cases.length,
    firstUsers: NEW_ITEM_USERS,
    withAllUsers: await curve(split.known),
    withFirstUsers: await curve(withFirstEvents(split.known, split.coldItems)),
    fieldsAlone: await curve(split.train),
  };
}

type Lists = ReadonlyMap<TestCase, Uint32Array>;

function hitRates(cases: readonly TestCase[], lists: Lists, counts: (item: number) => boolean): Record<string, number> {
  const rate = (cut: number): number => {
    const hits = cases.filter((testCase) => {
      const list = lists.get(testCase)!.subarray(0, cut);
      return testCase.relevant.some((item) => counts(item) && list.includes(item));
    });
    return cases.length === 0 ? 0 : hits.length / cases.length;
  };
  return Object.fromEntries(CUTS.map((cut) => [`HR@${cut}`, rate(cut)]));
}

/** Share of the first places of lists that some items take. */
function exposureOf(lists: Lists, items: ReadonlySet<number>): number {
  let [shown, places] = [0, 0];
  for (const list of lists.values()) {
    const top = list.subarray(0, EXPOSURE);
    shown += top.filter((row) => items.has(row)).length;
    places += top.length;
  }
  return shown / Math.max(1, places);
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
