import { Random } from '@mic/domain';
import type { FieldLayout } from '@mic/features';
import type { TowerShape } from './tower-graph';

/** A parameter of the towers that is not a row of an id table. */
export interface DenseParameter {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * All dense parameters at their start, by name. The skip connections start as the identity on the item's id row and on
 * the user's pooled history, so that an untrained model already scores an item by its likeness to the history.
 */
export function initialParameters(shape: TowerShape, recency: number, seed: number): Map<string, DenseParameter> {
  const random = new Random(seed);
  const parameters = new Map<string, DenseParameter>();
  addTower(parameters, 'user', shape, shape.userLayout, shape.idDimension, random);
  addTower(parameters, 'item', shape, shape.itemLayout, 0, random);
  // exp(-rate) = recency
  parameters.set('user.logRate', { shape: [], values: Float32Array.of(Math.log(-Math.log(recency))) });
  return parameters;
}

/** @param identityRow first input of the skip connection that starts as the identity. */
function addTower(
  parameters: Map<string, DenseParameter>,
  tower: 'user' | 'item',
  { dimension, idDimension, fieldDimension, hidden }: TowerShape,
  layout: FieldLayout,
  identityRow: number,
  random: Random,
): void {
  const width = 2 * idDimension + layout.places.length * fieldDimension;
  const normal = (rows: number, columns: number, deviation: number): DenseParameter => ({
    shape: [rows, columns],
    values: Float32Array.from({ length: rows * columns }, () => random.normal() * deviation),
  });
  for (const { name, tableSize } of layout.places) {
    parameters.set(`${tower}.field.${name}`, normal(tableSize, fieldDimension, 0.05));
  }
  parameters.set(`${tower}.w1`, normal(width, hidden, Math.sqrt(2 / width)));
  parameters.set(`${tower}.b1`, { shape: [hidden], values: new Float32Array(hidden) });
  parameters.set(`${tower}.w2`, normal(hidden, dimension, 0.1 * Math.sqrt(1 / hidden)));
  parameters.set(`${tower}.b2`, { shape: [dimension], values: new Float32Array(dimension) });
  const skip = normal(width, dimension, 0.1 * Math.sqrt(1 / width));
  for (let i = 0; i < Math.min(idDimension, dimension); i++) skip.values[(identityRow + i) * dimension + i]! += 1;
  parameters.set(`${tower}.skip`, skip);
}
