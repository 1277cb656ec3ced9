import { MicError } from '@mic/domain';
import type { FeatureSchema } from '@mic/features';
import type { CallOptions, ItemWriter, LiveItem, LiveItemWriter } from '@mic/recall';
import type { LiveItemsFollower } from './live-items-follower';

export interface ItemWritesOptions {
  readonly writer: LiveItemWriter;
  readonly follower: Pick<LiveItemsFollower, 'look' | 'read'>;
  /** Fields of the items of the release that is served. */
  readonly schema: () => Promise<Pick<FeatureSchema, 'itemFields'>>;
}

/** What is said of items, checked against the release that is served, written, and in force here when a call returns. */
export class ItemWrites implements ItemWriter {
  readonly #options: ItemWritesOptions;

  constructor(options: ItemWritesOptions) {
    this.#options = options;
  }

  /**
   * @returns the revision after it.
   * @throws MicError INVALID_ARGUMENT for a field that the release does not have, naming items[3].fields["genre"].
   */
  async upsertItems(items: Parameters<ItemWriter['upsertItems']>[0], options: CallOptions): Promise<number> {
    const { itemFields } = await this.#options.schema();
    const known = itemFields.map(({ name }) => name);
    items.forEach(({ fields }, i) => {
      const stranger = Object.keys(fields).find((name) => !known.includes(name));
      if (stranger === undefined) return;
      const subject = `items[${i}].fields[${JSON.stringify(stranger)}]`;
      throw new MicError('INVALID_ARGUMENT', `${subject} is no field of the release`, {
        subject,
        remedy: known.length > 0 ? `use the fields ${known.join(', ')}` : 'leave the fields out: the release has none',
      });
    });
    return this.#write(items, options, () => this.#options.follower.look());
  }

  /** @returns the revision after it. */
  removeItems(itemIds: readonly string[], options: CallOptions): Promise<number> {
    const hidden = itemIds.map((itemId) => ({ itemId, fields: null }));
    return this.#write(hidden, options, () => this.#options.follower.read());
  }

  async #write(items: readonly LiveItem[], options: CallOptions, takeOver: () => Promise<void>): Promise<number> {
    const revision = await this.#options.writer.writeLiveItems(items, options);
    // Stored is stored: what cannot be taken over here at once will be at the next look.
    await withinTime(takeOver(), options.timeoutMs);
    return revision;
  }
}

/** Longest wait until a write counts here, milliseconds; and what of the caller's time is left for the answer. */
const LONGEST_WAIT_MS = 1_000;
const SHARE_OF_TIME = 0.5;

async function withinTime(takenOver: Promise<void>, timeoutMs = Infinity): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(LONGEST_WAIT_MS, timeoutMs * SHARE_OF_TIME));
  });
  await Promise.race([takenOver.catch(() => undefined), timeUp]);
  clearTimeout(timer);
}
