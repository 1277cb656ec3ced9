import { AliasTables } from './alias-tables';
import { SUB_TASTES, type Catalogue } from './catalogue';
import type { Random } from '@mic/domain';

const COUNTRIES = ['de', 'fr', 'se', 'pl', 'es', 'it', 'nl', 'br', 'in', 'jp', 'us', 'kr'];
const DEVICES = ['phone', 'tablet', 'desktop'];
/** Ages from which the next band begins. */
const AGE_BANDS = [20, 28, 38, 52];
/** How much age, country and device move the taste. */
const AFFINITY = { age: 1.2, country: 0.8, device: 0.5 };
/** Cells a user likes at one time, most liked first, and their shares. */
const FAVOURITES = 4;
const SHARES = [0.45, 0.7, 0.88, 1];
/** Chance that the sub-taste of a category follows the user's style. */
const STYLE_STRENGTH = 0.65;

/** A user of a made-up world. */
export interface SynthUser {
  readonly age: number;
  readonly country: string;
  readonly device: string;
  /** Cells liked at the start and at the end of the time span, FAVOURITES each; the taste moves from one to the other. */
  readonly early: Uint32Array;
  readonly late: Uint32Array;
}

/** Users whose tastes follow from their fields and a hidden style. */
export class Population {
  readonly #priors: AliasTables;
  readonly #categoryCount: number;

  constructor(catalogue: Catalogue, random: Random) {
    this.#categoryCount = catalogue.categoryCount;
    const table = (rows: number) => Float64Array.from({ length: rows * this.#categoryCount }, () => random.normal());
    const byAge = table(AGE_BANDS.length + 1);
    const byCountry = table(COUNTRIES.length);
    const byDevice = table(DEVICES.length);
    const groups = (AGE_BANDS.length + 1) * COUNTRIES.length * DEVICES.length;
    const weights = new Float64Array(groups * this.#categoryCount);
    const starts = Uint32Array.from({ length: groups + 1 }, (_, group) => group * this.#categoryCount);
    for (let group = 0; group < groups; group++) {
      const device = group % DEVICES.length;
      const country = Math.floor(group / DEVICES.length) % COUNTRIES.length;
      const band = Math.floor(group / (DEVICES.length * COUNTRIES.length));
      for (let category = 0; category < this.#categoryCount; category++) {
        const at = (row: number) => row * this.#categoryCount + category;
        weights[at(group)] =
          catalogue.categoryWeights[category]! *
          Math.exp(
            AFFINITY.age * byAge[at(band)]! +
              AFFINITY.country * byCountry[at(country)]! +
              AFFINITY.device * byDevice[at(device)]!,
          );
      }
    }
    this.#priors = new AliasTables(weights, starts);
  }

  makeUser(random: Random): SynthUser {
    const age = Math.min(90, Math.max(13, Math.round(28 + 12 * random.normal() + 6 * Math.abs(random.normal()))));
    const country = Math.floor(COUNTRIES.length * random.next() ** 1.6);
    const device = random.next() < 0.65 ? 0 : 1 + random.below(2);
    const band = AGE_BANDS.filter((from) => age >= from).length;
    const group = (band * COUNTRIES.length + country) * DEVICES.length + device;
    const style = random.below(SUB_TASTES);
    const early = new Uint32Array(FAVOURITES);
    const late = new Uint32Array(FAVOURITES);
    for (let i = 0; i < FAVOURITES; i++) early[i] = this.#drawCell(group, style, random);
    for (let i = 0; i < FAVOURITES; i++) {
      // Half of the favourites stay; what was liked most is liked less.
      late[i] = i % 2 === 1 ? early[(i + 1) % FAVOURITES]! : this.#drawCell(group, style, random);
    }
    return { age, country: COUNTRIES[country]!, device: DEVICES[device]!, early, late };
  }

  #drawCell(group: number, style: number, random: Random): number {
    const category = this.#priors.draw(group, random) - group * this.#categoryCount;
    const subTaste = random.next() < STYLE_STRENGTH ? (style + category) % SUB_TASTES : random.below(SUB_TASTES);
    return category * SUB_TASTES + subTaste;
  }
}

/** A cell that the user likes at a time, 0 (start of the span) to 1 (its end). */
export function favouriteCell(user: SynthUser, time: number, random: Random): number {
  const favourites = random.next() < time ? user.late : user.early;
  const share = random.next();
  let index = 0;
  while (share >= SHARES[index]!) index++;
  return favourites[index]!;
}
