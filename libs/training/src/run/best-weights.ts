import type { TrainedWeights } from '../loop/trainer';
import type { Checkpoint } from './checkpoint';
import type { RunProgress } from './progress';

/** The validation figure that early stopping goes by. */
const DECIDES = 'NDCG@10';

const DENSE = 'best dense ';

/** What a run keeps: the last weights, or with a patience the best on the validation events. */
export class BestWeights {
  readonly #patience: number;
  #best: { readonly weights: TrainedWeights; readonly validation: Readonly<Record<string, number>> } | null = null;
  #worse = 0;

  /** @param patience validations without a better one after which training stops; 0: the last weights are kept. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /** True when the patience has run out. */
  offer(weights: TrainedWeights, validation: Readonly<Record<string, number>>): boolean {
    const value = validation[DECIDES];
    const known = this.#best?.validation[DECIDES];
    const isBetter = value === undefined || known === undefined || value > known;
    if (this.#patience === 0 || isBetter) {
      this.#best = { weights, validation };
      this.#worse = 0;
      return false;
    }
    return ++this.#worse >= this.#patience;
  }

  chosen(): { readonly weights: TrainedWeights; readonly validation: Readonly<Record<string, number>> } {
    if (!this.#best) throw new Error('no epoch was trained');
    return this.#best;
  }

  /** What a checkpoint has of it; null where nothing has to be kept. */
  state(): (Pick<Checkpoint, 'arrays' | 'bytes'> & { readonly rest: RunProgress['best'] }) | null {
    if (this.#patience === 0 || !this.#best) return null;
    const { weights, validation } = this.#best;
    const { signature, userRows, itemRows, userTower, itemTower, parameters } = weights;
    const dense = Object.entries(parameters).map(([name, { values }]) => [DENSE + name, values]);
    return {
      arrays: { 'best user-rows': userRows, 'best item-rows': itemRows, ...Object.fromEntries(dense) },
      bytes: { 'best user-tower': userTower, 'best item-tower': itemTower },
      rest: {
        signature,
        shapes: Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, [...shape]])),
        validation: { ...validation },
        worse: this.#worse,
      },
    };
  }

  restore(rest: NonNullable<RunProgress['best']>, { arrays, bytes }: Pick<Checkpoint, 'arrays' | 'bytes'>): void {
    const weights: TrainedWeights = {
      signature: rest.signature,
      userRows: arrays['best user-rows']!,
      itemRows: arrays['best item-rows']!,
      userTower: bytes['best user-tower']!,
      itemTower: bytes['best item-tower']!,
      parameters: Object.fromEntries(
        Object.entries(rest.shapes).map(([name, shape]) => [name, { shape, values: arrays[DENSE + name]! }]),
      ),
    };
    this.#best = { weights, validation: rest.validation };
    this.#worse = rest.worse;
  }
}
