import type {
  LiveItem,
  LiveItemChanges,
  LiveItemKeeper,
  LiveItemRecords,
  LiveItemsMark,
  LiveItemWriter,
} from '@mic/recall';
import {
  damaged,
  decodeLiveItems,
  knownRevision,
  liveItemRecords,
  tooManyLiveItems,
  type LiveItemRecord,
} from '@mic/store-records';
import { guarded, type LmdbAccess } from './access';
import { keys } from './keys';

/** The record of all items together. */
interface LiveItemsState {
  readonly revision: number;
  /** How often records were forgotten. */
  readonly epoch: number;
  /** Number of records. */
  readonly count: number;
}

const NO_ITEMS: LiveItemsState = { revision: 0, epoch: 0, count: 0 };

const markOf = ({ revision, epoch }: LiveItemsState): LiveItemsMark => ({ revision, epoch: String(epoch) });

/** The live items of a store in LMDB. */
export class LmdbLiveItems implements LiveItemRecords, LiveItemWriter, LiveItemKeeper {
  readonly #access: LmdbAccess;
  readonly #cap: number;

  /** @param cap items that there is a record of, at most. */
  constructor(access: LmdbAccess, cap: number) {
    this.#access = access;
    this.#cap = cap;
  }

  async liveItems(known: LiveItemsMark | null): Promise<LiveItemChanges> {
    // One snapshot is read at once; it is decoded in turns.
    const { revision, epoch, from, changes } = guarded(() => {
      const now = this.#state();
      const from = knownRevision(known, markOf(now));
      const range = keys.liveItemChangesAfter(from ?? 0);
      const changes =
        from === now.revision ? [] : Array.from(this.#access.db.getRange(range), ({ value }) => value.toString());
      return { ...markOf(now), from, changes };
    });
    const items = await decodeLiveItems(changes.length, (i) => decode<LiveItemRecord>(changes[i]!));
    return { revision, epoch, isWhole: from === null, items };
  }

  async writeLiveItems(items: readonly LiveItem[]): Promise<number> {
    const said = withKeys(items);
    return this.#access.write(() => {
      const state = this.#state();
      const changed = said
        .map((one) => ({ ...one, before: this.#stored(one.key) }))
        .filter(({ record, before }) => record.content !== before?.content);
      if (changed.length === 0) return state.revision;
      const added = changed.filter(({ before }) => before === null).length;
      const count = state.count + added;
      if (added > 0 && count > this.#cap) throw tooManyLiveItems(count, this.#cap);
      let { revision } = state;
      for (const { record, key, before } of changed) {
        revision++;
        if (before) void this.#access.db.remove(keys.liveItemChange(before.revision));
        this.#putJson(key, revision);
        this.#putJson(keys.liveItemChange(revision), record);
      }
      this.#putJson(keys.liveItems, { revision, epoch: state.epoch, count });
      return revision;
    });
  }

  async forgetLiveItems(items: readonly LiveItem[]): Promise<number> {
    const read = withKeys(items);
    return this.#access.write(() => {
      const { revision, epoch, count } = this.#state();
      const going = read.flatMap(({ record, key }) => {
        const there = this.#stored(key);
        return there?.content === record.content ? [{ key, change: keys.liveItemChange(there.revision) }] : [];
      });
      if (going.length === 0) return 0;
      for (const { key, change } of going) {
        void this.#access.db.remove(key);
        void this.#access.db.remove(change);
      }
      this.#putJson(keys.liveItems, { revision, epoch: epoch + 1, count: count - going.length });
      return going.length;
    });
  }

  // --- inside

  #state(): LiveItemsState {
    const record = this.#access.db.get(keys.liveItems);
    return record ? decode(record.toString()) : NO_ITEMS;
  }

  /** The newest that was said of an item, or null. */
  #stored(key: Key): { readonly revision: number; readonly content: string } | null {
    const newest = this.#access.db.get(key);
    if (!newest) return null;
    const revision = decode<number>(newest.toString());
    const change = this.#access.db.get(keys.liveItemChange(revision));
    if (!change) throw damaged(`change ${revision} of the live items is not there`);
    return { revision, content: decode<LiveItemRecord>(change.toString()).content };
  }

  #putJson(key: Key, value: number | LiveItemRecord | LiveItemsState): void {
    void this.#access.db.put(key, Buffer.from(JSON.stringify(value)));
  }
}

type Key = (string | number)[];

/** Keys are checked before a transaction begins. */
const withKeys = (items: readonly LiveItem[]): { readonly record: LiveItemRecord; readonly key: Key }[] =>
  liveItemRecords(items).map((record) => ({ record, key: keys.liveItem(record.itemId) }));

function decode<T>(record: string): T {
  try {
    return JSON.parse(record) as T;
  } catch (error) {
    throw damaged(`a record of the live items is damaged: ${(error as Error).message}`, error);
  }
}
