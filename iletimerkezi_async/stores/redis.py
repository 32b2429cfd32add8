"""A store in Redis or Valkey, for any number of machines. Each request is one script, in one round trip.

A row is a hash; a sorted set for each mark is the index of look-alikes.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.errors import ConfigurationError, StoreError
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.wire.credentials import Body

from .base import FAR, Store
from .log import KNOWN_SECONDS, Answer, KnownId, State, columns_of, row_of
from .threads import CALLS

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import redis

    from .log import Change, Fence, Name, Row


logger = logging.getLogger("iletimerkezi_async")

# Seconds between two attempts to connect again: few attempts, as each of them may take long, too.
_PAUSE = 0.5
# Seconds for which known ids, expired rows, and look-alikes in their index are kept.
_KEPT_SECONDS = int(KNOWN_SECONDS)
# The beginning of each script that needs the time.
_CLOCK = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local function spell(number) return string.format('%.6f', number) end
"""
# The function that notes an id, if it is not known yet: its key, the key of its details, the id, these, and its age.
_NOTING = f"""
local function note(ids, details, id, told, age)
    redis.call('ZADD', ids, 'NX', spell(now - age), id)
    redis.call('HSETNX', details, id, told)
    for _, key in ipairs({{ids, details}}) do redis.call('EXPIRE', key, {_KEPT_SECONDS}) end
end
"""
# KEYS: the time at which the next recipient may be sent. ARGV: seconds to reserve, seconds until these may begin.
_RESERVE = f"""{_CLOCK}
local begin, free = now + ARGV[2], tonumber(redis.call('GET', KEYS[1]) or 0)
if free > begin and free <= now + {FAR} + ARGV[1] then begin = free end
redis.call('SET', KEYS[1], spell(begin + ARGV[1]), 'EX', math.ceil(begin + ARGV[1] - now) + 1)
return spell(begin - now)
"""
# KEYS: the row, its look-alikes, the known ids, the details of each. ARGV: `write` or `read`, the old version, lease,
# keep, seconds until deletion, an id to be noted, its details and its age, then fields and values; the value `now` is
# replaced by the time.
_ROW = f"""{_CLOCK}{_NOTING}
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
        redis.call('EXPIRE', KEYS[2], {_KEPT_SECONDS})
    end
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - {_KEPT_SECONDS})
    if ARGV[6] ~= '' then note(KEYS[3], KEYS[4], ARGV[6], ARGV[7], ARGV[8]) end
end
return {{spell(now), redis.call('HGETALL', KEYS[1])}}
"""
# KEYS: the known ids, the details of each. ARGV: ids, each followed by its details and its age.
_NOTE = f"""{_CLOCK}{_NOTING}
for place = 1, #ARGV, 3 do note(KEYS[1], KEYS[2], ARGV[place], ARGV[place + 1], ARGV[place + 2]) end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - {_KEPT_SECONDS})) do
    redis.call('HDEL', KEYS[2], id)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {_KEPT_SECONDS})
"""
# KEYS: the look-alikes. ARGV: the row that asks, the earliest last attempt, the latest first attempt.
_ALIKE_TO = f"""
local counted, found = {{begun = true, sent = true, unknown = true}}, {{}}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2] - {_KEPT_SECONDS}, ARGV[3])) do
    local row = redis.call('HMGET', name, 'state', 'last_at', 'order_id')
    if name ~= ARGV[1] and row[1] and counted[row[1]] and tonumber(row[2]) >= tonumber(ARGV[2]) then
        found[#found + 1] = row[3]
    end
end
return found
"""
# KEYS: the known ids, the details of each. ARGV: since, until.
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
# redis-py's message for a failed connection.
_CAUSE = re.compile(r"Error -?\d+ connecting to \S+\. (.+?)\.?$")


