export { checkTower, towerDifferences, type TowerInterface } from './check-tower';
export { listedFeeds } from './feeds';
export { OnnxItemEmbedder, type ItemTowerInput, type OnnxItemEmbedderOptions } from './item-embedder';
export { MicroBatcher } from './micro-batcher';
export { finishVectors } from './finish-vectors';
export { OnnxSession, type OnnxValue } from './session';
export { OnnxUserEmbedder, type OnnxUserEmbedderOptions } from './user-embedder';
