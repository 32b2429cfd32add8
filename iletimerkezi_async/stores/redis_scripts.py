"""The script of the Redis store's rate, in Lua. It runs as one: nothing comes between.

The time is Redis's own. Numbers go back as text, as Redis would cut their fractions off.
"""

from __future__ import annotations

__all__ = ["RESERVE"]

_NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local function spell(number) return string.format('%.6f', number) end
"""

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