@forgetful
class RedisStore(Store):
    """A store in Redis (5 or newer) or Valkey, for any number of machines. It needs the extra `redis`.

    A server that crashes loses the writes that were not on its disk: with `appendfsync everysec` those of the last
    second, without persistence all. For 10 minutes a lost record does no harm, as the service refuses a second order
    with the same content. After that, its key counts as new. `appendfsync always`, or PostgreSQL, closes that gap.

    Args:
        url: As redis-py takes it: `"redis://user:password@host:6379/0"`, `"rediss://…"` or `"unix://…"`.
        keep: Time for which a key is kept after its last change; at least an hour.
        timeout: Seconds that one request to the store may take. After that the store counts as away (`StoreError`).

    Raises:
        ConfigurationError: An argument is not valid, or redis-py is not installed.
    """

    def __init__(self, url: str, *, keep: timedelta = timedelta(days=30), timeout: float = 5.0) -> None:
        super().__init__(keep=keep, timeout=timeout)
        self._url, self._where = _read_url(url)
        #: It connects on first use.
        self._server = _connect(self._url, self._timeout)
        self._is_ready = False

    def __repr__(self) -> str:
        return f"<RedisStore {self._where}>"

    # One rate.

    def _reserve(self, account: str, seconds: float, delay: float) -> float:
        return float(self._ask_script(_RESERVE, [f"iletimerkezi:{{{account}}}:free_at"], [seconds, delay]))

    # The log.

    def _write(self, old: Row | None, change: Change, fence: Fence | None) -> Answer:
        # Redis keeps no campaigns: one script cannot write their many rows as a transaction would.
        assert fence is None
        row = change.row
        deleted_after = change.keep + (0 if row.state is State.FREE else _KEPT_SECONDS)
        values: list[str | float] = ["write", "" if old is None else old.version, change.lease, change.keep]
        values.append(int(deleted_after))
        values += ["", "", ""] if change.note is None else _spell_known(change.note)
        for column, value in columns_of(change).items():
            values += [column, "" if value is None else str(value)]
        keys = [_key(row.name), _mark(row), *_ids(row.name.account)]
        return _answer(row.name, self._ask_script(_ROW, keys, values))

    def _read(self, name: Name, part: int) -> Answer:
        assert not part
        return _answer(name, self._ask_script(_ROW, [_key(name)], ["read"]))

    def _page(self, name: Name, after: int) -> Sequence[Row]:
        raise NotImplementedError

    def _alike(self, row: Row, since: float, until: float) -> list[int | None]:
        found: list[str] = self._ask_script(_ALIKE_TO, [_mark(row)], [_key(row.name), since, until])
        return [int(each) if each else None for each in found]

    def _known_ids(self, account: str, order_ids: Sequence[int]) -> frozenset[int]:
        _, details = _ids(account)
        with self._asking() as server:
            told = server.hmget(details, [*map(str, order_ids)])
        return frozenset(each for each, its in zip(order_ids, cast("list[str | None]", told)) if its is not None)

    def _known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]:
        told: list[str] = self._ask_script(_BETWEEN, _ids(account), [since, until])
        return [_read_known(*each) for each in zip(told[::3], told[1::3], told[2::3])]

    def _note_ids(self, account: str, known: Sequence[KnownId]) -> None:
        self._ask_script(_NOTE, _ids(account), [word for each in known for word in _spell_known(each)])

    # Asking.

    def _ask_script(self, script: str, keys: Sequence[str], values: Sequence[str | float]) -> Any:
        with self._asking() as server:
            return server.register_script(script)(keys=keys, args=values)

    def _prepare(self) -> None:
        """Warn if the server's settings may lose keys."""
        self._is_ready = True
        for complaint in _complaints_about(self._server):
            logger.warning("%r %s", self, complaint)

    def _close(self) -> None:
        self._server.close()
        self._server.connection_pool.disconnect()

    def leave_to_parent(self) -> object:
        """Forget the connections, which are the parent's."""
        server, self._server = self._server, _connect(self._url, self._timeout)
        return server

    @contextmanager
    def _asking(self) -> Generator[redis.Redis]:
        """Give the connections, and turn what redis-py raises into a `StoreError`, which quotes no value."""
        import redis  # noqa: PLC0415 - an extra

        if self._closed:
            raise StoreError("the store has been closed")
        reason = ""
        try:
            if not self._is_ready:
                self._prepare()
            yield self._server
        except redis.TimeoutError:
            reason = f"did not answer within {self._timeout:g} s"
        except redis.AuthenticationError:
            reason = "refused the user name or the password"
        except redis.ConnectionError as error:
            told = _CAUSE.match(str(error))
            reason = f"cannot be reached: {told[1]}" if told else "cannot be reached, or all connections are in use"
        except redis.RedisError as error:
            reason = f"cannot be used: {_code_of(error)}"
        except OSError as error:
            reason = f"cannot be reached: {error.strerror}"
        if reason:
            raise StoreError(f"{self!r} {reason}")


