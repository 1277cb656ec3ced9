export { buildHnsw, type BuildHnswRequest } from './build-hnsw';
export { WorkerItemIndex, type WorkerItemIndexOptions } from './worker-item-index';
