import type { HistoryTable } from '@mic/domain';
import { Random } from '@mic/domain';
import { bestUnmasked } from '@mic/evaluation';
import { dot, normaliseRows } from '@mic/vectors';
import type { EncodedVectors, EncodedWorld } from './encoded-world';
import { learnLogistic, type Logistic } from './logistic';

/** Relations whose probabilities are summed: user-item, user-user through the item's users, item-item through the history. */
const RELATIONS = ['userItem', 'userUser', 'itemItem'] as const;
type Relation = (typeof RELATIONS)[number];

/** Users of an item, and newest items of a user, that are averaged. */
const MOST_USERS = 50;
const MOST_ITEMS = 10;
/** Random items beside each right one when probabilities are fitted. */
const NEGATIVES = 20;
const MOST_EVENTS = 2_000;
const SEED = 1;
/** Weights that are tried for the second and third relation beside 1 for the first. */
const GRID = [0, 0.25, 0.5, 1, 2];
const CUT = 50;
/** Three products with every item for every case: beyond, they would take too long. */
export const MOST_ITEMS_TO_PREDICT = 50_000;

/** What predictions are made of: vectors, and the histories that they were encoded from. */
export type PredictedWorld = EncodedVectors & Pick<EncodedWorld, 'histories'>;

/** Events that the probabilities and, where they are of no training, the weights are found on. */
export interface KnownEvents {
  readonly users: Uint32Array;
  /** Right item of each user. */
  readonly items: Uint32Array;
  /** True where training has not seen them. */
  readonly unseen: boolean;
}

/**
 * The prediction of MIC (CIKM 2022): p = w1 p_u2i + w2 p_u2u + w3 p_i2i. The forms of the three are ours: each is the
 * logistic of a cosine (Platt scaling): of user and item, of the user and the mean of the item's users, of the item and the
 * mean of the user's newest items. The weights come from a grid where there are events that training has not seen; else
 * they are 1 : 1 : 1, which the paper's grid search found.
 */
export class Predictor {
  readonly #world: PredictedWorld;
  readonly #itemUsers: Float32Array;
  readonly #logistic: Readonly<Record<Relation, Logistic>>;
  readonly weights: readonly number[];

  private constructor(
    world: PredictedWorld,
    itemUsers: Float32Array,
    logistic: Readonly<Record<Relation, Logistic>>,
    weights: readonly number[],
  ) {
    this.#world = world;
    this.#itemUsers = itemUsers;
    this.#logistic = logistic;
    this.weights = weights;
  }

  /** @param world from histories that the known events are not in: a right item in them would be masked. */
  static fit(world: PredictedWorld, known: KnownEvents): Predictor {
    const itemUsers = meanUsersOfItems(world, world.histories);
    const random = new Random(SEED);
    const count = Math.min(MOST_EVENTS, known.users.length);
    const even: Logistic = { scale: 5, offset: 0 };
    const draft = new Predictor(world, itemUsers, { userItem: even, userUser: even, itemItem: even }, [1, 1, 1]);
    const cosines: Record<Relation, number[]> = { userItem: [], userUser: [], itemItem: [] };
    const labels: number[] = [];
    const historyOf = historyOfTable(world.histories);
    for (let i = 0; i < count; i++) {
      const user = known.users[i]!;
      const vectors = draft.#vectorsOf(user);
      const recent = draft.#recentMean(historyOf(user));
      for (let n = 0; n <= NEGATIVES; n++) {
        const item = n === 0 ? known.items[i]! : random.below(world.histories.itemCount);
        const of = draft.#cosines(vectors, recent, item);
        RELATIONS.forEach((relation, r) => cosines[relation].push(of[r]!));
        labels.push(Number(n === 0));
      }
    }
    const fitted = Object.fromEntries(
      RELATIONS.map((relation) => [relation, learnLogistic(cosines[relation], labels)]),
    ) as Record<Relation, Logistic>;
    const plain = new Predictor(world, itemUsers, fitted, [1, 1, 1]);
    if (!known.unseen) return plain;
    let best = plain;
    let most = -1;
    for (const second of GRID) {
      for (const third of GRID) {
        const tried = new Predictor(world, itemUsers, fitted, [1, second, third]);
        let hits = 0;
        for (let i = 0; i < count; i += GRID_STRIDE) {
          const history = historyOf(known.users[i]!);
          hits += Number(tried.list(known.users[i]!, history, history, CUT).includes(known.items[i]!));
        }
        if (hits > most) [best, most] = [tried, hits];
      }
    }
    return best;
  }

