import { appConfig, SERVICE_VARIABLES, wholeNumber } from '@mic/service-host';

/** What the neighbor-store reads from its environment. */
export const config = appConfig({
  ...SERVICE_VARIABLES,
  MIC_HISTORY_CAP: wholeNumber(1, 100_000).default(1_000).describe('events kept per user: the newest ones'),
});
