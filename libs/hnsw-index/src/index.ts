export { buildHnsw, type BuildHnswRequest } from './build-hnsw';
export { vectorsOfRows } from './vectors-of-rows';
export { WorkerItemIndex, type WorkerItemIndexOptions } from './worker-item-index';
export { WorkerUserIndex, type WorkerUserIndexOptions } from './worker-user-index';
