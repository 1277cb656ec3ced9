export { startRedisCluster, type RedisCluster } from './redis-cluster';
export { startRedis, startRedisSentinel, type RedisProcess } from './redis-process';
export { startSlowProxy, type SlowProxy } from './slow-proxy';
