import { runService, serveReleases, storeRecords } from '@mic/service-host';
import { config } from './config';
import { annApi } from './handler';
import { openIndexes } from './open-indexes';

await runService({
  name: 'ann-service',
  config,
  open: (settings, host) => {
    const opener = { open: (pointer: Parameters<typeof openIndexes>[1]) => openIndexes(settings, pointer) };
    return serveReleases({
      host,
      settings,
      opener,
      records: storeRecords(settings.MIC_STORE),
      isPinnedByCallers: true,
    });
  },
  services: (releases) => [annApi(releases)],
});
