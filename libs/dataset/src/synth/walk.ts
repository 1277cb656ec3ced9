import { PERIODS, type Catalogue } from './catalogue';
import { favouriteCell, type SynthUser } from './population';
import type { Random } from '@mic/domain';

/** The world ends at 2026-01-01T00:00:00Z and lasts 60 days. */
export const SPAN_MS = 60 * 86_400_000;
export const START_MS = Date.UTC(2026, 0, 1) - SPAN_MS;

const EVENTS_PER_SESSION = 7;
/** Where the next item of a session comes from, as upper bounds on a uniform draw; what is left is popular anywhere. */
const SAME_CELL = 0.48;
const RING_NEIGHBOUR = 0.74;
const FAVOURITE = 0.92;
/** Chance that a session begins beside the last item of the one before. */
const CARRY_ON = 0.35;
const LONGEST_RING_STEP = 4;
/** Draws before an item that the user has had is taken again. */
const DRAWS = 10;
/** Of these, draws from the source that was chosen; later ones are from anywhere. */
const DRAWS_FROM_SOURCE = 6;

const NO_ITEM = -1;

/**
 * Walks users through the catalogue: sessions spread over the user's time, each with a cell in focus. The next item
 * follows from the one before (ring neighbour), the session (cell), the user's taste or the popularity of the time.
 */
export class Walk {
  readonly #catalogue: Catalogue;
  /** Last walker + 1 that had the item. */
  readonly #hadBy: Uint32Array;
  #walker = 0;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
    this.#hadBy = new Uint32Array(catalogue.itemCount);
  }

  /** Calls `onEvent` for each of `count` events of the next user, in order of time; no item comes twice in a row. */
  walkUser(user: SynthUser, count: number, random: Random, onEvent: (item: number, timeMs: number) => void): void {
    this.#walker++;
    const joined = random.next() < 0.4 ? 0 : random.next() * 0.7;
    const sessions = Math.ceil(count / EVENTS_PER_SESSION);
    let item = NO_ITEM;
    let clockMs = 0;
    for (let session = 0, done = 0; session < sessions; session++) {
      const time = joined + ((session + random.next()) / sessions) * (1 - joined) * 0.995;
      clockMs = Math.max(clockMs + 1000, Math.round(time * SPAN_MS));
      let focus = favouriteCell(user, time, random);
      const end = Math.floor(((session + 1) * count) / sessions);
      for (let isFirst = true; done < end; done++, isFirst = false) {
        const carriesOn = isFirst && item !== NO_ITEM && random.next() < CARRY_ON;
        const source = carriesOn ? SAME_CELL : random.next();
        if (source >= RING_NEIGHBOUR && source < FAVOURITE) focus = favouriteCell(user, time, random);
        item = this.#nextItem(item, source, focus, Math.min(PERIODS - 1, Math.floor(time * PERIODS)), random);
        this.#hadBy[item] = this.#walker;
        onEvent(item, START_MS + clockMs);
        clockMs += 15_000 + Math.floor(random.next() * 150_000);
      }
    }
  }

  #nextItem(previous: number, source: number, focus: number, period: number, random: Random): number {
    const { ring, itemDraws, cellDraws } = this.#catalogue;
    for (let draw = 0; draw < DRAWS; draw++) {
      let item: number;
      if (draw >= DRAWS_FROM_SOURCE || source >= FAVOURITE) {
        item = ring[itemDraws[period]!.draw(cellDraws[period]!.draw(0, random), random)]!;
      } else if (source >= SAME_CELL && source < RING_NEIGHBOUR && previous !== NO_ITEM) {
        item = this.#ringNeighbour(previous, random);
      } else {
        item = ring[itemDraws[period]!.draw(focus, random)]!;
      }
      if (this.#hadBy[item] !== this.#walker) return item;
    }
    // The user has had nearly all there is: any other item than the last one.
    const any = random.below(ring.length);
    return ring[any] === previous ? ring[(any + 1) % ring.length]! : ring[any]!;
  }

  #ringNeighbour(item: number, random: Random): number {
    const { ring, cellStarts, cellOf, placeOf } = this.#catalogue;
    const start = cellStarts[cellOf[item]!]!;
    const size = cellStarts[cellOf[item]! + 1]! - start;
    const step = (1 + random.below(LONGEST_RING_STEP)) * (random.next() < 0.5 ? 1 : -1);
    return ring[start + ((((placeOf[item]! - start + step) % size) + size) % size)]!;
  }
}
