import { metricNames, type RankingMetrics } from './ranking-metrics';

/** Bounds between which a mean lies with 95 % confidence. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Figures of every case for each kind of list: what means, intervals and paired differences are made from. */
export class Measures {
  readonly #names: readonly string[];
  readonly #values = new Map<string, Float64Array>();
  #cases = 0;
  #capacity = 256;

  constructor(readonly cuts: readonly number[]) {
    this.#names = metricNames(cuts);
  }

  get cases(): number {
    return this.#cases;
  }

  get lists(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** Adds a case; a kind of list that it does not name counts 0 in it. */
  add(figures: Readonly<Record<string, readonly number[]>>): void {
    if (this.#cases === this.#capacity) this.#grow();
    for (const [list, values] of Object.entries(figures)) {
      let table = this.#values.get(list);
      if (!table) this.#values.set(list, (table = new Float64Array(this.#capacity * this.#names.length)));
      table.set(values, this.#cases * this.#names.length);
    }
    this.#cases++;
  }

  /** Means by list. */
  means(): Record<string, RankingMetrics> {
    return mapOf(this.lists, (list) => {
      const figures = this.#figures(this.#values.get(list)!);
      return mapOf(this.#names, (name) => figures[name]!.mean);
    });
  }

  /** Means with their intervals by list. */
  intervals(): Record<string, Record<string, Interval>> {
    return mapOf(this.lists, (list) => this.#figures(this.#values.get(list)!));
  }

  /** How much a list is above another one, case by case. @param base the measures that the other list is of. */
  difference(list: string, other: string, base: Measures = this): Record<string, Interval> {
    const [a, b] = [this.#values.get(list), base.#values.get(other)];
    if (!a || !b || base.#cases !== this.#cases) throw new RangeError(`${list} and ${other} are not of the same cases`);
    return this.#figures(a.map((value, i) => value - b[i]!));
  }

  /** Case by case the mean of several measures of the same cases: of models that differ by their seed. */
  static mean(all: readonly Measures[]): Measures {
    const [first] = all;
    if (!first || all.some(({ cases }) => cases !== first.cases)) throw new RangeError('measures of different cases');
    const mean = new Measures(first.cuts);
    mean.#cases = first.#cases;
    mean.#capacity = first.#cases;
    for (const list of first.lists) {
      const tables = all.map((measures) => measures.#values.get(list)!);
      const size = first.#cases * first.#names.length;
      mean.#values.set(
        list,
        Float64Array.from({ length: size }, (_, i) => tables.reduce((sum, table) => sum + table[i]!, 0) / all.length),
      );
    }
    return mean;
  }

  #figures(table: Float64Array): Record<string, Interval> {
    const width = this.#names.length;
    const n = this.#cases;
    return Object.fromEntries(
      this.#names.map((name, m) => {
        let sum = 0;
        let squares = 0;
        for (let i = 0; i < n; i++) {
          const value = table[i * width + m]!;
          sum += value;
          squares += value * value;
        }
        const mean = n === 0 ? 0 : sum / n;
        const variance = n < 2 ? 0 : Math.max(0, (squares - n * mean * mean) / (n - 1));
        const half = Z95 * Math.sqrt(variance / Math.max(1, n));
        return [name, { mean, low: mean - half, high: mean + half }];
      }),
    );
  }

  #grow(): void {
    this.#capacity *= 2;
    for (const [list, values] of this.#values) {
      const wider = new Float64Array(this.#capacity * this.#names.length);
      wider.set(values);
      this.#values.set(list, wider);
    }
  }
}

/** Two-sided 95 % quantile of the normal distribution. */
const Z95 = 1.959964;

const mapOf = <V>(names: readonly string[], valueOf: (name: string) => V): Record<string, V> =>
  Object.fromEntries(names.map((name) => [name, valueOf(name)]));
