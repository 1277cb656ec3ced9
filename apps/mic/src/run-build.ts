import { buildRelease, type BuildConfig } from '@mic/release-build';
import { openDataset } from '@mic/dataset';
import type { Manifest, OpenRelease } from '@mic/release';
import { openModel } from '@mic/training';
import type { Home } from './home';
import { StageBars } from './stage-bars';

export interface BuildRun {
  readonly model: string;
  readonly data: string;
  readonly home: Home;
  readonly config: BuildConfig;
  /** What the gate compares with. */
  readonly parent: OpenRelease | null;
}

/** Builds a release of a model folder and a dataset folder into a home, with a progress bar for each stage. */
export async function runBuild({ model: modelDir, data, home, config, parent }: BuildRun): Promise<Manifest> {
  const model = await openModel(modelDir);
  const dataset = await openDataset(data);
  const bars = new StageBars('build');
  try {
    const releasesDir = home.releases;
    return await buildRelease({ model, dataset, releasesDir, config, parent, onStage: (report) => bars.show(report) });
  } finally {
    bars.stop();
    await dataset.close();
  }
}
