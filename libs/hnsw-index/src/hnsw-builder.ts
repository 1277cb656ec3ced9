import { parentPort, workerData } from 'node:worker_threads';
import hnswlib from 'hnswlib-node';
import type { BuilderMessage, BuilderSetup } from './build-hnsw';

/** Rows between two messages: about a second. */
const ROWS_PER_MESSAGE = 5_000;

const { vectors, count, dimension, m, efConstruction, seed, path } = workerData as BuilderSetup;
const say = (message: BuilderMessage): void => {
  parentPort!.postMessage(message);
};
const index = new hnswlib.HierarchicalNSW('ip', dimension);
index.initIndex(count, m, efConstruction, seed);
const point = new Array<number>(dimension).fill(0);
for (let row = 0; row < count; row++) {
  for (let d = 0; d < dimension; d++) point[d] = vectors[row * dimension + d]!;
  index.addPoint(point, row);
  if ((row + 1) % ROWS_PER_MESSAGE === 0) say(row + 1);
}
index.writeIndexSync(path);
say(count);
say(null);
