import type {
  LiveItem,
  LiveItemChanges,
  LiveItemKeeper,
  LiveItemRecords,
  LiveItemsMark,
  LiveItemWriter,
} from '@mic/recall';
import { decodeLiveItems, liveItemRecords, tooManyLiveItems, type LiveItemRecord } from '@mic/store-records';
import type { ControlKeys } from './keys';
import type { RedisLink } from './redis-link';
import { FORGET_LIVE_ITEMS, LIVE_ITEMS, WRITE_LIVE_ITEMS } from './scripts';

/** Records that a forgetting takes away at a time: others get their turns. */
const FORGET_AT_ONCE = 1_000;

/** The live items of a store in Redis: control records, so that a script reads and writes all of them at once. */
export class RedisLiveItems implements LiveItemRecords, LiveItemWriter, LiveItemKeeper {
  readonly #link: RedisLink;
  readonly #keys: ControlKeys;
  readonly #cap: number;

  /** @param cap items that there is a record of, at most. */
  constructor(link: RedisLink, keys: ControlKeys, cap: number) {
    this.#link = link;
    this.#keys = keys;
    this.#cap = cap;
  }

  async liveItems(known: LiveItemsMark | null): Promise<LiveItemChanges> {
    const { liveItemMark, liveItemOrder, liveItems } = this.#keys;
    const args = [known?.revision ?? '', known?.epoch ?? ''];
    const answer = await this.#link.script(LIVE_ITEMS, [liveItemMark, liveItemOrder, liveItems], args);
    const [revision, epoch, isWhole, ...rest] = answer as [number, string, number, ...(string | null)[]];
    const items = await decodeLiveItems(rest.length / 2, (i) => ({
      itemId: rest[i * 2]!,
      content: rest[i * 2 + 1] ?? '',
    }));
    return { revision, epoch, isWhole: isWhole === 1, items };
  }

  async writeLiveItems(items: readonly LiveItem[]): Promise<number> {
    const args = [this.#cap, ...wordsOf(liveItemRecords(items))];
    const [isWritten, number] = (await this.#link.script(WRITE_LIVE_ITEMS, this.#written, args)) as [number, number];
    if (isWritten === 1) return number;
    throw tooManyLiveItems(number, this.#cap);
  }

  /** In portions, each at once. */
  async forgetLiveItems(items: readonly LiveItem[]): Promise<number> {
    const records = liveItemRecords(items);
    let gone = 0;
    for (let from = 0; from < records.length; from += FORGET_AT_ONCE) {
      const words = wordsOf(records.slice(from, from + FORGET_AT_ONCE));
      gone += (await this.#link.script(FORGET_LIVE_ITEMS, this.#written, words)) as number;
    }
    return gone;
  }

  get #written(): string[] {
    return [this.#keys.liveItems, this.#keys.liveItemOrder, this.#keys.liveItemMark];
  }
}

const wordsOf = (records: readonly LiveItemRecord[]): string[] =>
  records.flatMap(({ itemId, content }) => [itemId, content]);
