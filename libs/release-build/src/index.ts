export { BUILD_KNOBS, buildConfigSchema, parseBuildConfig, type BuildConfig } from './build-config';
export { BUILD_STAGES, buildRelease, type BuildReleaseOptions, type BuildStage } from './build-release';
export type { StageReport } from './stage-clock';
