import type { AppConfig, Variables } from '@mic/service-host';
import { config as annService } from '../../apps/ann-service/src/config';
import { config as neighborStore } from '../../apps/neighbor-store/src/config';
import { config as recallGateway } from '../../apps/recall-gateway/src/config';
import { config as userEmbedder } from '../../apps/user-embedder/src/config';

/** The apps that must be in every build, and how each reads its environment. */
export const APPS: Readonly<Record<string, AppConfig<Variables>>> = {
  'user-embedder': userEmbedder,
  'ann-service': annService,
  'neighbor-store': neighborStore,
  'recall-gateway': recallGateway,
};

/** Variables that are the address of another app. */
export const TARGETS: Readonly<Record<string, string>> = {
  MIC_USER_EMBEDDER: 'user-embedder',
  MIC_ANN_SERVICE: 'ann-service',
  MIC_NEIGHBOR_STORE: 'neighbor-store',
};
