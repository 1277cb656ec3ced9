import type { Random } from '@mic/domain';
import { bucketOf, epochSteps, windowsByLength, type StepWindows, type WindowTable } from '../data/windows';
import { ENCODERS } from '../model/encoders';
import type { ModelShape } from '../model/model';
import type { ParameterStore } from '../model/parameters';
import type { DropoutPools } from './part-runner';
import { queriesOf, stepModel, type PartSize, type StepModel } from './step-graph';

/** Parts of a step: what the threads share out. Fixed, so that the result does not depend on their number. */
export const PARTS = 2;

/** A kind of step: with the losses of MIC or without, before anything was mined or after. */
export interface StepKind {
  readonly length: number;
  readonly mic: boolean;
  readonly mined: boolean;
}

/** How a run's windows become steps, and the graph of every kind of step that occurs. */
export class StepModels {
  readonly all: readonly StepModel[];
  /** Steps of an epoch. */
  readonly perEpoch: number;
  readonly #shape: ModelShape;
  readonly #windows: WindowTable;
  readonly #of = new Map<string, number>();

  constructor(shape: ModelShape, windows: WindowTable, itemCount: number, store: ParameterStore) {
    this.#shape = shape;
    this.#windows = windows;
    const byLength = windowsByLength(windows, (targets) => this.#lengthOf(targets));
    this.perEpoch = [...byLength].reduce(
      (steps, [length, count]) => steps + Math.ceil(count / (PARTS * this.#usersOf(length))),
      0,
    );
    const models: StepModel[] = [];
    for (const length of [...byLength.keys()].sort((a, b) => b - a)) {
      for (const variant of this.#variants()) {
        this.#of.set(keyOf({ length, ...variant }), models.length);
        models.push(stepModel(shape, store, this.#sizeOf({ length, ...variant }, itemCount)));
      }
    }
    this.all = models;
    store.share();
  }

  /** Index in `all` of the graph for a kind of step. */
  indexOf(kind: StepKind): number {
    return this.#of.get(keyOf(kind))!;
  }

  /** The steps of an epoch. */
  epoch(random: Random): Generator<StepWindows> {
    return epochSteps(
      this.#windows,
      (targets) => this.#lengthOf(targets),
      (length) => PARTS * this.#usersOf(length),
      random,
    );
  }

  #lengthOf(targets: number): number {
    const { encoder, model } = this.#shape.config;
    return ENCODERS[encoder].positions === 'all' ? bucketOf(targets, model.longestHistory) : model.longestHistory;
  }

  /** Users of a part, so that the parts of a step have `batchTargets` targets; fewer where there are few windows. */
  #usersOf(length: number): number {
    const { encoder, loop } = this.#shape.config;
    const perUser = ENCODERS[encoder].positions === 'all' ? length : 1;
    const wanted = Math.floor(loop.batchTargets / (PARTS * perUser));
    const most = Math.ceil(this.#windows.length / (4 * PARTS));
    return Math.max(1, Math.min(wanted, most));
  }

  #sizeOf({ length, mic: withMic, mined }: StepKind, items: number): PartSize {
    const { mic, softmax, model } = this.#shape.config;
    const full = softmax.candidates === 'full' || (softmax.candidates === 'auto' && items <= softmax.fullBelow);
    const users = this.#usersOf(length);
    const plain: PartSize = { users, length, candidates: 0, full, pairs: 0, viewLength: 0, mined };
    const queries = queriesOf(this.#shape, plain);
    return {
      ...plain,
      candidates: full ? items + 1 : queries + softmax.negatives,
      pairs: withMic ? Math.min(queries, Math.ceil(mic.pairs / PARTS)) : 0,
      viewLength: withMic ? Math.min(mic.history, model.longestHistory) : 0,
    };
  }

  #variants(): Omit<StepKind, 'length'>[] {
    const { mic } = this.#shape.config;
    const plain = { mic: false, mined: false };
    if (!mic.enabled) return [plain];
    const mines = mic.mined.weight > 0;
    return [
      { mic: true, mined: false },
      ...(mic.every > 1 ? [plain] : []),
      ...(mines ? [{ mic: true, mined: true }] : []),
    ];
  }
}

const keyOf = ({ length, mic, mined }: StepKind): string => `${length}${mic ? '+' : ''}${mined ? '*' : ''}`;

/** Values that dropout masks are stretches of. */
const POOL_SIZE = 2 ** 22;
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

/** Random masks that all dropouts are stretches of, by rate, in memory that threads share. */
export function dropoutPools(models: readonly StepModel[], randomOf: () => Random): DropoutPools {
  const pools: Record<number, Float32Array> = {};
  for (const { dropouts } of models) {
    for (const { rate, shape } of dropouts) {
      const size = Math.max(POOL_SIZE, 2 * sizeOf(shape));
      if ((pools[rate]?.length ?? 0) >= size) continue;
      const random = randomOf();
      const pool = new Float32Array(new SharedArrayBuffer(size * 4));
      for (let i = 0; i < size; i++) pool[i] = random.next() < rate ? 0 : 1 / (1 - rate);
      pools[rate] = pool;
    }
  }
  return pools;
}

/** Where each dropout of a step begins in its pool. */
export function dropoutOffsets({ dropouts }: StepModel, pools: DropoutPools, random: Random): number[] {
  return dropouts.map(({ rate, shape }) => random.below(pools[rate]!.length - sizeOf(shape)));
}
