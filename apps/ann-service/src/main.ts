import { WorkerItemIndex } from '@mic/hnsw-index';
import { releaseSummary } from '@mic/release';
import { openPublishedRelease, runService } from '@mic/service-host';
import { config } from './config';
import { annApi } from './handler';

await runService({
  name: 'ann-service',
  config,
  async open({ MIC_STORE: store, MIC_RELEASES: releases, MIC_SEARCH_THREADS: workers }) {
    const { releaseId, catalog, manifest, indexPath } = await openPublishedRelease({ store, releases });
    const { vectors, itemCount: count, dimension } = catalog;
    const { kind } = manifest.index;
    const ef = manifest.index.kind === 'hnsw' ? manifest.index.ef : undefined;
    const index = await WorkerItemIndex.open({ releaseId, vectors, count, dimension, kind, indexPath, ef, workers });
    const release = releaseSummary(manifest);
    return {
      value: { release, vectors, items: index },
      releases: () => Promise.resolve([release]),
      close: () => index.close(),
    };
  },
  services: (indexes) => [annApi(indexes)],
});
