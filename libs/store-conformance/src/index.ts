export { storeConformance } from './store-conformance';
export { sealRelease } from './what-is-stored';
export type { StoreRules, StoreUnderTest } from './store-under-test';
