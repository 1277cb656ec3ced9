import {
  buildRelease,
  openExternalModel,
  type BuildConfig,
  type ExternalFiles,
  type ReleaseModel,
} from '@mic/release-build';
import { openDataset, type Dataset } from '@mic/dataset';
import type { Manifest, OpenRelease } from '@mic/release';
import { openModel } from '@mic/training';
import type { Home } from './home';
import { StageBars } from './stage-bars';

/** What a release is built from: the folder of a model that was trained here, or towers that were trained elsewhere. */
export type ModelSource = string | ExternalFiles;

export interface BuildRun {
  readonly model: ModelSource;
  readonly data: string;
  readonly home: Home;
  readonly config: BuildConfig;
  /** What the gate compares with. */
  readonly parent: OpenRelease | null;
}

/** Builds a release of a model and a dataset folder into a home, with a progress bar for each stage. */
export async function runBuild({ model: source, data, home, config, parent }: BuildRun): Promise<Manifest> {
  const open =
    typeof source === 'string' ? await openTrained(source) : (opened: Dataset) => openExternal(source, opened);
  const dataset = await openDataset(data);
  const bars = new StageBars('build');
  try {
    const model = await open(dataset);
    const releasesDir = home.releases;
    return await buildRelease({ model, dataset, releasesDir, config, parent, onStage: (report) => bars.show(report) });
  } finally {
    bars.stop();
    await dataset.close();
  }
}

/** A folder that is no model is told before one that is no dataset. */
async function openTrained(folder: string): Promise<() => Promise<ReleaseModel>> {
  const model = await openModel(folder);
  return () => Promise.resolve(model);
}

async function openExternal(files: ExternalFiles, dataset: Dataset): Promise<ReleaseModel> {
  const model = await openExternalModel(files, dataset);
  for (const note of model.notes) console.error(`build: ${note}`);
  return model;
}
