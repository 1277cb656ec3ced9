import { Graph, toOnnx } from '@mic/autodiff';
import { NO_ROW, Random, type HistoryTable } from '@mic/domain';
import {
  easeRecommender,
  easeWeights,
  itemKnnRecommender,
  leaveOneOut,
  popularityRecommender,
  similarItems,
  type MaskedItems,
  type Multiply,
} from '@mic/evaluation';
import { OnnxSession } from '@mic/onnx-tower';

/** Gives a user's list. */
type Recommender = (user: number) => Uint32Array;

/** Reference methods by the name of their list, with what was chosen for each. */
export interface References {
  readonly recommenders: Readonly<Record<string, Recommender>>;
  /** Settings of each that were chosen on the last but one event, or why it is missing. */
  readonly settings: Readonly<Record<string, Readonly<Record<string, number | string>>>>;
}

/** Popularity and item-kNN as they are. */
export function plainReferences(train: HistoryTable, k: number, maskedItems: MaskedItems): References {
  return {
    recommenders: {
      popularity: popularityRecommender(train, k, maskedItems),
      itemknn: itemKnnRecommender(train, k, { maskedItems }),
    },
    settings: {},
  };
}

/** Weights of an event relative to the next newer one that are tried. */
const RECENCIES = [1, 0.99, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6];
const NEIGHBOURS = [30, 100, 300];
const LAMBDAS = [100, 300, 1000];
/** Largest catalogue that EASE is computed for: its matrix has 400 MB. */
const MOST_ITEMS_FOR_EASE = 10_000;
/** Users on whose last but one event settings are chosen. */
const TUNING_USERS = 1_000;
/** The list length that settings are chosen for. */
const TUNING_CUT = 50;

/** Popularity, and item-kNN and EASE each at its best on the last but one event of a seeded sample of users. */
export async function tunedReferences(
  train: HistoryTable,
  k: number,
  maskedItems: MaskedItems,
  seed: number,
): Promise<References> {
  const inner = leaveOneOut(train);
  const users = Uint32Array.from(inner.test.keys()).filter((user) => inner.test[user] !== NO_ROW);
  new Random(seed).shuffle(users);
  const hits = (recommend: Recommender): number =>
    users.subarray(0, TUNING_USERS).reduce((sum, user) => sum + Number(recommend(user).includes(inner.test[user]!)), 0);

  const knn = best(
    NEIGHBOURS.flatMap((neighbours) => {
      const similar = similarItems(inner.train, neighbours);
      return RECENCIES.map((recency) => ({
        settings: { neighbours, recency },
        hits: hits(itemKnnRecommender(inner.train, TUNING_CUT, { recency, similar })),
      }));
    }),
  );
  const recommenders: Record<string, Recommender> = {
    popularity: popularityRecommender(train, k, maskedItems),
    itemknn: itemKnnRecommender(train, k, { ...knn, maskedItems }),
  };
  if (train.itemCount > MOST_ITEMS_FOR_EASE) {
    const why = `${train.itemCount} items are more than the ${MOST_ITEMS_FOR_EASE} that EASE is computed for`;
    return { recommenders, settings: { itemknn: knn, ease: { missing: why } } };
  }
  const { multiply, close } = await openMultiply();
  try {
    const tried: Tried<{ lambda: number; recency: number }>[] = [];
    for (const lambda of LAMBDAS) {
      const weights = await easeWeights(inner.train, { lambda, multiply });
      for (const recency of RECENCIES) {
        const recommend = easeRecommender(inner.train, weights, { k: TUNING_CUT, recency });
        tried.push({ settings: { lambda, recency }, hits: hits(recommend) });
      }
    }
    const ease = best(tried);
    const weights = await easeWeights(train, { lambda: ease.lambda, multiply });
    recommenders.ease = easeRecommender(train, weights, { k, recency: ease.recency, maskedItems });
    return { recommenders, settings: { itemknn: knn, ease } };
  } finally {
    await close();
  }
}

interface Tried<Settings> {
  readonly settings: Settings;
  readonly hits: number;
}

/** The settings with most hits; of equal ones the first. */
function best<Settings>(tried: readonly Tried<Settings>[]): Settings {
  return tried.reduce((a, b) => (b.hits > a.hits ? b : a)).settings;
}

/** Matrix products by ONNX Runtime. */
async function openMultiply(): Promise<{ multiply: Multiply; close: () => Promise<void> }> {
  const graph = new Graph();
  const product = graph.matmul(graph.input('a', 'float32', ['m', 'k']), graph.input('b', 'float32', ['k', 'n']));
  graph.output('product', product);
  const session = await OnnxSession.open(toOnnx(graph), { name: 'matrix product', intraOpThreads: 2 });
  return {
    multiply: async (a, b, m, k, n) => {
      const feeds = { a: { data: a, dims: [m, k] }, b: { data: b, dims: [k, n] } };
      return (await session.run(feeds)).product!.data as Float32Array;
    },
    close: () => session.close(),
  };
}
