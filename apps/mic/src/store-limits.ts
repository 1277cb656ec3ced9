import { Option } from 'commander';
import type { OpenStoreOptions } from '@mic/open-store';
import { wholeNumber } from './number-flags';

const LONGEST_SECONDS = 3_153_600_000;

/** What a store keeps, as flags and `mic up` have it; what is undefined has the store's default. */
export interface StoreLimits {
  readonly historyCap?: number;
  readonly historyTtlSeconds?: number;
  readonly liveItemsCap?: number;
}

/**
 * The flags of what writes histories, a server or an import. All that write one store have to agree: whoever has the lower cap
 * cuts the histories that it touches.
 */
export const HISTORY_CAP_OPTION = (): Option =>
  new Option('--history-cap <n>', 'events kept per user, the newest ones (default: 1000)').argParser(
    wholeNumber(1, 100_000),
  );
export const HISTORY_TTL_OPTION = (): Option =>
  new Option(
    '--history-ttl-seconds <s>',
    'age (by its own time) beyond which an event is neither returned nor kept; without it events of any age are',
  ).argParser(wholeNumber(1, LONGEST_SECONDS));

/** The flag of servers. */
export const LIVE_ITEMS_CAP_OPTION = (): Option =>
  new Option(
    '--live-items-cap <n>',
    'items beside the releases (new, changed or hidden ones) that the store takes; more are refused (default: 10000)',
  ).argParser(wholeNumber(1, 1_000_000));

/** The limits among some flags. */
export const limitsOf = ({ historyCap, historyTtlSeconds, liveItemsCap }: StoreLimits): StoreLimits => ({
  historyCap,
  historyTtlSeconds,
  liveItemsCap,
});

/** As stores take them. */
export const storeOptionsOf = ({
  historyCap,
  historyTtlSeconds,
  liveItemsCap,
}: StoreLimits): Pick<OpenStoreOptions, 'historyCap' | 'historyTtlMs' | 'liveItemsCap'> => ({
  historyCap,
  historyTtlMs: historyTtlSeconds === undefined ? undefined : historyTtlSeconds * 1_000,
  liveItemsCap,
});
