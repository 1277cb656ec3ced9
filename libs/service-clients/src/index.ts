export { ItemEmbedderClient } from './item-embedder-client';
export { ItemIndexClient } from './item-index-client';
export { NeighborClient } from './neighbor-client';
export { lacking, ReleaseHolders, type Holding } from './release-holders';
export type { CallersRelease } from './service-caller';
export { UserEmbedderClient } from './user-embedder-client';
export { UserIndexClient } from './user-index-client';
