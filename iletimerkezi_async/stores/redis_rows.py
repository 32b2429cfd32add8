"""Rows in Redis: one script that writes or reads one, and an index of look-alikes for each mark.

A campaign has many rows, which one script cannot write together as a transaction would: Redis keeps sends alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iletimerkezi_async.clocks import Moment

from .log import Alike, Answer, KnownId, Row, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .log import Change, Name

__all__ = ["RedisRows"]

# Seconds for which an id stays known, what has expired stays, and a look-alike is of interest to anybody.
_KNOWN = _EXPIRED_KEPT = _ALIKE = 11 * 86_400

# KEYS: the row, its look-alikes, the known ids, what is known of each. ARGV: `write` or `read`, the old version, lease,
# keep, seconds until it is deleted, an id to be noted, what is known of it and its age, then fields and values; `now`
# stands for the time.
_ROW = f"""
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local function spell(number) return string.format('%.6f', number) end
local there = redis.call('HGET', KEYS[1], 'version')
if ARGV[1] == 'write' and (there or '') == ARGV[2] then
    for place = 9, #ARGV, 2 do
        local value = ARGV[place + 1]
        if value == 'now' then value = spell(now) end
        redis.call('HSET', KEYS[1], ARGV[place], value)
    end
    redis.call('HSET', KEYS[1], 'lease_until', spell(now + ARGV[3]), 'expires_at', spell(now + ARGV[4]))
    redis.call('EXPIRE', KEYS[1], ARGV[5])
    local first = redis.call('HGET', KEYS[1], 'first_at')
    redis.call('ZREM', KEYS[2], KEYS[1])
    if first and first ~= '' then
        redis.call('ZADD', KEYS[2], first, KEYS[1])
        redis.call('EXPIRE', KEYS[2], {_ALIKE})
    end
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - {_ALIKE})
    if ARGV[6] ~= '' and not redis.call('ZSCORE', KEYS[3], ARGV[6]) then
        redis.call('ZADD', KEYS[3], spell(now - ARGV[8]), ARGV[6])
        redis.call('HSET', KEYS[4], ARGV[6], ARGV[7])
        redis.call('EXPIRE', KEYS[3], {_KNOWN})
        redis.call('EXPIRE', KEYS[4], {_KNOWN})
    end
