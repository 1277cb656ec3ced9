import type { CatalogueFigures } from './evaluation';

/** Share of the catalogue that is popular; the rest is the long tail. */
const HEAD_SHARE = 0.2;

/** Gathers how much of the catalogue the lists of a kind show. */
class CatalogueStudy {
  readonly #cuts: readonly number[];
  readonly #isTail: Uint8Array;
  readonly #shown: readonly Uint8Array[];
  readonly #places: number[];
  readonly #tailPlaces: number[];

  /** @param popularity of each item, by which head and tail are told apart. */
  constructor(popularity: Float32Array, cuts: readonly number[]) {
    this.#cuts = cuts;
    this.#isTail = longTailOf(popularity);
    this.#shown = cuts.map(() => new Uint8Array(popularity.length));
    this.#places = cuts.map(() => 0);
    this.#tailPlaces = cuts.map(() => 0);
  }

  add(ranked: Uint32Array): void {
    this.#cuts.forEach((cut, c) => {
      const shown = this.#shown[c]!;
      const length = Math.min(cut, ranked.length);
      this.#places[c]! += length;
      for (let i = 0; i < length; i++) {
        shown[ranked[i]!] = 1;
        this.#tailPlaces[c]! += this.#isTail[ranked[i]!]!;
      }
    });
  }

  figures(): CatalogueFigures {
    const byCut = (valueOf: (c: number) => number): Record<string, number> =>
      Object.fromEntries(this.#cuts.map((cut, c) => [`@${cut}`, valueOf(c)]));
    return {
      coverage: byCut((c) => this.#shown[c]!.reduce((sum, seen) => sum + seen, 0) / this.#isTail.length),
      longTail: byCut((c) => (this.#places[c] === 0 ? 0 : this.#tailPlaces[c]! / this.#places[c]!)),
    };
  }
}

/** By item: 1 for all but the most popular fifth. */
export function longTailOf(popularity: Float32Array): Uint8Array {
  const order = Uint32Array.from(popularity.keys()).sort((a, b) => popularity[b]! - popularity[a]! || a - b);
  const tail = new Uint8Array(popularity.length).fill(1);
  for (const row of order.subarray(0, Math.floor(order.length * HEAD_SHARE))) tail[row] = 0;
  return tail;
}

/** A study for each kind of list. */
export class CatalogueStudies {
  readonly #of = new Map<string, CatalogueStudy>();
  readonly #popularity: Float32Array;
  readonly #cuts: readonly number[];

  constructor(popularity: Float32Array, cuts: readonly number[]) {
    this.#popularity = popularity;
    this.#cuts = cuts;
  }

  add(lists: Readonly<Record<string, Uint32Array>>): void {
    for (const [name, ranked] of Object.entries(lists)) {
      let study = this.#of.get(name);
      if (!study) this.#of.set(name, (study = new CatalogueStudy(this.#popularity, this.#cuts)));
      study.add(ranked);
    }
  }

  figures(): Record<string, CatalogueFigures> {
    return Object.fromEntries([...this.#of].map(([name, study]) => [name, study.figures()]));
  }
}
