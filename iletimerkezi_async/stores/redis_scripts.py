"""The scripts of the Redis store, in Lua. Each runs as one: nothing comes between.

The time is Redis's own. Numbers go back as text, as Redis would cut their fractions off.
"""

from __future__ import annotations

__all__ = ["BEGIN", "CLAIM", "FIND", "KNOWN", "NOTE", "RESERVE", "RESOLVE", "SETTLE", "WITHDRAW"]

_NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local function spell(number) return string.format('%.6f', number) end
"""

# KEYS: the send. ARGV: fingerprint, token, recipients, lease, keep.
CLAIM = (
    _NOW
    + """
local kept = redis.call('HMGET', KEYS[1], 'fingerprint', 'state', 'token', 'lease_until', 'first_attempt', 'order_id',
    'recipients')
local state, left = kept[2], 0
if state then
    left = tonumber(kept[4]) - now
    local is_free = left <= 0 or kept[3] == ARGV[2]
    if kept[1] ~= ARGV[1] and not (state == 'claimed' and is_free) then return {'conflict', '', '', '0', '0'} end
    if state == 'sent' then return {'sent', '', kept[6] or '', kept[7], '0'} end
    if not is_free then return {'busy', '', '', '0', spell(left)} end
end
local elapsed = ''
if state and state ~= 'claimed' then
    elapsed = spell(now - tonumber(kept[5]))
else
    redis.call('HDEL', KEYS[1], 'first_attempt')
    state = 'claimed'
end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'state', state, 'token', ARGV[2], 'recipients', ARGV[3],
    'lease_until', spell(now + tonumber(ARGV[4])))
redis.call('EXPIRE', KEYS[1], ARGV[5])
return {'granted', elapsed, '', '0', '0'}
"""
)

# KEYS: the send. ARGV: token, lease, keep, whether it is the first attempt.
# An earlier owner may have had its answer meanwhile.
BEGIN = (
    _NOW
    + """
local kept = redis.call('HMGET', KEYS[1], 'token', 'state')
if kept[1] ~= ARGV[1] or kept[2] == 'sent' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'begun', 'lease_until', spell(now + tonumber(ARGV[2])))
if ARGV[4] == '1' then
    redis.call('HSET', KEYS[1], 'first_attempt', spell(now))
else
    redis.call('HSETNX', KEYS[1], 'first_attempt', spell(now))
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
)

# KEYS: the send, the known ids. ARGV: fingerprint, token, state, id, keep, for how long an id is known, or 0.
# That it was taken is true whoever says it, and an id that is there stays.
SETTLE = (
    _NOW
    + """
if ARGV[4] ~= '' and ARGV[6] ~= '0' then
    redis.call('ZADD', KEYS[2], now + tonumber(ARGV[6]), ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[6])
end
local kept = redis.call('HMGET', KEYS[1], 'fingerprint', 'token', 'state')
if kept[1] ~= ARGV[1] then return 0 end
if ARGV[3] ~= 'sent' and (kept[2] ~= ARGV[2] or kept[3] == 'sent') then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'lease_until', spell(now))
if ARGV[4] ~= '' then redis.call('HSETNX', KEYS[1], 'order_id', ARGV[4]) end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""
)

# KEYS: the send. ARGV: token.
WITHDRAW = """
local kept = redis.call('HMGET', KEYS[1], 'token', 'state')
if kept[1] ~= ARGV[1] or kept[2] == 'sent' then return 0 end
return redis.call('DEL', KEYS[1])
"""

# KEYS: the send.
FIND = """
return redis.call('HMGET', KEYS[1], 'state', 'order_id', 'recipients', 'first_attempt')
"""

# KEYS: the send, the known ids. ARGV: id, keep, for how long an id is known.
RESOLVE = (
    _NOW
    + """
local kept = redis.call('HMGET', KEYS[1], 'state', 'order_id', 'recipients', 'first_attempt', 'lease_until')
local verdict = 'done'
if not kept[1] then
    verdict = 'unused'
elseif tonumber(kept[5]) > now then
    verdict = 'busy'
elseif kept[2] and kept[2] ~= ARGV[1] then
    verdict = 'sent'
elseif ARGV[1] == '' then
    redis.call('DEL', KEYS[1])
else
    redis.call('HSET', KEYS[1], 'state', 'sent', 'order_id', ARGV[1])
    redis.call('EXPIRE', KEYS[1], ARGV[2])
    redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[1])
    redis.call('EXPIRE', KEYS[2], ARGV[3])
end
return {verdict, kept[1], kept[2], kept[3], kept[4]}
"""
)

# `slots.next_slot` and `slots.room_at` in Lua. KEYS: the moments given.
# ARGV: n, how many more are wanted, window, the most in a window, what is too far ahead, how long nobody may pass.
RESERVE = (
    _NOW
    + """
local n, extra, window, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local slots, counts = {}, {}
for _, entry in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    local slot, count = string.match(entry, '^(.-):(.*)$')
    slot = tonumber(slot)
    if now - window < slot and slot < now + tonumber(ARGV[5]) then
        slots[#slots + 1], counts[#counts + 1] = slot, tonumber(count)
    else
        redis.call('LREM', KEYS[1], 1, entry)
    end
end
local moment, total = math.max(now + tonumber(ARGV[6]), slots[#slots] or now), n
for place = #slots, 1, -1 do
    total = total + counts[place]
    if total > most then
        moment = math.max(moment, slots[place] + window)
        break
    end
end
local room = math.floor(most)
for place = #slots, 1, -1 do
    if slots[place] <= moment - window then break end
    room = room - counts[place]
end
extra = math.min(extra, room - n)
redis.call('RPUSH', KEYS[1], spell(moment) .. ':' .. (n + extra))
redis.call('PEXPIRE', KEYS[1], math.ceil((moment - now + window) * 1000))
return {spell(moment - now), tostring(extra)}
"""
)

# KEYS: the known ids. ARGV: for how long, the ids.
NOTE = (
    _NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for place = 2, #ARGV do redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[place]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""
)

# KEYS: the known ids. ARGV: the ids.
KNOWN = """
local known = {}
for place = 1, #ARGV do
    if redis.call('ZSCORE', KEYS[1], ARGV[place]) then known[#known + 1] = ARGV[place] end
end
return known
"""
