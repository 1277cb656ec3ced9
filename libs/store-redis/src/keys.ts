import { hashIds, type ReleaseId } from '@mic/domain';

/** Buckets that the keys are spread over; each is one slot of a cluster. A power of two. */
const BUCKETS = 64;

/** A key, and the bucket whose slot it lives in. */
export interface Key {
  readonly bucket: number;
  readonly name: string;
}

/** Keys of the control records; all in one slot, so that a script may touch them together. */
export interface ControlKeys {
  /** JSON: ReleasePointer. */
  readonly pointer: string;
  /** Hash: release id -> sha256 of the manifest that may be sealed under it. */
  readonly claims: string;
  /** Hash: release id -> JSON: ReleaseSummary. */
  readonly summaries: string;
  /** Sorted set: release id by time of its seal. */
  readonly order: string;
  /** Set: ids of releases of which records may be there, and which are not sealed. */
  readonly begun: string;
  /** Who may change the releases; it runs out by itself. */
  readonly lease: string;
  /** Hash: item id -> JSON of its fields, of the live items; see LiveItemRecord. */
  readonly liveItems: string;
  /** Sorted set: item id by the revision of its newest change. */
  readonly liveItemOrder: string;
  /** Hash: revision and epoch of the live items, see LiveItemsMark. */
  readonly liveItemMark: string;
}

/**
 * All keys of the store, in one place. The braces are Redis Cluster's hash tag: keys with the same one are in the same
 * slot, so that one MGET or one pipeline reads them. What belongs to a user is in the user's bucket, what belongs to a
 * row in the row's.
 *
 * | key                          | value                                                                 |
 * |------------------------------|-----------------------------------------------------------------------|
 * | PREFIX:{meta}:...            | control records, see ControlKeys                                      |
 * | PREFIX:{BUCKET}:s:ID         | seal of a release, in every bucket: sha256 of its manifest            |
 * | PREFIX:{BUCKET}:h:USER       | 8 bytes revision, then the packed history (outlives releases)         |
 * | PREFIX:{BUCKET}:r:ID:u:USER  | a release's user: row, embedding, profile, similar users              |
 * | PREFIX:{BUCKET}:r:ID:n:ROW   | user id of a row, UTF-8                                               |
 * | PREFIX:{BUCKET}:r:ID:i:ROW   | similar items of an item row                                          |
 */
export class Keys {
  readonly control: ControlKeys;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    const control = (name: string): string => `${prefix}:{meta}:${name}`;
    this.control = {
      pointer: control('pointer'),
      claims: control('claims'),
      summaries: control('summaries'),
      order: control('order'),
      begun: control('begun'),
      lease: control('lease'),
      liveItems: control('items'),
      liveItemOrder: control('item-order'),
      liveItemMark: control('item-mark'),
    };
  }

  seal(id: ReleaseId, bucket: number): Key {
    return this.#key(bucket, `s:${id}`);
  }

  /** The seal of a release in every bucket. */
  seals(id: ReleaseId): Key[] {
    return Array.from({ length: BUCKETS }, (_, bucket) => this.seal(id, bucket));
  }

  histories(userIds: readonly string[]): Key[] {
    return this.#ofUsers(userIds, (userId) => `h:${userId}`);
  }

  /** Pattern of every history. */
  get historiesPattern(): string {
    return `${this.#prefix}:{*}:h:*`;
  }

  /** The key of a history by its name. */
  historyOfName(name: string): Key {
    return { bucket: Number.parseInt(name.slice(this.#prefix.length + 2), 10), name };
  }

  users(id: ReleaseId, userIds: readonly string[]): Key[] {
    return this.#ofUsers(userIds, (userId) => `r:${id}:u:${userId}`);
  }

  userName(id: ReleaseId, row: number): Key {
    return this.#key(row % BUCKETS, `r:${id}:n:${row}`);
  }

  similarItems(id: ReleaseId, row: number): Key {
    return this.#key(row % BUCKETS, `r:${id}:i:${row}`);
  }

  /** Pattern of every record of a release but its seals. */
  recordsPattern(id: ReleaseId): string {
    return `${this.#prefix}:{*}:r:${id}:*`;
  }

  /** Lengths of the names of a release's records, without user id and row, for an id as builds make it. */
  get lengths(): { readonly user: number; readonly userName: number; readonly similarItems: number } {
    const length = this.#key(BUCKETS - 1, `r:r20000101000000-00000000:u:`).name.length;
    return { user: length, userName: length, similarItems: length };
  }

  #ofUsers(userIds: readonly string[], name: (userId: string) => string): Key[] {
    const hashes = hashIds(userIds);
    return userIds.map((userId, i) => this.#key(hashes[i * 2]! % BUCKETS, name(userId)));
  }

  #key(bucket: number, name: string): Key {
    return { bucket, name: `${this.#prefix}:{${bucket}}:${name}` };
  }
}
