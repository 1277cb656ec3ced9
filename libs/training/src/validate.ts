import { matmulTopK } from '@mic/matrix';
import type { TrainingData } from './data/validation';
import type { TrainedWeights } from './loop/trainer';
import { encodeItems, encodeUsers, type TowerInputs } from './tower-encoder';

/** List lengths at which hit rate and NDCG are measured. */
const CUTS = [10, 50] as const;
/** Query vectors that are ranked at a time. */
const QUERIES = 256;

/**
 * Hit rate and NDCG of the U2I list on the held-out validation events: all items ranked, the items of the user's history
 * left out. Keys such as `HR@10` and `NDCG@10`, 0 .. 1; empty when nothing is held out.
 */
export async function validate(
  data: TrainingData,
  weights: TrainedWeights,
  fields: Pick<TowerInputs, 'profiles' | 'itemFields'>,
): Promise<Record<string, number>> {
  const { validationUsers, validationItems, histories } = data;
  if (validationUsers.length === 0) return {};
  const inputs: TowerInputs = { ...weights, ...fields, histories };
  const { dimension, vectorsPerUser: perUser } = weights.signature;
  const matrix = await encodeItems(weights.itemTower, inputs);
  const userVectors = await encodeUsers(weights.userTower, inputs, validationUsers);
  const sums = new Map<string, number>(CUTS.flatMap((cut) => [`HR@${cut}`, `NDCG@${cut}`]).map((name) => [name, 0]));
  const add = (name: string, value: number): void => {
    sums.set(name, sums.get(name)! + value);
  };
  for (let from = 0; from < validationUsers.length; from += QUERIES) {
    const users = validationUsers.subarray(from, from + QUERIES);
    const lists = await matmulTopK({
      queries: userVectors.subarray(from * perUser * dimension, (from + users.length) * perUser * dimension),
      queryCount: users.length * perUser,
      matrix,
      rowCount: histories.itemCount,
      dimension,
      k: Math.max(...CUTS),
      exclude: (query) => {
        const user = users[Math.floor(query / perUser)]!;
        return histories.itemRows.subarray(histories.offsets[user], histories.offsets[user + 1]);
      },
    });
    users.forEach((_, u) => {
      const rank = rankOf(validationItems[from + u]!, lists, u * perUser, (u + 1) * perUser);
      for (const cut of CUTS) {
        if (rank > cut) continue;
        add(`HR@${cut}`, 1);
        add(`NDCG@${cut}`, 1 / Math.log2(rank + 1));
      }
    });
  }
  return Object.fromEntries([...sums].map(([name, sum]) => [name, sum / validationUsers.length]));
}

/** Rank (from 1) of an item in the union of lists, each item by its best score; Infinity where it is in none. */
function rankOf(
  item: number,
  { offsets, rows, scores }: Awaited<ReturnType<typeof matmulTopK>>,
  first: number,
  end: number,
): number {
  const best = new Map<number, number>();
  for (let i = offsets[first]!; i < offsets[end]!; i++) {
    best.set(rows[i]!, Math.max(scores[i]!, best.get(rows[i]!) ?? -Infinity));
  }
  const own = best.get(item);
  if (own === undefined) return Infinity;
  let rank = 1;
  for (const [other, score] of best) if (score > own || (score === own && other < item)) rank++;
  return rank;
}
