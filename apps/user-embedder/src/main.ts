import { runService, serveReleases, storeRecords } from '@mic/service-host';
import { config } from './config';
import { embedderApi } from './handler';
import { openTowers } from './open-towers';

await runService({
  name: 'user-embedder',
  config,
  open: (settings, host) => {
    const opener = { open: (pointer: Parameters<typeof openTowers>[1]) => openTowers(settings, pointer) };
    return serveReleases({
      host,
      settings,
      opener,
      records: storeRecords(settings.MIC_STORE),
      isPinnedByCallers: true,
    });
  },
  services: (releases) => [embedderApi(releases)],
});
