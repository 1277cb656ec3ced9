import { runService, serveReleases, storeRecords } from '@mic/service-host';
import { config } from './config';
import { annApi } from './handler';
import { openIndexes } from './open-indexes';

await runService({
  name: 'ann-service',
  config,
  open: (settings, host) =>
    serveReleases({
      host,
      settings,
      opener: { open: (pointer, beside) => openIndexes(settings, pointer, beside, host.stopping) },
      records: storeRecords(settings.MIC_STORE),
      isPinnedByCallers: true,
    }),
  services: (releases) => [annApi(releases)],
});
