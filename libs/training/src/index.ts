export type { EncodedFields } from './batch-assembler';
export { modelInfoSchema, type ModelInfo, type TrainedModel } from './trained-model';
export { KNOBS, parseTrainingConfig, trainingConfigSchema, type TrainingConfig } from './training-config';
export { encodeItems, encodeUsers, type TowerInputs } from './tower-encoder';
export { Trainer, type StepProgress, type TrainedWeights } from './trainer';
