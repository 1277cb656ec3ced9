export { RedisStore, type RedisStoreOptions } from './redis-store';
export { isRedisUrl, parseRedisUrl, type RedisAddress } from './store-url';
