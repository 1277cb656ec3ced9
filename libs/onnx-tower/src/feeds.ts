import type { TowerInterface } from './check-tower';
import type { OnnxValue } from './session';

/** Of the values that a tower could read those that its signature lists: what it has no use for is not handed over. */
export function listedFeeds(
  values: Readonly<Record<string, OnnxValue>>,
  { inputs }: Pick<TowerInterface, 'inputs'>,
): Record<string, OnnxValue> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => inputs[name] !== undefined));
}
