export { buildConfigSchema, type BuildConfig } from './build-config';
export { evaluateModel, type EvaluateModelOptions, type Evaluation } from './evaluate-model';
export { buildRelease, type BuildReleaseOptions, type BuildStage } from './build-release';
