import { exactTopK } from '@mic/vectors';
import { encodeItems, encodeUsers, type TowerInputs } from './tower-encoder';
import type { TrainingData } from './training-data';
import type { TrainedWeights } from './trainer';

/** List lengths at which the hit rate is measured. */
const CUTS = [10, 50] as const;

/**
 * Hit rate of the U2I list on the held-out validation events: all items ranked, the items of the user's history left out.
 * Keys `HR@10` and `HR@50`, 0 .. 1; empty when nothing is held out.
 */
export async function validate(
  data: TrainingData,
  weights: TrainedWeights,
  fields: Pick<TowerInputs, 'profiles' | 'itemFields'>,
): Promise<Record<string, number>> {
  const { validationUsers, validationItems, histories } = data;
  if (validationUsers.length === 0) return {};
  const inputs: TowerInputs = { ...weights, ...fields, histories };
  const dimension = weights.signature.dimension;
  const itemVectors = await encodeItems(weights.itemTower, inputs);
  const userVectors = await encodeUsers(weights.userTower, inputs);
  const queries = new Float32Array(validationUsers.length * dimension);
  validationUsers.forEach((user, i) => {
    queries.set(userVectors.subarray(user * dimension, (user + 1) * dimension), i * dimension);
  });
  const lists = exactTopK({
    queries,
    queryCount: validationUsers.length,
    matrix: itemVectors,
    rowCount: histories.itemCount,
    dimension,
    k: Math.max(...CUTS),
    exclude: (i) =>
      histories.itemRows.subarray(histories.offsets[validationUsers[i]!], histories.offsets[validationUsers[i]! + 1]),
  });
  const hits = new Map<number, number>(CUTS.map((cut) => [cut, 0]));
  validationItems.forEach((item, i) => {
    const rank = lists.rows.subarray(lists.offsets[i], lists.offsets[i + 1]).indexOf(item);
    for (const cut of CUTS) if (rank >= 0 && rank < cut) hits.set(cut, hits.get(cut)! + 1);
  });
  return Object.fromEntries(CUTS.map((cut) => [`HR@${cut}`, hits.get(cut)! / validationUsers.length]));
}
