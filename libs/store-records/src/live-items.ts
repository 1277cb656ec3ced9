import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ItemFields, LiveItem, LiveItemsMark } from '@mic/recall';
import { damaged } from './record-errors';

/** Records of live items that a store takes, if nothing else is said. */
const DEFAULT_CAP = 10_000;
/** Records decoded before the event loop gets its turn. */
const DECODE_AT_ONCE = 250;

export interface LiveItemsOptions {
  /** Items that the store has a record of, at most; 10,000 by default. */
  readonly liveItemsCap?: number;
}

export const liveItemsCapOf = ({ liveItemsCap = DEFAULT_CAP }: LiveItemsOptions): number => liveItemsCap;

/** What is said of an item, as stores keep and compare it. */
export interface LiveItemRecord {
  readonly itemId: string;
  /** JSON of the fields in the order of their names, `null` for a hidden item: what is equal is equal text. */
  readonly content: string;
}

/** Records of some items; of an item that comes twice the later one, in its place. */
export function liveItemRecords(items: readonly LiveItem[]): LiveItemRecord[] {
  const latest = new Map<string, LiveItemRecord>();
  for (const { itemId, fields } of items) {
    latest.delete(itemId);
    latest.set(itemId, { itemId, content: contentOf(fields) });
  }
  return [...latest.values()];
}

/** @throws MicError DATA_LOSS when the record is none. */
export function decodeLiveItem({ itemId, content }: LiveItemRecord): LiveItem {
  let fields: unknown;
  try {
    fields = JSON.parse(content);
  } catch (error) {
    throw damaged(`the record of the live item ${JSON.stringify(itemId)} is damaged`, error);
  }
  if (!isFields(fields)) throw damaged(`the record of the live item ${JSON.stringify(itemId)} is damaged`);
  return { itemId, fields };
}

/** As decodeLiveItem of each, in turns: a reader that gets everything serves meanwhile. */
export async function decodeLiveItems(
  count: number,
  recordOf: (index: number) => LiveItemRecord,
): Promise<readonly LiveItem[]> {
  const items: LiveItem[] = [];
  while (items.length < count) {
    if (items.length > 0) await nextTurn();
    const until = Math.min(count, items.length + DECODE_AT_ONCE);
    while (items.length < until) items.push(decodeLiveItem(recordOf(items.length)));
  }
  return items;
}

/**
 * The last change that a reader knows, or null where it must get everything: it has nothing, records were forgotten, or the
 * store is an older one than it knows (restored, or taken over by a replica that had not seen all).
 */
export function knownRevision(known: LiveItemsMark | null, now: LiveItemsMark): number | null {
  return known !== null && known.epoch === now.epoch && known.revision <= now.revision ? known.revision : null;
}

function contentOf(fields: ItemFields | null): string {
  if (fields === null) return 'null';
  return JSON.stringify(Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))));
}

const isFields = (value: unknown): value is ItemFields | null =>
  value === null || (typeof value === 'object' && !Array.isArray(value) && Object.values(value).every(isFieldValue));

const isFieldValue = (value: unknown): boolean =>
  typeof value === 'string' ||
  typeof value === 'number' ||
  (Array.isArray(value) && value.every((text) => typeof text === 'string'));
