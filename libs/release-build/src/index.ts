export { buildConfigSchema, type BuildConfig } from './build-config';
export { buildRelease, type BuildReleaseOptions, type BuildStage } from './build-release';
