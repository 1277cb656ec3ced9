import type { ShortList } from '../data/item-user-lists';
import { UniqueRows } from '../data/unique-rows';
import type { PartResult } from './part-runner';

/** Summed gradients of table rows. */
export interface RowGradients {
  readonly rows: Uint32Array;
  /** rows.length x width */
  readonly values: Float32Array;
}

/** Adds up the gradients of the parts of a step, in the order in which they are given. */
export class GradientSum {
  readonly #users: RowSum;
  readonly #items: RowSum;
  readonly #parameters = new Map<string, Float32Array>();
  #used: readonly string[] = [];

  constructor(userRows: number, itemRows: number, width: number) {
    this.#users = new RowSum(userRows, width);
    this.#items = new RowSum(itemRows, width);
  }

  reset(): void {
    this.#users.reset();
    this.#items.reset();
    this.#used = [];
  }

  /** @param names of the parameters of the result. */
  add(
    { itemRows, userRows, itemUsers, parameters }: PartResult,
    names: readonly string[],
    rows: { readonly users: Uint32Array; readonly items: Uint32Array; readonly shortLists: readonly ShortList[] },
  ): void {
    this.#items.add(rows.items, itemRows);
    if (userRows) this.#users.add(rows.users, userRows);
    if (itemUsers) for (const list of rows.shortLists) this.#users.addMean(list, itemUsers);
    const first = this.#used.length === 0;
    this.#used = names;
    names.forEach((name, i) => {
      const gradient = parameters[i]!;
      let sum = this.#parameters.get(name);
      if (!sum) this.#parameters.set(name, (sum = new Float32Array(gradient.length)));
      if (first) sum.set(gradient);
      else for (let d = 0; d < sum.length; d++) sum[d]! += gradient[d]!;
    });
  }

  get users(): RowGradients {
    return this.#users;
  }

  get items(): RowGradients {
    return this.#items;
  }

  /** Gradients of the dense parameters that the step used. */
  get parameters(): readonly (readonly [string, Float32Array])[] {
    return this.#used.map((name) => [name, this.#parameters.get(name)!]);
  }

  /** Shortens the whole gradient to a length; 0: leaves it. */
  clip(longest: number): void {
    if (longest === 0) return;
    const all = [this.users.values, this.items.values, ...this.parameters.map(([, values]) => values)];
    let squares = 0;
    for (const values of all) for (const value of values) squares += value * value;
    const length = Math.sqrt(squares);
    if (!(length > longest)) return;
    for (const values of all) for (let i = 0; i < values.length; i++) values[i]! *= longest / length;
  }
}

const MASK_ROW = Uint32Array.of(0);

class RowSum implements RowGradients {
  readonly #rows: UniqueRows;
  readonly #width: number;
  #values: Float32Array;

  constructor(tableRows: number, width: number) {
    this.#rows = new UniqueRows(tableRows);
    this.#width = width;
    // The mask row is among the rows even where nothing is added.
    this.#values = new Float32Array(width);
  }

  get rows(): Uint32Array {
    return this.#rows.rows;
  }

  get values(): Float32Array {
    return this.#values.subarray(0, this.#rows.rows.length * this.#width);
  }

  reset(): void {
    this.#rows.reset();
    this.#values.fill(0);
  }

  add(rows: Uint32Array, gradients: Float32Array): void {
    const width = this.#width;
    for (let i = 0; i < rows.length; i++) {
      const local = this.#rows.localOf(rows[i]!);
      const to = local * width;
      if (to + width > this.#values.length) this.#grow(to + width);
      for (let d = 0; d < width; d++) this.#values[to + d]! += gradients[i * width + d]!;
    }
  }

  /** Shares out the gradient of a mean of user rows; of an empty list it is the mask row's. */
  addMean({ place, users }: ShortList, gradients: Float32Array): void {
    const width = this.#width;
    const share = gradients.slice(place * width, (place + 1) * width);
    if (users.length > 1) for (let d = 0; d < width; d++) share[d]! /= users.length;
    if (users.length === 0) this.add(MASK_ROW, share);
    for (const user of users) this.add(Uint32Array.of(user + 1), share);
  }

  #grow(size: number): void {
    const larger = new Float32Array(Math.max(size, 2 * this.#values.length, 1024 * this.#width));
    larger.set(this.#values);
    this.#values = larger;
  }
}
