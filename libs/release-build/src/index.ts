export { BUILD_KNOBS, buildConfigSchema, parseBuildConfig, type BuildConfig } from './build-config';
export { withLock } from './build-lock';
export { BUILD_STAGES, buildRelease, type BuildReleaseOptions, type BuildStage } from './build-release';
export { diffReleases, type ReleaseDiff } from './diff/diff-releases';
export type { Compared, ComparedCheck, ComparedText } from './diff/release-facts';
export { openExternalModel, type ExternalFiles, type ExternalModel } from './external/external-model';
export { UNKNOWN_PROTOCOL, type ReleaseModel, type ReleaseModelInfo } from './release-model';
export type { StageReport } from './stage-clock';