  /** The same probabilities and weights in a world of more events. @param train whose users items have. */
  in(world: PredictedWorld, train: HistoryTable): Predictor {
    return new Predictor(world, meanUsersOfItems(world, train), this.#logistic, this.weights);
  }

  /** The k items of the highest prediction, masked ones left out. @param history item rows, oldest first */
  list(user: number, history: Uint32Array, masked: Uint32Array, k: number): Uint32Array {
    const vectors = this.#vectorsOf(user);
    const recent = this.#recentMean(history);
    const scores = Float32Array.from({ length: this.#world.histories.itemCount }, (_, item) => {
      const of = this.#cosines(vectors, recent, item);
      return RELATIONS.reduce((sum, relation, r) => {
        const { scale, offset } = this.#logistic[relation];
        return sum + this.weights[r]! / (1 + Math.exp(-scale * of[r]! - offset));
      }, 0);
    });
    return bestUnmasked(scores, masked, k);
  }

  #vectorsOf(user: number): Float32Array {
    const width = this.#world.vectorsPerUser * this.#world.dimension;
    return this.#world.userVectors.subarray(user * width, (user + 1) * width);
  }

  #cosines(user: Float32Array, recent: Float32Array, item: number): [number, number, number] {
    const { itemVectors, dimension, vectorsPerUser } = this.#world;
    let [own, through] = [-Infinity, -Infinity];
    for (let v = 0; v < vectorsPerUser; v++) {
      own = Math.max(own, dot(user, v, itemVectors, item, dimension));
      through = Math.max(through, dot(user, v, this.#itemUsers, item, dimension));
    }
    return [own, through, dot(recent, 0, itemVectors, item, dimension)];
  }

  /** The mean of a user's newest items, made a unit vector; 0 without any. */
  #recentMean(history: Uint32Array): Float32Array {
    const { itemVectors, dimension } = this.#world;
    const mean = new Float32Array(dimension);
    for (const item of history.slice(-MOST_ITEMS)) {
      for (let d = 0; d < dimension; d++) mean[d]! += itemVectors[item * dimension + d]!;
    }
    normaliseRows(mean, dimension);
    return mean;
  }
}

/** Of the events, every so many are asked for in the grid: 25 rankings of all items each. */
const GRID_STRIDE = 10;

function historyOfTable({ offsets, itemRows }: HistoryTable): (user: number) => Uint32Array {
  return (user) => itemRows.subarray(offsets[user], offsets[user + 1]);
}

/** I x dimension: the mean vector of an item's first users in row order, made a unit vector; 0 without any. */
function meanUsersOfItems({ userMeans, dimension }: EncodedVectors, train: HistoryTable): Float32Array {
  const { userCount, itemCount, offsets, itemRows } = train;
  const counts = new Uint32Array(itemCount);
  const means = new Float32Array(itemCount * dimension);
  for (let user = 0; user < userCount; user++) {
    for (let event = offsets[user]!; event < offsets[user + 1]!; event++) {
      const item = itemRows[event]!;
      if (counts[item]!++ >= MOST_USERS) continue;
      for (let d = 0; d < dimension; d++) means[item * dimension + d]! += userMeans[user * dimension + d]!;
    }
  }
  normaliseRows(means, dimension);
  return means;
}
