import type { Graph, Tensor } from '@mic/autodiff';
import type { Initializer, ParameterStore } from './parameters';

/** A dropout of a training graph: its mask is fed, scaled by 1 / (1 - rate) where it keeps a value. */
export interface DropoutMask {
  readonly input: string;
  readonly shape: readonly number[];
  readonly rate: number;
}

/** What a part of a model needs to add itself to a graph. */
export interface ModelScope {
  readonly graph: Graph;
  /** A trained tensor: an input of a training graph, a constant of an exported tower. */
  parameter(name: string, shape: readonly number[], initialize: Initializer): Tensor;
  /** Drops values at random in training; gives x itself in an exported tower. */
  dropout(x: Tensor, rate: number): Tensor;
}

/** Parameters as inputs, dropout by masks that are fed. */
export class TrainingScope implements ModelScope {
  /** Graph inputs by parameter name. */
  readonly parameters = new Map<string, Tensor>();
  readonly dropouts: DropoutMask[] = [];

  constructor(
    readonly graph: Graph,
    private readonly store: ParameterStore,
  ) {}

  parameter(name: string, shape: readonly number[], initialize: Initializer): Tensor {
    const known = this.parameters.get(name);
    if (known) return known;
    const input = this.graph.input(name, 'float32', this.store.getOrCreate(name, shape, initialize).shape);
    this.parameters.set(name, input);
    return input;
  }

  dropout(x: Tensor, rate: number): Tensor {
    if (rate === 0) return x;
    const mask = { input: `dropout:${this.dropouts.length}`, shape: x.shape as number[], rate };
    this.dropouts.push(mask);
    return this.graph.mul(x, this.graph.input(mask.input, 'float32', mask.shape));
  }
}

/** Parameters as constants, nothing dropped. */
export class ExportScope implements ModelScope {
  readonly #constants = new Map<string, Tensor>();

  constructor(
    readonly graph: Graph,
    private readonly store: ParameterStore,
  ) {}

  parameter(name: string, shape: readonly number[], initialize: Initializer): Tensor {
    const known = this.#constants.get(name);
    if (known) return known;
    const parameter = this.store.getOrCreate(name, shape, initialize);
    const tensor = this.graph.constant(parameter.values, parameter.shape);
    this.#constants.set(name, tensor);
    return tensor;
  }

  dropout(x: Tensor): Tensor {
    return x;
  }
}