def _read_url(url: str) -> tuple[Body, str]:
    """Check an address, which may hold a password; give it, and the part of it that may be shown.

    Raises:
        ConfigurationError: It cannot be read, or redis-py is not installed.
    """
    reason = "the URL of a Redis store must be like redis://host:6379/0, rediss://… or unix://…"
    try:
        import redis  # noqa: PLC0415 - an extra
    except ImportError:
        reason = "RedisStore needs redis-py: pip install 'iletimerkezi-async[redis]'"
    else:
        with suppress(ValueError, TypeError, AttributeError):
            parts = cast("Any", redis.ConnectionPool).from_url(url).connection_kwargs
            port = f":{parts['port']}" if parts.get("port") else ""
            where = f"{parts.get('host') or parts.get('path') or 'localhost'}{port}/{parts.get('db', 0)}"
            return Body(url.encode()), where
    raise ConfigurationError(reason)


def _connect(url: Body, timeout: float) -> redis.Redis:
    """Make a client, which connects on first use."""
    import redis  # noqa: PLC0415 - an extra
    from redis.backoff import ConstantBackoff  # noqa: PLC0415 - likewise
    from redis.retry import Retry  # noqa: PLC0415 - likewise

    pool = cast("Any", redis.BlockingConnectionPool).from_url(
        url.decode(),
        max_connections=CALLS,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        decode_responses=True,
        # Waits for a server that restarts, and leaves one that is no longer the primary: the next connection may reach
        # the new one. Every script here can be repeated, with the same outcome.
        retry=Retry(
            ConstantBackoff(_PAUSE),
            max(1, int(0.8 * timeout / _PAUSE)),
            supported_errors=(redis.ConnectionError, redis.ReadOnlyError),
        ),
    )
    return redis.Redis(connection_pool=pool)


def _code_of(error: Exception) -> str:
    """Give the code of a refusal: its first word, such as OOM or MISCONF, or redis-py's class."""
    first, _, _ = str(error).partition(" ")
    return first if first.isupper() else type(error).__name__


def _complaints_about(server: redis.Redis) -> list[str]:
    """List complaints about settings that may lose keys; none if the server does not allow reading them."""
    import redis  # noqa: PLC0415 - an extra

    try:
        settings: dict[str, str] = {}
        for name in ("maxmemory", "maxmemory-policy", "save", "appendonly"):
            settings |= cast("Any", server).config_get(name)
    except redis.ResponseError:
        logger.debug("the Redis server does not allow its settings to be read")
        return []
    complaints: list[str] = []
    if settings.get("maxmemory-policy") != "noeviction" and settings.get("maxmemory") != "0":
        complaints.append(
            "may drop keys when its memory is full: set `maxmemory-policy noeviction`, or a key may be sent twice"
        )
    if not settings.get("save") and settings.get("appendonly") != "yes":
        complaints.append("keeps nothing on disk: set `appendonly yes`, or a key may be sent twice after a restart")
    return complaints


# The braces put all keys of an account into one slot of a cluster.


def _key(name: Name) -> str:
    return f"iletimerkezi:{{{name.account}}}:{name.scope.value}:{name.name}"


def _mark(row: Row) -> str:
    return f"iletimerkezi:{{{row.name.account}}}:mark:{row.mark}"


def _ids(account: str) -> list[str]:
    return [f"iletimerkezi:{{{account}}}:ids", f"iletimerkezi:{{{account}}}:told"]


def _spell_known(known: KnownId) -> list[str]:
    """Spell an id, its details (the service's time, and `s` if it is scheduled) and its age."""
    service = "" if known.at.service is None else repr(known.at.service)
    return [str(known.order_id), f"{service} {'s' if known.scheduled else ''}", f"{known.age:.6f}"]


def _read_known(order_id: str, at: str, told: str) -> KnownId:
    service, _, letters = told.partition(" ")
    return KnownId(int(order_id), Moment(float(at), float(service) if service else None), "s" in letters)


def _answer(name: Name, told: Any) -> Answer:
    now, flat = told
    columns = dict(zip(flat[::2], flat[1::2]))
    row = row_of({**name._asdict(), "part": 0, **columns}) if columns else None
    return Answer(row, float(now), None if row is None else row.token)
