import { topCandidates } from '@mic/rerank';
import type { ChannelCandidates, Contribution } from './channel';
import { RowPositions } from './row-positions';

export interface EvidenceOptions {
  readonly temperature: number;
  readonly ageDecay: number;
  /** Whether to keep what each trigger gives. */
  readonly explain: boolean;
}

/** Triggers of a candidate that are kept. */
const MOST_CONTRIBUTIONS = 10;

/**
 * Sums up what several triggers say for the same items (ours): a trigger of similarity s at age a gives an item
 * exp((s - 1) / temperature) * ageDecay^a. The trigger that gave most is remembered.
 */
export class Evidence {
  readonly #options: EvidenceOptions;
  readonly #positions: RowPositions;
  /** By position, as are the rest. */
  readonly #scores: number[] = [];
  readonly #similarities: number[] = [];
  readonly #strongest: number[] = [];
  readonly #triggers: number[] = [];
  readonly #contributions: Contribution[][] = [];

  /** @param expected items to make room for. */
  constructor(options: EvidenceOptions, expected: number) {
    this.#options = options;
    this.#positions = new RowPositions(expected);
  }

  /** @throws RangeError for a similarity that is not finite. */
  add(row: number, similarity: number, age: number, trigger: number): void {
    if (!Number.isFinite(similarity)) throw new RangeError(`a list has the similarity ${similarity}`);
    const { temperature, ageDecay, explain } = this.#options;
    const evidence = Math.exp((similarity - 1) / temperature) * ageDecay ** age;
    const position = this.#positions.of(row);
    if (explain) (this.#contributions[position] ??= []).push({ trigger, evidence });
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
    const { explain } = this.#options;
    const ordered = topCandidates(scores, rows, explain ? rows.length : quota);
    const kept = ordered.subarray(0, quota);
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
    if (!explain) return best;
    return {
      ...best,
      contributions: Array.from(kept, (i) => strongestFirst(this.#contributions[i]!)),
      beyondQuota: ordered.subarray(quota).map((i) => rows[i]!),
    };
  }
}

const strongestFirst = (contributions: readonly Contribution[]): readonly Contribution[] =>
  contributions.toSorted((a, b) => b.evidence - a.evidence || a.trigger - b.trigger).slice(0, MOST_CONTRIBUTIONS);
