export type { EncodedFields } from './batch-assembler';
export { openModel, saveModel } from './model-folder';
export { encodeItems, encodeUsers, type TowerInputs } from './tower-encoder';
export { loadEncodedFields, trainModel, type EpochReport, type TrainModelOptions } from './train-model';
export type { ModelInfo, TrainedModel } from './trained-model';
export type { StepProgress } from './trainer';
export { KNOBS, parseTrainingConfig, type TrainingConfig } from './training-config';
export type { Protocol } from './training-data';
