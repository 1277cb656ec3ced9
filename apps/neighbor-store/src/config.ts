import { z } from 'zod';
import { appConfig, SERVICE_VARIABLES, wholeNumber } from '@mic/service-host';

/** What the neighbor-store reads from its environment. */
export const config = appConfig({
  ...SERVICE_VARIABLES,
  MIC_HISTORY_CAP: wholeNumber(1, 100_000).default(1_000).describe('events kept per user: the newest ones'),
  MIC_HISTORY_TTL_SECONDS: wholeNumber(1, 3_153_600_000)
    .optional()
    .describe(
      'age (by its own time) beyond which an event is neither returned nor kept; without it events of any age are',
    ),
  MIC_LIVE_ITEMS_CAP: wholeNumber(1, 1_000_000)
    .default(10_000)
    .describe('items beside the releases (new, changed or hidden ones) that the store takes; more are refused'),
  MIC_EVENT_LOG: z
    .string()
    .min(1)
    .optional()
    .describe('folder for a log of all events that are appended (ADR 018); without it there is none'),
  MIC_EVENT_LOG_KEEP_DAYS: wholeNumber(1, 36_500)
    .optional()
    .describe('remove closed segments of the log after so many days, read or not; without it they stay'),
});
