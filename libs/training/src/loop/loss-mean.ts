/** Means of losses by name over steps. */
export class LossMean {
  #sums: Record<string, number> = {};
  #count = 0;

  add(losses: Readonly<Record<string, number>>): void {
    for (const [name, loss] of Object.entries(losses)) this.#sums[name] = (this.#sums[name] ?? 0) + loss;
    this.#count++;
  }

  /** The means; begins again. A loss that is not of every step counts 0 in the others. */
  take(): Record<string, number> {
    const means = Object.entries(this.#sums).map(([name, sum]) => [name, sum / this.#count] as const);
    this.#sums = {};
    this.#count = 0;
    return Object.fromEntries(means);
  }

  state(): { readonly sums: Record<string, number>; readonly count: number } {
    return { sums: { ...this.#sums }, count: this.#count };
  }

  restore({ sums, count }: ReturnType<LossMean['state']>): void {
    this.#sums = { ...sums };
    this.#count = count;
  }
}
