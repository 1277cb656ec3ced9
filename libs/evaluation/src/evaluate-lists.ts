import { Measures } from './measures';
import { rankingMetrics } from './ranking-metrics';
import type { TestCase } from './test-case';

/** Gives the ranked item rows of each kind of list for one case. */
export type ListsOf = (testCase: TestCase) => Promise<Readonly<Record<string, Uint32Array>>>;

/** Which of a case's relevant items belong to a cut, such as the unseen ones; none: the case does not. */
export type CaseCut = (testCase: TestCase) => Uint32Array;

/** Measures of all cases, and of each cut. */
export interface EvaluatedLists {
  readonly measures: Measures;
  readonly cuts: Readonly<Record<string, Measures>>;
}

/**
 * Measures lists case by case. A case that got no list of a kind counts as a miss of it. Where a relevant item is masked
 * in the lists (the user had it before), no list can hit it: such cases stay in the mean, for all lists alike.
 *
 * @throws RangeError for a case without a relevant item.
 */
export async function evaluateLists(
  cases: Iterable<TestCase>,
  listsOf: ListsOf,
  options: {
    /** Lengths at which lists are measured. */
    readonly at: readonly number[];
    readonly cuts?: Readonly<Record<string, CaseCut>>;
    /** Cases that are asked for at the same time; 1 by default, which cases that build on one another need. */
    readonly concurrency?: number;
    readonly onCase?: (done: number) => void;
  },
): Promise<EvaluatedLists> {
  const { at, cuts = {}, concurrency = 1, onCase = () => undefined } = options;
  const measures = new Measures(at);
  const ofCut = Object.fromEntries(Object.keys(cuts).map((name) => [name, new Measures(at)]));
  let done = 0;
  const measure = async (waiting: readonly TestCase[]): Promise<void> => {
    const all = await Promise.all(waiting.map((testCase) => listsOf(testCase)));
    all.forEach((made, i) => {
      const testCase = waiting[i]!;
      const lists = Object.entries(made);
      const add = (to: Measures, relevant: Uint32Array): void => {
        to.add(Object.fromEntries(lists.map(([name, ranked]) => [name, rankingMetrics(ranked, relevant, at)])));
      };
      add(measures, testCase.relevant);
      for (const [name, cut] of Object.entries(cuts)) {
        const relevant = cut(testCase);
        if (relevant.length > 0) add(ofCut[name]!, relevant);
      }
      onCase(++done);
    });
  };
  let waiting: TestCase[] = [];
  for (const testCase of cases) {
    if (testCase.relevant.length === 0) throw new RangeError(`the case of user row ${testCase.user} asks for nothing`);
    waiting.push(testCase);
    if (waiting.length < concurrency) continue;
    await measure(waiting);
    waiting = [];
  }
  await measure(waiting);
  return { measures, cuts: ofCut };
}
