import { NO_ROW, Random, type HistoryTable } from '@mic/domain';
import {
  easeRecommender,
  easeWeights,
  itemKnnRecommender,
  itemPopularity,
  leaveOneOut,
  popularityRecommender,
  recentPopularity,
  similarItems,
  type HistoryOf,
  type MaskedItems,
  type Recommender,
  type SimilarItems,
} from '@mic/evaluation';
import { openMultiply } from '@mic/matrix';

/** Methods that a model is held against, fitted to what training may see. */
export interface References {
  /** By the name of the list. */
  readonly recommenders: Readonly<Record<string, Recommender>>;
  /** What was chosen for each on the last but one events. */
  readonly settings: Readonly<Record<string, Readonly<Record<string, number | string>>>>;
  /** Why a list is missing. */
  readonly missing: Readonly<Record<string, string>>;
}

/** Weights of an event relative to the next newer one that are tried. */
const RECENCIES = [1, 0.99, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6];
const NEIGHBOURS = [30, 100, 300];
/** Beyond so many items, the longest neighbour lists would not fit into a laptop's memory. */
const MOST_ITEMS_FOR_LONG_LISTS = 50_000;
const LAMBDAS = [100, 300, 1000];
/** Half lives of popularity that are tried, as shares of the time that the events span. */
const HALF_LIVES = [Infinity, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
/** Largest catalogue that EASE is computed for: its matrix has 400 MB. */
const MOST_ITEMS_FOR_EASE = 10_000;
/** Users on whose last but one event settings are chosen. */
const TUNING_USERS = 1_000;
/** The list length that settings are chosen for. */
const TUNING_CUT = 50;
/** The sample of users is the same for every model. */
const SEED = 1;

export interface FitOptions {
  /** Events that training may see. */
  readonly train: HistoryTable;
  /** True where times are times, so that popularity can favour newer events. */
  readonly timed: boolean;
  /** Length of the lists. */
  readonly k: number;
  /** What is known of a user when the list is asked for. */
  readonly historyOf: HistoryOf;
  readonly maskedItems: MaskedItems;
}

/** Popularity, item-kNN and EASE, each with the recency that does best on the last but one event of a sample of users. */
export async function fitReferences(options: FitOptions): Promise<References> {
  const tuning = tuningOf(options.train);
  const popularity = tunePopularity(options, tuning);
  const itemKnn = tuneItemKnn(options, tuning);
  const { itemCount } = options.train;
  if (itemCount > MOST_ITEMS_FOR_EASE) {
    const why = `${itemCount} items are more than the ${MOST_ITEMS_FOR_EASE} that EASE is computed for`;
    return {
      recommenders: { popularity: popularity.recommend, itemknn: itemKnn.recommend },
      settings: { popularity: popularity.settings, itemknn: itemKnn.settings },
      missing: { ease: why },
    };
  }
  const ease = await tuneEase(options, tuning);
  return {
    recommenders: { popularity: popularity.recommend, itemknn: itemKnn.recommend, ease: ease.recommend },
    settings: { popularity: popularity.settings, itemknn: itemKnn.settings, ease: ease.settings },
    missing: {},
  };
}

interface Fitted {
  readonly recommend: Recommender;
  readonly settings: Readonly<Record<string, number>>;
}

/** The world without the last events that are left, on which settings are chosen. */
interface Tuning {
  readonly train: HistoryTable;
  readonly historyOf: HistoryOf;
  /** Users whose held-out item a recommender finds. */
  readonly hits: (recommend: Recommender) => number;
}

function tuningOf(all: HistoryTable): Tuning {
  const { train, test } = leaveOneOut(all);
  const { offsets, itemRows } = train;
  const users = Uint32Array.from(test.keys()).filter((user) => test[user] !== NO_ROW);
  new Random(SEED).shuffle(users);
  const asked = users.subarray(0, TUNING_USERS);
  return {
    train,
    historyOf: (user) => itemRows.subarray(offsets[user], offsets[user + 1]),
    hits: (recommend) => asked.reduce((sum, user) => sum + Number(recommend(user).includes(test[user]!)), 0),
  };
}

function tunePopularity({ train, timed, k, maskedItems }: FitOptions, tuning: Tuning): Fitted {
  const spanMs = spanOf(train);
  const popularityOf = (histories: HistoryTable, share: number): Float32Array =>
    share === Infinity ? itemPopularity(histories) : recentPopularity(histories, share * spanMs);
  const { settings } = best(
    (timed && spanMs > 0 ? HALF_LIVES : [Infinity]).map((halfLife) => ({
      settings: halfLife,
      hits: tuning.hits(popularityRecommender(popularityOf(tuning.train, halfLife), TUNING_CUT, tuning.historyOf)),
    })),
  );
  return {
    recommend: popularityRecommender(popularityOf(train, settings), k, maskedItems),
    settings: settings === Infinity ? {} : { halfLifeHours: Math.round((settings * spanMs) / 36_000) / 100 },
  };
}

function tuneItemKnn({ train, k, historyOf, maskedItems }: FitOptions, tuning: Tuning): Fitted {
  const lengths = NEIGHBOURS.filter((n) => n <= 100 || train.itemCount <= MOST_ITEMS_FOR_LONG_LISTS);
  const similar: readonly SimilarItems[] = similarItems(tuning.train, Math.max(...lengths));
  const { settings } = best(
    lengths.flatMap((neighbours) =>
      RECENCIES.map((recency) => {
        const { historyOf: known } = tuning;
        const options = { k: TUNING_CUT, neighbours, recency, historyOf: known, maskedItems: known };
        return { settings: { neighbours, recency }, hits: tuning.hits(itemKnnRecommender(similar, options)) };
      }),
    ),
  );
  const all = similarItems(train, settings.neighbours);
  return { recommend: itemKnnRecommender(all, { k, ...settings, historyOf, maskedItems }), settings };
}

async function tuneEase({ train, k, historyOf, maskedItems }: FitOptions, tuning: Tuning): Promise<Fitted> {
  const { multiply, close } = await openMultiply();
  try {
    const tried: Tried<{ lambda: number; recency: number }>[] = [];
    for (const lambda of LAMBDAS) {
      const weights = await easeWeights(tuning.train, { lambda, multiply });
      for (const recency of RECENCIES) {
        const { historyOf: known } = tuning;
        const recommend = easeRecommender(weights, { k: TUNING_CUT, recency, historyOf: known, maskedItems: known });
        tried.push({ settings: { lambda, recency }, hits: tuning.hits(recommend) });
      }
    }
    const { settings } = best(tried);
    const weights = await easeWeights(train, { lambda: settings.lambda, multiply });
    return { recommend: easeRecommender(weights, { k, recency: settings.recency, historyOf, maskedItems }), settings };
  } finally {
    await close();
  }
}

interface Tried<Settings> {
  readonly settings: Settings;
  readonly hits: number;
}

/** The try with most hits; of equal ones the first. */
function best<Settings>(tried: readonly Tried<Settings>[]): Tried<Settings> {
  return tried.reduce((a, b) => (b.hits > a.hits ? b : a));
}

function spanOf({ timesMs }: HistoryTable): number {
  let [first, last] = [Infinity, -Infinity];
  for (const time of timesMs) {
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  return last - first;
}
