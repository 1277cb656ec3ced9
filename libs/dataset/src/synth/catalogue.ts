import { AliasTables } from './alias-tables';
import type { Random } from '@mic/domain';

const CATEGORY_NAMES = [
  ...['comedy', 'music', 'sports', 'cooking', 'travel', 'gaming', 'fashion', 'beauty', 'pets', 'science', 'history'],
  ...['cars', 'fitness', 'dance', 'news', 'gardening', 'movies', 'art', 'technology', 'nature', 'education', 'crafts'],
  ...[
    'family',
    'finance',
    'health',
    'photography',
    'magic',
    'animation',
    'architecture',
    'books',
    'weather',
    'outdoors',
  ],
];
const ITEMS_PER_CATEGORY = 60;
/** Tastes within a category. */
export const SUB_TASTES = 4;
/** Periods with their own popularity. */
export const PERIODS = 12;
const ITEMS_PER_AUTHOR = 6;
const POPULARITY_EXPONENT = 1.2;
const POPULARITY_SHIFT = 8;
/** Share of the time span in which the interest in a new item falls to 1 / e. */
const NOVELTY = 0.2;
/** Popularity that is left to an item when the novelty is gone. */
const EVERGREEN = 0.25;
/** Popularity of an item that is not out yet, so that no cell is ever without weight. */
const UNBORN = 1e-7;

/**
 * The items of a made-up world. A cell is a sub-taste of a category; the items of a cell lie on a ring on which
 * neighbours are alike (often by the same author). Popularity is Zipf-like and moves: an item comes out at some time,
 * is most popular then and falls to its evergreen share.
 */
export interface Catalogue {
  readonly itemCount: number;
  readonly categoryCount: number;
  /** Categories x SUB_TASTES. */
  readonly cellCount: number;
  /** Items sorted by cell; a cell's part is a ring. */
  readonly ring: Uint32Array;
  /** Ring places of cell c: [cellStarts[c], cellStarts[c + 1]). */
  readonly cellStarts: Uint32Array;
  readonly cellOf: Uint32Array;
  /** Ring place of each item. */
  readonly placeOf: Uint32Array;
  /** Relative number of items of each category. */
  readonly categoryWeights: Float64Array;
  /** Of each period: ring places of each cell by popularity. */
  readonly itemDraws: readonly AliasTables[];
  /** Of each period: cells by popularity. */
  readonly cellDraws: readonly AliasTables[];
}

/** Fields of an item. */
export interface ItemFields {
  readonly category: string;
  readonly tags: readonly string[];
  readonly author: string;
  readonly lengthSeconds: number;
}

export function makeCatalogue(itemCount: number, random: Random): Catalogue {
  const categoryCount = Math.max(2, Math.min(CATEGORY_NAMES.length, Math.round(itemCount / ITEMS_PER_CATEGORY)));
  const cellCount = categoryCount * SUB_TASTES;
  const categoryWeights = Float64Array.from({ length: categoryCount }, (_, category) => 1 / (category + 3) ** 0.6);
  const categories = new AliasTables(categoryWeights, Uint32Array.of(0, categoryCount));

  // A shuffled order: item numbers tell nothing of category, neighbourhood or popularity.
  const order = Uint32Array.from({ length: itemCount }, (_, item) => item);
  random.shuffle(order);
  const cellOf = new Uint32Array(itemCount);
  const cellStarts = new Uint32Array(cellCount + 1);
  order.forEach((item, index) => {
    // The first ones fill the cells, so that none is empty while there are items enough.
    const cell = index < cellCount ? index : categories.draw(0, random) * SUB_TASTES + random.below(SUB_TASTES);
    cellOf[item] = cell;
    cellStarts[cell + 1]!++;
  });
  for (let cell = 0; cell < cellCount; cell++) cellStarts[cell + 1]! += cellStarts[cell]!;

  const ring = new Uint32Array(itemCount);
  const placeOf = new Uint32Array(itemCount);
  const filled = cellStarts.slice(0, cellCount);
  for (const item of order) {
    const place = filled[cellOf[item]!]!++;
    ring[place] = item;
    placeOf[item] = place;
  }
  const { itemDraws, cellDraws } = makePopularity(itemCount, cellStarts, random);
  return {
    itemCount,
    categoryCount,
    cellCount,
    ring,
    cellStarts,
    cellOf,
    placeOf,
    categoryWeights,
    itemDraws,
    cellDraws,
  };
}

function makePopularity(itemCount: number, cellStarts: Uint32Array, random: Random) {
  const cellCount = cellStarts.length - 1;
  const rank = Uint32Array.from({ length: itemCount }, (_, place) => place);
  random.shuffle(rank);
  // Half of the catalogue is out before the first event; the rest comes out all along.
  const birth = Float64Array.from({ length: itemCount }, () => random.next() * 1.9 - 1);
  const weights = new Float64Array(itemCount);
  const cellWeights = new Float64Array(cellCount);
  const itemDraws: AliasTables[] = [];
  const cellDraws: AliasTables[] = [];
  for (let period = 0; period < PERIODS; period++) {
    const now = (period + 0.5) / PERIODS;
    cellWeights.fill(0);
    for (let cell = 0; cell < cellCount; cell++) {
      for (let place = cellStarts[cell]!; place < cellStarts[cell + 1]!; place++) {
        const base = (rank[place]! + POPULARITY_SHIFT) ** -POPULARITY_EXPONENT;
        const age = now - birth[place]!;
        weights[place] = base * (age < 0 ? UNBORN : EVERGREEN + (1 - EVERGREEN) * Math.exp(-age / NOVELTY));
        cellWeights[cell]! += weights[place]!;
      }
    }
    itemDraws.push(new AliasTables(weights, cellStarts));
    cellDraws.push(new AliasTables(cellWeights, Uint32Array.of(0, cellCount)));
  }
  return { itemDraws, cellDraws };
}

/** The fields of an item: all but a part of the tags follow from where it stands in the catalogue. */
export function itemFields(catalogue: Catalogue, item: number, random: Random): ItemFields {
  const cell = catalogue.cellOf[item]!;
  const category = CATEGORY_NAMES[Math.floor(cell / SUB_TASTES)]!;
  const tags: string[] = [];
  if (random.next() < 0.8) tags.push(`${category}-style-${(cell % SUB_TASTES) + 1}`);
  if (random.next() < 0.5) tags.push(`${category}-topic-${random.below(6) + 1}`);
  if (random.next() < 0.3) tags.push(['new', 'long', 'funny', 'classic', 'live'][random.below(5)]!);
  const author = Math.floor(catalogue.placeOf[item]! / ITEMS_PER_AUTHOR);
  const typicalSeconds = 30 + 20 * ((cell * 7) % 11);
  return {
    category,
    tags,
    author: `author-${String(author).padStart(5, '0')}`,
    lengthSeconds: Math.max(5, Math.round(typicalSeconds * Math.exp(0.5 * random.normal()))),
  };
}
