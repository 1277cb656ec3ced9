import { Random } from '@mic/domain';

/** A trained tensor that is not a row of an id table. */
export interface Parameter {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Gives the values of a new parameter. */
export type Initializer = (size: number, random: Random) => Float32Array;

export const zeros: Initializer = (size) => new Float32Array(size);
export const constant =
  (value: number): Initializer =>
  (size) =>
    new Float32Array(size).fill(value);
export const normal =
  (deviation: number): Initializer =>
  (size, random) =>
    Float32Array.from({ length: size }, () => random.normal() * deviation);

/**
 * The dense parameters of a model by name. The first graph that asks for one creates it; every further graph (of other
 * shapes, or of an exported tower) gets the same. A start value depends on the seed and the name alone.
 */
export class ParameterStore {
  readonly #seed: number;
  readonly #parameters = new Map<string, Parameter>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Names in the order of their creation. */
  get names(): readonly string[] {
    return [...this.#parameters.keys()];
  }

  get(name: string): Parameter {
    const parameter = this.#parameters.get(name);
    if (!parameter) throw new Error(`there is no parameter ${name}`);
    return parameter;
  }

  /** Moves all values into memory that threads share. */
  share(): void {
    for (const [name, { shape, values }] of this.#parameters) {
      const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
      shared.set(values);
      this.#parameters.set(name, { shape, values: shared });
    }
  }

  /** The parameter of that name, created if there is none. */
  getOrCreate(name: string, shape: readonly number[], initialize: Initializer): Parameter {
    const known = this.#parameters.get(name);
    if (known) return known;
    const size = shape.reduce((product, dim) => product * dim, 1);
    const parameter = { shape, values: initialize(size, new Random(this.#seed, streamOf(name))) };
    this.#parameters.set(name, parameter);
    return parameter;
  }
}

/** A stream of random numbers for a name (FNV-1a). */
function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
