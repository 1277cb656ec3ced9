import { z } from 'zod';
import { appConfig, RELEASE_VARIABLES, SERVICE_VARIABLES } from '@mic/service-host';

const target = (service: string) =>
  z
    .string()
    .min(1)
    .describe(`the ${service}: host:port,host:port,... or dns:///name:port; calls are spread over all its addresses`);

/** What the recall-gateway reads from its environment. */
export const config = appConfig({
  ...SERVICE_VARIABLES,
  ...RELEASE_VARIABLES,
  MIC_USER_EMBEDDER: target('user-embedder'),
  MIC_ANN_SERVICE: target('ann-service'),
  MIC_NEIGHBOR_STORE: target('neighbor-store'),
  MIC_PROFILES: z.string().min(1).optional().describe('JSON file of recall profiles; without it the built-in one'),
  MIC_DECISION_LOG: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder for a log of a sample of all answers, which mic replay reads (ADR 023); without it there is none',
    ),
  MIC_DECISION_SAMPLE: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('share of the requests that are logged, by a hash of their id'),
});
