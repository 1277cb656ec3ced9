import { OnnxSession, type OnnxValue } from '@mic/onnx-tower';
import { gradientOf, ITEM_ROWS, ITEM_USERS, USER_ROWS, type StepModel } from './step-graph';

/** Dense parameters as a runner reads them. */
export interface ParameterView {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A prepared part: index of its graph, feeds, and where its dropout masks begin in the pool. */
export interface PreparedPart {
  readonly model: number;
  readonly feeds: Readonly<Record<string, OnnxValue>>;
  readonly dropoutOffsets: readonly number[];
}

/** What a part gives. */
export interface PartResult {
  /** One value for each name of the model's `losses`. */
  readonly losses: Float32Array;
  readonly itemRows: Float32Array;
  /** Null where the model does not read user ids. */
  readonly userRows: Float32Array | null;
  /** Of the candidates' mean user rows; null where the model does not read them. */
  readonly itemUsers: Float32Array | null;
  /** In the order of the model's `parameters`. */
  readonly parameters: readonly Float32Array[];
}

/** Random 0 and 1 / (1 - rate) by rate, of which every dropout mask is a stretch. */
export type DropoutPools = Readonly<Record<number, Float32Array>>;

/** Runs parts, a session for each graph. */
export class PartRunner {
  readonly #models: readonly StepModel[];
  readonly #parameters: Readonly<Record<string, ParameterView>>;
  readonly #pools: DropoutPools;
  readonly #sessions = new Map<number, OnnxSession>();
  /** ONNX Runtime takes no shared memory: copies that every run renews. */
  readonly #copies = new Map<string, Float32Array>();

  constructor(models: readonly StepModel[], parameters: Readonly<Record<string, ParameterView>>, pools: DropoutPools) {
    this.#models = models;
    this.#parameters = parameters;
    this.#pools = Object.fromEntries(Object.entries(pools).map(([rate, pool]) => [rate, new Float32Array(pool)]));
  }

  async run({ model: index, feeds, dropoutOffsets }: PreparedPart): Promise<PartResult> {
    const model = this.#models[index]!;
    let session = this.#sessions.get(index);
    if (!session) {
      // One thread: ScatterND with reduction add is wrong with more.
      session = await OnnxSession.open(model.onnx, { name: 'training step', intraOpThreads: 1 });
      this.#sessions.set(index, session);
    }
    const all: Record<string, OnnxValue> = { ...feeds };
    for (const name of model.parameters) {
      const { values, shape } = this.#parameters[name]!;
      let copy = this.#copies.get(name);
      if (!copy) this.#copies.set(name, (copy = new Float32Array(values.length)));
      copy.set(values);
      all[name] = { data: copy, dims: shape };
    }
    model.dropouts.forEach(({ input, shape, rate }, i) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const from = dropoutOffsets[i]!;
      all[input] = { data: this.#pools[rate]!.subarray(from, from + size), dims: shape };
    });
    const results = await session.run(all);
    const floats = (name: string): Float32Array => results[name]!.data as Float32Array;
    const floatsOrNull = (name: string): Float32Array | null => (name in results ? floats(name) : null);
    return {
      losses: floats('losses'),
      itemRows: floats(gradientOf(ITEM_ROWS)),
      userRows: floatsOrNull(gradientOf(USER_ROWS)),
      itemUsers: floatsOrNull(gradientOf(ITEM_USERS)),
      parameters: model.parameters.map((name) => floats(gradientOf(name))),
    };
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await session.close();
    this.#sessions.clear();
  }
}
