import type { Random } from '@mic/domain';

/**
 * Discrete distributions side by side, each drawn from in constant time (alias method: Walker 1977, built as in Vose
 * 1991). Distribution d is over the places [starts[d], starts[d + 1]) of one long weight array.
 */
export class AliasTables {
  readonly #starts: Uint32Array;
  /** Share of its own column that a place keeps. */
  readonly #keeps: Float32Array;
  readonly #aliases: Uint32Array;

  /** @param weights above 0 */
  constructor(weights: Float64Array, starts: Uint32Array) {
    this.#starts = starts;
    this.#keeps = new Float32Array(weights.length);
    this.#aliases = new Uint32Array(weights.length);
    for (let d = 0; d + 1 < starts.length; d++) this.#build(weights, starts[d]!, starts[d + 1]!);
  }

  /** A place of distribution d, as an index into the long array. */
  draw(d: number, random: Random): number {
    const start = this.#starts[d]!;
    const scaled = random.next() * (this.#starts[d + 1]! - start);
    const column = Math.floor(scaled);
    return scaled - column < this.#keeps[start + column]! ? start + column : this.#aliases[start + column]!;
  }

  #build(weights: Float64Array, start: number, end: number): void {
    let sum = 0;
    for (let i = start; i < end; i++) sum += weights[i]!;
    const scaled = new Float64Array(end - start);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = start; i < end; i++) {
      scaled[i - start] = (weights[i]! / sum) * (end - start);
      (scaled[i - start]! < 1 ? small : large).push(i);
    }
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!;
      const more = large.pop()!;
      this.#keeps[less] = scaled[less - start]!;
      this.#aliases[less] = more;
      scaled[more - start]! -= 1 - scaled[less - start]!;
      (scaled[more - start]! < 1 ? small : large).push(more);
    }
    for (const rest of [...small, ...large]) this.#keeps[rest] = 1;
  }
}
