/**
 * What must happen at once inside Redis. Every script touches keys of one slot only, so that it runs in a cluster, too.
 */

/** A script that a Redis without memory runs all the same (Redis 7): who goes back, or makes room, must not need room. */
const EVEN_WHEN_FULL = '#!lua flags=allow-oom';

/**
 * Sets a history if nobody has changed it since it was read. KEYS: history. ARGV: revision read ('' for none), new value,
 * when it is to go by itself in ms since the epoch ('' for never).
 */
export const REPLACE_HISTORY = `
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3]) end
return 1`;

/**
 * Makes a history shorter, or takes it away, or sets when it goes, if nobody has changed it since it was read. KEYS:
 * history. ARGV: revision read, what is left of it ('' for nothing, '=' for all of it), when it is to go in ms since the epoch.
 */
export const SHORTEN_HISTORY = `${EVEN_WHEN_FULL}
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[2] == '=' then redis.call('PEXPIREAT', KEYS[1], ARGV[3])
else redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3]) end
return 1`;

/**
 * Reserves a release id for one manifest; nil when it is another's, 0 when the lease is another's.
 * KEYS: claims, lease. ARGV: id, sha256, holder.
 */
export const CLAIM = `
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
local claimed = redis.call('HGET', KEYS[1], ARGV[1])
if claimed and claimed ~= ARGV[2] then return false end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`;

/** Takes the lease, and tells who has it and for how many ms. KEYS: lease. ARGV: holder, ms, 1 to take it from another. */
export const LEASE = `${EVEN_WHEN_FULL}
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] and ARGV[3] ~= '1' then return {held, redis.call('PTTL', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {ARGV[1], tonumber(ARGV[2])}`;

/** Makes the lease last, where the holder has it, and tells who has it; nil for nobody. KEYS: lease. ARGV: holder, ms. */
export const RENEW_LEASE = `${EVEN_WHEN_FULL}
local held = redis.call('GET', KEYS[1])
if held == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return held`;

/** Gives the lease back. KEYS: lease. ARGV: holder. */
export const END_LEASE = `${EVEN_WHEN_FULL}
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** Notes that a release is begun; 0 when it was, or is sealed. KEYS: begun, summaries. ARGV: id. */
export const BEGIN = `
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 0 end
return redis.call('SADD', KEYS[1], ARGV[1])`;

/**
 * Declares a release complete; nil when its id is not claimed for it any more, 0 when the lease is another's.
 * KEYS: claims, summaries, order, begun, lease. ARGV: id, sha256, summary, now in ms, holder.
 */
export const SEAL = `
if redis.call('GET', KEYS[5]) ~= ARGV[5] then return 0 end
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return false end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 1 end
local last = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2] or '0'
local at = math.max(tonumber(ARGV[4]), tonumber(last) + 1)
redis.call('ZADD', KEYS[3], string.format('%.0f', at), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('SREM', KEYS[4], ARGV[1])
return 1`;

/**
 * Moves the pointer to a sealed release and gives it; nil when the release is not sealed, 0 when the lease is another's.
 * KEYS: summaries, claims, pointer, lease. ARGV: id, now in ms, holder.
 */
export const MOVE_POINTER = `${EVEN_WHEN_FULL}
if redis.call('GET', KEYS[4]) ~= ARGV[3] then return 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return false end
local begins = '{"releaseId":"' .. ARGV[1] .. '",'
local before = redis.call('GET', KEYS[3])
if before and string.sub(before, 1, #begins) == begins then return before end
local sha256 = redis.call('HGET', KEYS[2], ARGV[1])
local pointer = begins .. '"manifestSha256":"' .. sha256 .. '","movedAtMs":' .. ARGV[2] .. '}'
redis.call('SET', KEYS[3], pointer)
return pointer`;

/** Takes a release out of the control records, unless the pointer names it. KEYS: pointer, summaries, claims, order, begun. ARGV: id. */
export const UNSEAL = `${EVEN_WHEN_FULL}
local begins = '{"releaseId":"' .. ARGV[1] .. '",'
local pointer = redis.call('GET', KEYS[1])
if pointer and string.sub(pointer, 1, #begins) == begins then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('SADD', KEYS[5], ARGV[1])
return 1`;

/**
 * What a reader of live items has not seen: {revision, epoch, 1 where it is everything, then id and record of each item in the
 * order of the changes}. KEYS: mark, order, items. ARGV: revision and epoch that the reader knows ('' for none).
 * A replica that takes over, and a server that is started again, may have lost the last changes and count anew where they were;
 * its replication id is another one, and with it the epoch.
 */
export const LIVE_ITEMS = `
local revision = tonumber(redis.call('HGET', KEYS[1], 'revision') or 0)
local forgotten = redis.call('HGET', KEYS[1], 'epoch') or '0'
local replication = redis.pcall('INFO', 'replication')
local server = type(replication) == 'string' and string.match(replication, 'master_replid:(%x+)') or ''
local epoch = server .. ':' .. forgotten
local known = tonumber(ARGV[1])
local from, whole = known, 0
if not known or ARGV[2] ~= epoch or known > revision then from, whole = 0, 1 end
local answer = {revision, epoch, whole}
if from == revision then return answer end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', from), '+inf')) do
  answer[#answer + 1] = id
  answer[#answer + 1] = redis.call('HGET', KEYS[3], id)
end
return answer`;

/**
 * Stores what is said of items, and gives {1, revision}; {0, number of records that there would be} when those are too many.
 * When Redis is full, the first write is refused, and with it all. KEYS: items, order, mark. ARGV: most records, then id and
 * record of each item.
 */
export const WRITE_LIVE_ITEMS = `
local changed, added = {}, 0
for i = 2, #ARGV, 2 do
  local before = redis.call('HGET', KEYS[1], ARGV[i])
  if before ~= ARGV[i + 1] then
    changed[#changed + 1] = i
    if not before then added = added + 1 end
  end
end
if added > 0 then
  local count = redis.call('HLEN', KEYS[1]) + added
  if count > tonumber(ARGV[1]) then return {0, count} end
end
local revision = tonumber(redis.call('HGET', KEYS[3], 'revision') or 0)
for _, i in ipairs(changed) do
  revision = redis.call('HINCRBY', KEYS[3], 'revision', 1)
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[2], string.format('%.0f', revision), ARGV[i])
end
return {1, revision}`;

/** Takes records away that are still as given; how many went. KEYS: items, order, mark. ARGV: id and record of each item. */
export const FORGET_LIVE_ITEMS = `${EVEN_WHEN_FULL}
local gone = 0
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
    gone = gone + 1
  end
end
if gone > 0 then redis.call('HINCRBY', KEYS[3], 'epoch', 1) end
return gone`;
