import { recallApi } from '@mic/recall-api';
import { runService } from '@mic/service-host';
import { config } from './config';
import { openGateway } from './open-gateway';

await runService({
  name: 'recall-gateway',
  config,
  facesCallers: true,
  open: openGateway,
  services: (gateway) =>
    recallApi({
      recall: { recall: async (...call) => gateway().recall.recall(...call) },
      history: { appendEvents: async (...call) => gateway().history.appendEvents(...call) },
      items: {
        upsertItems: async (...call) => gateway().items.upsertItems(...call),
        removeItems: async (...call) => gateway().items.removeItems(...call),
      },
      maxN: () => gateway().maxN(),
    }),
});
