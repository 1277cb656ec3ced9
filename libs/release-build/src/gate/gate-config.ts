import { z } from 'zod';

/** Bounds of a figure; null: it is reported and not judged. */
export interface Bounds {
  readonly least: number | null;
  readonly most: number | null;
}

const bounds = (least: number | null, most: number | null = null) =>
  z
    .strictObject({ least: z.number().nullable().default(least), most: z.number().nullable().default(most) })
    .prefault({});

/**
 * What the figures of a release must be. Those that compare with the parent are left out where there is none. A release
 * that misses a bound is built, and not published.
 */
export const gateConfigSchema = z.strictObject({
  items: z
    .strictObject({
      /** Share of the exact top 100 that the index over items finds for sampled users. */
      recallAt100: bounds(0.99),
      /** Share of the items at a vector that another has as well, beyond the first of each. */
      sameVector: bounds(null, 0.5),
      /** Length of the mean of all vectors: 1 where every vector is the same. */
      meanLength: bounds(null, 0.98),
    })
    .prefault({}),
  users: z
    .strictObject({
      /** As of items, for sampled users as queries. */
      recallAt100: bounds(0.95),
      sameVector: bounds(null, 0.5),
      meanLength: bounds(null, 0.98),
    })
    .prefault({}),
  u2u: z
    .strictObject({
      /** Share of the exact lists' entries that lists have, on a sample. */
      recall: bounds(0.95),
      /** Share of the lists that are as long as they can be. */
      full: bounds(0.99),
    })
    .prefault({}),
  i2i: z
    .strictObject({
      recall: bounds(0.95),
      full: bounds(0.99),
      /** Share of the items that are in some other item's list. */
      coverage: bounds(0.5),
    })
    .prefault({}),
  parent: z
    .strictObject({
      /**
       * HR@50 of the U2I list on held-out events over the parent's on the same events, those of items that training of
       * either has not seen left out. Item vectors are the releases' own, of all events.
       */
      hitRate: bounds(0.9),
      /** Share of the parent's top 50 of sampled users that this release's top 50 has. */
      topOverlap: bounds(0.05),
      /** Mean cosine of an item's vector with its vector in the parent; means something after a warm start only. */
      itemCosine: bounds(null),
      /** Users, items over those of the parent. */
      userGrowth: bounds(0.8, 5),
      itemGrowth: bounds(0.8, 5),
      /** Share of the parent's users, items that are gone. */
      usersLost: bounds(null, 0.2),
      itemsLost: bounds(null, 0.2),
    })
    .prefault({}),
});
export type GateConfig = z.infer<typeof gateConfigSchema>;

type Names<Group extends keyof GateConfig> = `${Group}.${keyof GateConfig[Group] & string}`;
/** Name of a figure that the gate judges, e.g. `items.recallAt100`. */
export type GateFigure = { [Group in keyof GateConfig]: Names<Group> }[keyof GateConfig];

/** The bounds of all figures, by name. */
export function boundsOf(config: GateConfig): [GateFigure, Bounds][] {
  return Object.entries(config).flatMap(([group, figures]) =>
    Object.entries(figures as Record<string, Bounds>).map(([name, bound]): [GateFigure, Bounds] => [
      `${group}.${name}` as GateFigure,
      bound,
    ]),
  );
}
