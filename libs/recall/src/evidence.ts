import { topCandidates } from '@mic/rerank';
import type { ChannelCandidates } from './channel';
import { RowPositions } from './row-positions';

/**
 * Sums up what several triggers say for the same items (ours): a trigger of similarity s at age a gives an item
 * exp((s - 1) / temperature) * ageDecay^a. The trigger that gave most is remembered.
 */
export class Evidence {
  readonly #temperature: number;
  readonly #ageDecay: number;
  readonly #positions: RowPositions;
  /** By position, as are the rest. */
  readonly #scores: number[] = [];
  readonly #similarities: number[] = [];
  readonly #strongest: number[] = [];
  readonly #triggers: number[] = [];

  /** @param expected items to make room for. */
  constructor(
    { temperature, ageDecay }: { readonly temperature: number; readonly ageDecay: number },
    expected: number,
  ) {
    this.#temperature = temperature;
    this.#ageDecay = ageDecay;
    this.#positions = new RowPositions(expected);
  }

  /** @throws RangeError for a similarity that is not finite. */
  add(row: number, similarity: number, age: number, trigger: number): void {
    if (!Number.isFinite(similarity)) throw new RangeError(`a list has the similarity ${similarity}`);
    const evidence = Math.exp((similarity - 1) / this.#temperature) * this.#ageDecay ** age;
    const position = this.#positions.of(row);
    if (position === this.#scores.length) {
      this.#scores.push(evidence);
      this.#similarities.push(similarity);
      this.#strongest.push(evidence);
      this.#triggers.push(trigger);
      return;
    }
    this.#scores[position]! += evidence;
    if (similarity > this.#similarities[position]!) this.#similarities[position] = similarity;
    if (evidence > this.#strongest[position]!) {
      this.#strongest[position] = evidence;
      this.#triggers[position] = trigger;
    }
  }

  /** The `quota` best items; equal scores, as floats, are ordered by row. */
  best(quota: number, triggerIds: readonly string[]): ChannelCandidates {
    const scores = Float32Array.from(this.#scores);
    const rows = this.#positions.rows();
    const kept = topCandidates(scores, rows, quota);
    const best = {
      rows: new Uint32Array(kept.length),
      scores: new Float32Array(kept.length),
      similarities: new Float32Array(kept.length),
      triggers: new Uint32Array(kept.length),
      triggerIds,
    };
    for (let place = 0; place < kept.length; place++) {
      const i = kept[place]!;
      best.rows[place] = rows[i]!;
      best.scores[place] = scores[i]!;
      best.similarities[place] = this.#similarities[i]!;
      best.triggers[place] = this.#triggers[i]!;
    }
    return best;
  }
}
