/** A BigInt64Array of whole numbers from 0 to 2^31, written without making bigints. */
export class Int64Buffer {
  readonly values: BigInt64Array;
  readonly #low: Int32Array;

  constructor(length: number) {
    this.values = new BigInt64Array(length);
    this.#low = new Int32Array(this.values.buffer);
  }

  set(index: number, value: number): void {
    this.#low[index * 2] = value;
  }
}

/** Whole numbers of at least 0 as int64. */
export function toInt64(values: ArrayLike<number>, from = 0, to = values.length): BigInt64Array {
  const buffer = new Int64Buffer(to - from);
  for (let i = from; i < to; i++) buffer.set(i - from, values[i]!);
  return buffer.values;
}
