import { OnnxItemEmbedder, OnnxUserEmbedder } from '@mic/onnx-tower';
import { releaseSummary } from '@mic/release';
import { openPublishedRelease, runService } from '@mic/service-host';
import { config } from './config';
import { embedderApi } from './handler';

await runService({
  name: 'user-embedder',
  config,
  async open({ MIC_STORE: store, MIC_RELEASES: releases }) {
    const { releaseId, signature, userTower, itemTower, manifest } = await openPublishedRelease({ store, releases });
    const users = await OnnxUserEmbedder.open({ releaseId, signature, model: userTower });
    const items = await OnnxItemEmbedder.open({ releaseId, signature, model: itemTower });
    const release = releaseSummary(manifest);
    return {
      value: { release, signature, users, items },
      releases: () => Promise.resolve([release]),
      close: async () => {
        await users.close();
        await items.close();
      },
    };
  },
  services: (towers) => [embedderApi(towers)],
});
