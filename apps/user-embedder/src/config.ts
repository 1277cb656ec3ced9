import { appConfig, RELEASE_VARIABLES, SERVICE_VARIABLES } from '@mic/service-host';

/** What the user-embedder reads from its environment. */
export const config = appConfig({ ...SERVICE_VARIABLES, ...RELEASE_VARIABLES });
