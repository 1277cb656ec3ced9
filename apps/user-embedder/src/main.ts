import { runService, serveReleases, storeRecords } from '@mic/service-host';
import { config } from './config';
import { embedderApi } from './handler';
import { openTowers } from './open-towers';

await runService({
  name: 'user-embedder',
  config,
  open: (settings, host) =>
    serveReleases({
      host,
      settings,
      opener: { open: (pointer, beside) => openTowers(settings, pointer, beside) },
      records: storeRecords(settings.MIC_STORE),
      isPinnedByCallers: true,
    }),
  services: (releases) => [embedderApi(releases)],
});
