export { buildHnsw, type BuildHnswRequest } from './build-hnsw';
export { measureRecall, type MeasureRecallRequest } from './measure-recall';
export { WorkerItemIndex, type WorkerItemIndexOptions } from './worker-item-index';
