export { OnnxItemEmbedder, type ItemTowerInput, type OnnxItemEmbedderOptions } from './item-embedder';
export { MicroBatcher } from './micro-batcher';
export { OnnxSession, type OnnxValue } from './session';
export { OnnxUserEmbedder, type OnnxUserEmbedderOptions } from './user-embedder';
