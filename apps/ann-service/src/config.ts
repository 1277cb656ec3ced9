import { appConfig, RELEASE_VARIABLES, SERVICE_VARIABLES, wholeNumber } from '@mic/service-host';

/** What the ann-service reads from its environment. */
export const config = appConfig({
  ...SERVICE_VARIABLES,
  ...RELEASE_VARIABLES,
  MIC_SEARCH_THREADS: wholeNumber(1, 64)
    .optional()
    .describe('search threads, each with a copy of the index; without it one less than there are cores, at most 2'),
});
