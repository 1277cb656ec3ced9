export { alignHistories, alignSplit } from './align-histories';
export { encodeVectors, encodeWorld, type EncodedVectors, type EncodedWorld } from './encoded-world';
export { HISTORY_MODES, type Evaluation, type HistoryMode } from './evaluation';
export { evaluateModels, type EvaluateOptions } from './evaluate-models';
export { measureQuality } from './measure-quality';
export { untrainedItems } from './new-items';
export { tuneModel, type Tuning } from './tune-model';
export type { ItemFacts } from './offline-ports';
