import type { ChannelCandidates } from './channel';

/**
 * Sums up what several triggers say for the same items (ours): a trigger of similarity s at age a gives an item
 * exp((s - 1) / temperature) * ageDecay^a. The trigger that gave most is remembered.
 */
export class Evidence {
  readonly #temperature: number;
  readonly #ageDecay: number;
  readonly #positions = new Map<number, number>();
  readonly #rows: number[] = [];
  readonly #scores: number[] = [];
  readonly #similarities: number[] = [];
  readonly #strongest: number[] = [];
  readonly #triggers: number[] = [];

  constructor({ temperature, ageDecay }: { readonly temperature: number; readonly ageDecay: number }) {
    this.#temperature = temperature;
    this.#ageDecay = ageDecay;
  }

  /** @throws RangeError for a similarity that is not finite. */
  add(row: number, similarity: number, age: number, trigger: number): void {
    if (!Number.isFinite(similarity)) throw new RangeError(`a list has the similarity ${similarity}`);
    const evidence = Math.exp((similarity - 1) / this.#temperature) * this.#ageDecay ** age;
    const known = this.#positions.get(row);
    if (known === undefined) {
      this.#positions.set(row, this.#rows.length);
      this.#rows.push(row);
      this.#scores.push(evidence);
      this.#similarities.push(similarity);
      this.#strongest.push(evidence);
      this.#triggers.push(trigger);
      return;
    }
    this.#scores[known]! += evidence;
    this.#similarities[known] = Math.max(this.#similarities[known]!, similarity);
    if (evidence > this.#strongest[known]!) {
      this.#strongest[known] = evidence;
      this.#triggers[known] = trigger;
    }
  }

  /** The `quota` best items; equal scores are ordered by row. */
  best(quota: number, triggerIds: readonly string[]): ChannelCandidates {
    const order = this.#rows.map((_, i) => i);
    order.sort((a, b) => this.#scores[b]! - this.#scores[a]! || this.#rows[a]! - this.#rows[b]!);
    const kept = order.slice(0, quota);
    return {
      rows: Uint32Array.from(kept, (i) => this.#rows[i]!),
      scores: Float32Array.from(kept, (i) => this.#scores[i]!),
      similarities: Float32Array.from(kept, (i) => this.#similarities[i]!),
      triggers: Uint32Array.from(kept, (i) => this.#triggers[i]!),
      triggerIds,
    };
  }
}
