export { ENCODER_NAMES, type EncoderName } from './config/encoder-names';
export { KNOBS, parseTrainingConfig } from './config/parse-config';
export type { TrainingConfig } from './config/training-config';
export type { EncodedFields } from './data/encoded-fields';
export { NEW_ITEM_USERS } from './data/item-user-lists';
export { loadSplit, PROTOCOLS, type LoadedSplit, type Protocol } from './data/load-split';
export { Trainer, type StepMillis } from './loop/trainer';
export { openModel, saveModel } from './model-folder';
export { RunFolder, type MetricsLine, type RunPlan } from './run/run-folder';
export { holdOutForValidation } from './data/validation';
export { encodeItems, encodeUsers, meanUserVectors, UserEncoder, type TowerInputs } from './tower-encoder';
export {
  loadEncodedFields,
  trainModel,
  type EpochReport,
  type TrainingProgress,
  type TrainModelOptions,
} from './train-model';
export type { ModelInfo, TowerModel, TrainedModel } from './trained-model';
