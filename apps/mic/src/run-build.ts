import { buildConfigSchema, buildRelease } from '@mic/release-build';
import { openDataset } from '@mic/dataset';
import type { Manifest } from '@mic/release';
import { openModel } from '@mic/training';
import type { Home } from './home';
import { withProgress } from './progress';

/** Builds a release of a model folder and a dataset folder into a home, under a progress bar. */
export async function runBuild(modelDir: string, dataDir: string, home: Home): Promise<Manifest> {
  const model = await openModel(modelDir);
  const dataset = await openDataset(dataDir);
  try {
    return await withProgress('build', (onProgress) =>
      buildRelease({
        model,
        dataset,
        releasesDir: home.releases,
        config: buildConfigSchema.parse({}),
        onProgress,
      }),
    );
  } finally {
    await dataset.close();
  }
}
