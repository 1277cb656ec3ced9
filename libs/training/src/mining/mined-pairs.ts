import type { Random } from '@mic/domain';
import { kMeans, type Clusters } from './k-means';
import { nearestRows } from './nearest-rows';

/** Relations that pairs are mined for: what the anchor is, and what it is compared with. */
export const RELATIONS = ['userUser', 'userItem', 'itemItem', 'itemUser'] as const;
export type Relation = (typeof RELATIONS)[number];

export interface MiningOptions {
  /** Nearest rows that count as positives. */
  readonly neighbours: number;
  readonly clusters: number;
  /** Clusters next to an anchor's own, from which its negatives are drawn. */
  readonly nearClusters: number;
}

/** Positives and where negatives are drawn from, for every anchor of a relation. */
interface RelationPairs {
  /** anchors x neighbours, rows of the other side. */
  readonly positives: Uint32Array;
  /** anchors x nearClusters, clusters of the other side. */
  readonly clusters: Uint32Array;
}

/**
 * Extra positives and hard negatives from a trained model (MIC, CIKM 2022): the nearest rows of each user and item, and
 * rows of the clusters next to its own, for user-user, item-item and both ways between users and items. The vectors are
 * those of the model at the time of mining: a bank that current vectors are compared with.
 */
export class MinedPairs {
  private constructor(
    readonly options: MiningOptions,
    readonly users: Float32Array,
    readonly items: Float32Array,
    private readonly dimension: number,
    private readonly pairs: Readonly<Record<Relation, RelationPairs>>,
    private readonly groups: { readonly users: Clusters; readonly items: Clusters },
  ) {}

  /** @param users U x dimension, @param items I x dimension, unit vectors. */
  static async mine(
    users: Float32Array,
    items: Float32Array,
    dimension: number,
    options: MiningOptions,
    random: Random,
  ): Promise<MinedPairs> {
    const groups = {
      users: await kMeans(users, dimension, options.clusters, random),
      items: await kMeans(items, dimension, options.clusters, random),
    };
    const relate = async (anchors: Float32Array, others: Float32Array, of: Clusters): Promise<RelationPairs> => {
      const same = anchors === others;
      const near = await nearestRows(anchors, others, dimension, options.neighbours + Number(same));
      const most = Math.min(options.nearClusters + 1, of.offsets.length - 1);
      const clusters = await nearestRows(anchors, of.centroids, dimension, most);
      return {
        positives: same ? withoutSelf(near, options.neighbours) : near,
        clusters: clusters.filter((_, i) => most === 1 || i % most > 0), // the nearest cluster is the anchor's own
      };
    };
    const pairs = {
      userUser: await relate(users, users, groups.users),
      userItem: await relate(users, items, groups.items),
      itemItem: await relate(items, items, groups.items),
      itemUser: await relate(items, users, groups.users),
    };
    return new MinedPairs(options, users, items, dimension, pairs, groups);
  }

  /** Row of a random positive of an anchor. */
  positive(relation: Relation, anchor: number, random: Random): number {
    const { neighbours } = this.options;
    return this.pairs[relation].positives[anchor * neighbours + random.below(neighbours)]!;
  }

  /** Row of a random member of a cluster next to an anchor's own. */
  negative(relation: Relation, anchor: number, random: Random): number {
    const { offsets, rows } = this.#side(relation) === this.users ? this.groups.users : this.groups.items;
    const anchors = relation.startsWith('user') ? this.users : this.items;
    const width = this.pairs[relation].clusters.length / (anchors.length / this.dimension);
    const cluster = this.pairs[relation].clusters[anchor * width + random.below(width)]!;
    const size = offsets[cluster + 1]! - offsets[cluster]!;
    return size === 0 ? rows[random.below(rows.length)]! : rows[offsets[cluster]! + random.below(size)]!;
  }

  /** Copies the vector of a row of a relation's other side. */
  copy(relation: Relation, row: number, out: Float32Array, at: number): void {
    out.set(this.#side(relation).subarray(row * this.dimension, (row + 1) * this.dimension), at);
  }

  #side(relation: Relation): Float32Array {
    return relation.endsWith('User') ? this.users : this.items;
  }

  /** Everything it consists of, as bytes by name. */
  state(): Record<string, Uint8Array> {
    const parts: Record<string, Float32Array | Uint32Array> = { users: this.users, items: this.items };
    for (const relation of RELATIONS) {
      parts[`${relation} positives`] = this.pairs[relation].positives;
      parts[`${relation} clusters`] = this.pairs[relation].clusters;
    }
    for (const side of ['users', 'items'] as const) {
      parts[`${side} centroids`] = this.groups[side].centroids;
      parts[`${side} offsets`] = this.groups[side].offsets;
      parts[`${side} rows`] = this.groups[side].rows;
    }
    const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array): Uint8Array =>
      new Uint8Array(buffer, byteOffset, byteLength);
    return Object.fromEntries(Object.entries(parts).map(([name, values]) => [PREFIX + name, bytesOf(values)]));
  }

  /** From what `state` gave; null where there is none of it. */
  static restore(
    bytes: Readonly<Record<string, Uint8Array>>,
    dimension: number,
    options: MiningOptions,
  ): MinedPairs | null {
    if (!(`${PREFIX}users` in bytes)) return null;
    const floats = (name: string): Float32Array => new Float32Array(bytes[PREFIX + name]!.slice().buffer);
    const wholes = (name: string): Uint32Array => new Uint32Array(bytes[PREFIX + name]!.slice().buffer);
    const pairs = Object.fromEntries(
      RELATIONS.map((relation) => [
        relation,
        { positives: wholes(`${relation} positives`), clusters: wholes(`${relation} clusters`) },
      ]),
    ) as Record<Relation, RelationPairs>;
    const group = (side: string): Clusters => ({
      centroids: floats(`${side} centroids`),
      offsets: wholes(`${side} offsets`),
      rows: wholes(`${side} rows`),
    });
    const groups = { users: group('users'), items: group('items') };
    return new MinedPairs(options, floats('users'), floats('items'), dimension, pairs, groups);
  }
}

const PREFIX = 'mined ';

/** Of lists of k + 1 rows the k that are not the anchor itself; the last one goes where it is not among them. */
function withoutSelf(near: Uint32Array, k: number): Uint32Array {
  const kept = new Uint32Array((near.length / (k + 1)) * k);
  for (let anchor = 0; anchor * (k + 1) < near.length; anchor++) {
    const own = near.subarray(anchor * (k + 1), (anchor + 1) * (k + 1));
    const others = own.filter((row) => row !== anchor);
    for (let i = 0; i < k; i++) kept[anchor * k + i] = others[Math.min(i, others.length - 1)] ?? anchor;
  }
  return kept;
}
