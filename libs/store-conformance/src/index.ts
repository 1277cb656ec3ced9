export { startRedisCluster, type RedisCluster } from './redis-cluster';
export { startRedis, startRedisSentinel, type RedisProcess } from './redis-process';
export { startSlowProxy, type SlowProxy } from './slow-proxy';
export { storeConformance } from './store-conformance';
export { sealRelease } from './what-is-stored';
export type { StoreRules, StoreUnderTest } from './store-under-test';
