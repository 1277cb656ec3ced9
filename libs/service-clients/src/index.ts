export type { BreakerEvent } from './circuit-breaker';
export { ItemEmbedderClient } from './item-embedder-client';
export { ItemIndexClient } from './item-index-client';
export { NeighborClient } from './neighbor-client';
export { lacking, ReleaseHolders, type Holding } from './release-holders';
export type { CallersRelease, ServiceCallerOptions } from './service-caller';
export type { ServiceConnection } from './service-connection';
export { UserEmbedderClient } from './user-embedder-client';
export { UserIndexClient } from './user-index-client';
