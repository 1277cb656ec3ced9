export { ItemIndexClient } from './item-index-client';
export { NeighborClient } from './neighbor-client';
export type { CallersRelease } from './release-client';
export { UserEmbedderClient } from './user-embedder-client';