end
return {{spell(now), redis.call('HGETALL', KEYS[1])}}
"""
# KEYS: the known ids, what is known of each. ARGV: ids, each followed by that and its age; `+c` adds that it was
# cancelled.
_NOTE = f"""
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
for place = 1, #ARGV, 3 do
    local id, known = ARGV[place], redis.call('HGET', KEYS[2], ARGV[place])
    redis.call('ZADD', KEYS[1], 'NX', string.format('%.6f', now - ARGV[place + 2]), id)
    if known and string.sub(ARGV[place + 1], -1) == 'c' then
        redis.call('HSET', KEYS[2], id, string.gsub(known, 'c$', '') .. 'c')
    elseif not known then
        redis.call('HSET', KEYS[2], id, ARGV[place + 1])
    end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - {_KNOWN})) do redis.call('HDEL', KEYS[2], id) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {_KNOWN})
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, {_KNOWN}) end
"""
# KEYS: the known ids. ARGV: ids.
_KNOWN_OF = """
local known = {}
for _, id in ipairs(ARGV) do
    if redis.call('ZSCORE', KEYS[1], id) then known[#known + 1] = id end
end
return known
"""
# KEYS: the look-alikes. ARGV: the row that asks, since when they may have been tried last, and until when first.
_ALIKE_TO = f"""
local counted, found = {{begun = true, sent = true, unknown = true}}, {{}}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2] - {_ALIKE}, ARGV[3])) do
    local row = redis.call('HMGET', name, 'state', 'last_at', 'order_id')
    if name ~= ARGV[1] and row[1] and counted[row[1]] and tonumber(row[2]) >= tonumber(ARGV[2]) then
        found[#found + 1] = row[3]
    end
end
return found
"""
# KEYS: the known ids, what is known of each. ARGV: since, until.
_BETWEEN = """
local found = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES')
local told = {}
for place = 1, #found, 2 do
    told[#told + 1] = found[place]
    told[#told + 1] = found[place + 1]
    told[#told + 1] = redis.call('HGET', KEYS[2], found[place]) or ''
end
return told
"""


class RedisRows:
    """The rows of a Redis store.

    Args:
        ask: Runs a script, with keys and values.
    """

    def __init__(self, ask: Callable[[str, Sequence[str], Sequence[str | float]], Any]) -> None:
        self._ask = ask

    def write(self, old: Row | None, change: Change) -> Answer:
        """Insert a row, or swap it."""
        row = change.row
        deleted_after = change.keep + (0 if row.state is State.FREE else _EXPIRED_KEPT)
        values: list[str | float] = ["write", "" if old is None else old.version, change.lease, change.keep]
        values.append(int(deleted_after))
        values += ["", "", ""] if change.note is None else _spell_known(change.note)
        for name, value in _fields(change).items():
            values += [name, value]
        return _answer(row.name, self._ask(_ROW, [_key(row.name), _mark(row), *_ids(row.name.account)], values))

    def read(self, name: Name) -> Answer:
        """Read a row."""
        return _answer(name, self._ask(_ROW, [_key(name)], ["read"]))

    def alike(self, row: Row, since: float, until: float) -> Alike:
        """Look for look-alikes."""
        found: list[str] = self._ask(_ALIKE_TO, [_mark(row)], [_key(row.name), since, until])
        return Alike(found.count(""), frozenset(int(each) for each in found if each))

    def known(self, account: str, order_ids: Sequence[int]) -> frozenset[int]:
        """Tell which ids are known."""
        return frozenset(map(int, self._ask(_KNOWN_OF, _ids(account)[:1], [*map(str, order_ids)])))

    def known_between(self, account: str, since: float, until: float) -> list[KnownId]:
        """Tell all ids that became known in a time."""
        told: list[str] = self._ask(_BETWEEN, _ids(account), [since, until])
        return [_read_known(*each) for each in zip(told[::3], told[1::3], told[2::3])]

    def note(self, account: str, known: Sequence[KnownId]) -> None:
        """Make ids known."""
        values = [word for each in known for word in _spell_known(each)]
        self._ask(_NOTE, _ids(account), values)


# What stands in braces puts all keys of an account into one slot of a cluster.


def _key(name: Name) -> str:
    return f"iletimerkezi:{{{name.account}}}:{name.scope.value}:{name.name}"


def _mark(row: Row) -> str:
    return f"iletimerkezi:{{{row.name.account}}}:mark:{row.mark}"


def _ids(account: str) -> list[str]:
    return [f"iletimerkezi:{{{account}}}:ids", f"iletimerkezi:{{{account}}}:told"]


def _spell_known(known: KnownId) -> list[str]:
    """An id, with the service's time and letters for what makes it stand in no list, and its age."""
    service = "" if known.at.service is None else repr(known.at.service)
    letters = f"{'s' if known.scheduled else ''}{'c' if known.cancelled else ''}"
    return [str(known.order_id), f"{service} {letters}", f"{known.age:.6f}"]


def _read_known(order_id: str, at: str, told: str) -> KnownId:
    service, _, letters = told.partition(" ")
    return KnownId(
        int(order_id), Moment(float(at), float(service) if service else None), "s" in letters, "c" in letters
    )


def _fields(change: Change) -> dict[str, str | int]:
    row = change.row
    return {
        "version": row.version, "token": row.token, "state": row.state.value, "content": row.content, "mark": row.mark,
        "recipients": row.recipients, "order_id": "" if row.order_id is None else str(row.order_id),
        **_spell("first", row.first, is_now=change.first_now), **_spell("last", row.last, is_now=change.last_now),
    }  # fmt: skip


def _spell(which: str, moment: Moment | None, *, is_now: bool) -> dict[str, str]:
    local = "now" if is_now else "" if moment is None else repr(moment.local)
    service = "" if moment is None or moment.service is None else repr(moment.service)
    return {f"{which}_at": local, f"{which}_service": service}


def _moment(kept: Mapping[str, str], which: str) -> Moment | None:
    service = kept[f"{which}_service"]
    return Moment(float(kept[f"{which}_at"]), float(service) if service else None) if kept[f"{which}_at"] else None


def _answer(name: Name, told: Any) -> Answer:
    now, flat = told
    kept = dict(zip(flat[::2], flat[1::2]))
    if not kept:
        return Answer(None, float(now))
    row = Row(
        name, 0, kept["version"], kept["token"], State(kept["state"]), kept["content"], kept["mark"],
        int(kept["recipients"]), _moment(kept, "first"), _moment(kept, "last"),
        int(kept["order_id"]) if kept["order_id"] else None, None,
        float(kept["lease_until"]), float(kept["expires_at"]),
    )  # fmt: skip
    return Answer(row, float(now), row.token)
