import { appConfig, RELEASE_VARIABLES, SERVICE_VARIABLES, wholeNumber } from '@mic/service-host';
import { z } from 'zod';

/** What the ann-service reads from its environment. */
export const config = appConfig({
  ...SERVICE_VARIABLES,
  ...RELEASE_VARIABLES,
  MIC_SEARCH_THREADS: wholeNumber(1, 64)
    .optional()
    .describe('search threads, each with a copy of the index; without it one less than there are cores, at most 2'),
  MIC_USER_INDEX: z
    .enum(['true', 'false'])
    .default('true')
    .transform((text) => text === 'true')
    .describe(
      'true or false: whether the users of a release can be searched, and items by users; it takes the user vectors once and the index file of the users once in memory (an exact index: the vectors once more)',
    ),
});
