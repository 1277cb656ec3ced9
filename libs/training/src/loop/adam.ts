/** Knobs of Adam (Kingma and Ba, 2015). */
export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
}

const EPSILON = 1e-8;

/**
 * Adam over a table of rows; a step touches only the rows that it is given (lazy Adam: the moments of other rows do not
 * decay), so that its cost does not grow with the table. A dense parameter is a table of one row.
 */
export class LazyAdam {
  readonly values: Float32Array;
  readonly #width: number;
  readonly #first: Float32Array;
  readonly #second: Float32Array;
  readonly #options: AdamOptions;

  /** @param values rows x width, row-major; updated in place. */
  constructor(values: Float32Array, width: number, options: AdamOptions) {
    this.values = values;
    this.#width = width;
    this.#first = new Float32Array(values.length);
    this.#second = new Float32Array(values.length);
    this.#options = options;
  }

  /** Values and moments, not copied. */
  state(): { readonly values: Float32Array; readonly first: Float32Array; readonly second: Float32Array } {
    return { values: this.values, first: this.#first, second: this.#second };
  }

  /** Takes over values and moments of the same length. */
  restore({ values, first, second }: ReturnType<LazyAdam['state']>): void {
    this.values.set(values);
    this.#first.set(first);
    this.#second.set(second);
  }

  /**
   * @param rows rows to update, each once.
   * @param gradients rows.length x width, row-major.
   * @param step number of this step, from 1: the moments' bias correction.
   */
  update(rows: Uint32Array, gradients: Float32Array, learningRate: number, step: number): void {
    const { beta1, beta2 } = this.#options;
    const width = this.#width;
    const correction2 = Math.sqrt(1 - beta2 ** step);
    const rate = (learningRate * correction2) / (1 - beta1 ** step);
    const epsilon = EPSILON * correction2;
    const [values, first, second] = [this.values, this.#first, this.#second];
    for (let i = 0; i < rows.length; i++) {
      const from = i * width;
      const to = rows[i]! * width;
      for (let d = 0; d < width; d++) {
        const g = gradients[from + d]!;
        const m = beta1 * first[to + d]! + (1 - beta1) * g;
        const v = beta2 * second[to + d]! + (1 - beta2) * g * g;
        first[to + d] = m;
        second[to + d] = v;
        values[to + d]! -= (rate * m) / (Math.sqrt(v) + epsilon);
      }
    }
  }
}
