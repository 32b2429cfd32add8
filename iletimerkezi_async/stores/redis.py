"""A store in Redis or Valkey, for any number of machines. Each question is one script: one way there and back."""

from __future__ import annotations

import logging
import re
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, cast

from iletimerkezi_async.errors import ConfigurationError, StoreError
from iletimerkezi_async.redaction import forgetful

from .base import FAR, Store
from .redis_rows import RedisRows
from .threads import CALLS

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import redis

    from .log import Alike, Answer, Change, Fence, KnownId, Name, Row

__all__ = ["RedisStore"]

logger = logging.getLogger("iletimerkezi_async")

# Seconds between two attempts to connect again: the first, and the longest.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0
# KEYS: when the next recipient is free. ARGV: seconds to reserve, and until they may begin.
_RESERVE = f"""
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local begin, free = now + ARGV[2], tonumber(redis.call('GET', KEYS[1]) or 0)
if free > begin and free <= now + {FAR} + ARGV[1] then begin = free end
local free_at = string.format('%.6f', begin + ARGV[1])
redis.call('SET', KEYS[1], free_at, 'EX', math.ceil(begin + ARGV[1] - now) + 1)
return string.format('%.6f', begin - now)
"""
_inherited: list[object] = []
# As redis-py tells of it.
_CAUSE = re.compile(r"Error -?\d+ connecting to \S+\. (.+?)\.?$")


@forgetful
class RedisStore(Store):
    """A store in Redis (5 or newer) or Valkey, for any number of machines. It needs the extra `redis`.

    A server that crashes loses what it had not written to its disk: with `appendfsync everysec` the last second,
    without persistence everything. What is lost within the service's 10 minutes does no harm, as the service refuses a
    second order with the same content. After that, a key whose record was lost counts as new. `appendfsync always`, or
    PostgreSQL, closes that gap.

    Args:
        url: As redis-py takes it: `"redis://user:password@host:6379/0"`, `"rediss://…"` or `"unix://…"`.
        keep: For how long a key is remembered after its last change; at least an hour.
        timeout: Seconds that one question to the store may take. After that it counts as away (`StoreError`).

    Raises:
        ConfigurationError: An argument cannot work, or redis-py is not installed.
    """

    def __init__(self, url: str, *, keep: timedelta = timedelta(days=30), timeout: float = 5.0) -> None:
        super().__init__(keep=keep, timeout=timeout)
        link = _Url(url)
        # Error trackers print the variables of a frame that raises, and the URL may hold a password.
        del url
        link.check()
        self._url = link
        self._lock = threading.Lock()
        self._server: redis.Redis | None = None
        self._is_ready = False
        self._rows = RedisRows(self._ask)

    def __repr__(self) -> str:
        return f"<RedisStore {self._url.place}>"

    # One rate.

    def _reserve(self, account: str, seconds: float, delay: float) -> float:
        return float(cast("str", self._ask(_RESERVE, [f"iletimerkezi:{{{account}}}:free_at"], [seconds, delay])))

    # The log.

    def _write(self, old: Row | None, change: Change, fence: Fence | None) -> Answer:
        assert fence is None
        return self._rows.write(old, change)

    def _read(self, name: Name, part: int) -> Answer:
        assert not part
        return self._rows.read(name)

    def _page(self, name: Name, after: int) -> Sequence[Row]:
        raise NotImplementedError

    def _alike(self, row: Row, since: float, until: float) -> Alike:
        return self._rows.alike(row, since, until)

    def _known_ids(self, account: str, order_ids: Sequence[int]) -> frozenset[int]:
        return self._rows.known(account, order_ids)

    def _known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]:
        return self._rows.known_between(account, since, until)

    def _note_ids(self, account: str, known: Sequence[KnownId]) -> None:
        self._rows.note(account, known)

    # Asking.

    def _ask(self, script: str, keys: Sequence[str], values: Sequence[str | float]) -> object:
        with self._complaints():
            server = self._here()
            if not self._is_ready:
                self._prepare(server)
            return cast("object", server.register_script(script)(keys=keys, args=values))

    def _here(self) -> redis.Redis:
        """The server, as this process reaches it."""
        with self._lock:
            if self._closed:
                raise StoreError("the store has been closed")
            if self._server is None:
                self._server = self._url.connect(self._timeout)
            return self._server

    def _prepare(self, server: redis.Redis) -> None:
        """See that the keys will stay."""
        self._is_ready = True
        for complaint in _complaints_about(server):
            logger.warning("%r %s", self, complaint)

    def _close(self) -> None:
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()
            server.connection_pool.disconnect()

    def leave_to_parent(self) -> None:
        """Forget the connections, which are the parent's."""
        _inherited.append(self._server)
        self._lock, self._server = threading.Lock(), None

    @contextmanager
    def _complaints(self) -> Generator[None]:
        """Turn what redis-py raises into a `StoreError`, which quotes no value."""
        import redis  # noqa: PLC0415 - an extra

        reason = ""
        try:
            yield
        except redis.TimeoutError:
            reason = f"did not answer within {self._timeout:g} s"
        except redis.AuthenticationError:
            reason = "does not let this user in"
        except redis.ConnectionError as error:
            told = _CAUSE.match(str(error))
            reason = f"cannot be reached: {told[1]}" if told else "cannot be reached, or all connections are in use"
        except redis.RedisError as error:
            reason = f"cannot be used: {_code_of(error)}"
        except OSError as error:
            reason = f"cannot be reached: {error.strerror}"
        if reason:
            raise StoreError(f"{self!r} {reason}")


class _Url:
    """An address, which may hold a password; its `repr` shows nothing."""

    __slots__ = ("_url", "place")

    def __init__(self, url: str) -> None:
        self._url = url
        #: What may be shown of it.
        self.place = ""

    def check(self) -> None:
        """See that it can be read.

        Raises:
            ConfigurationError: It cannot, or redis-py is not installed.
        """
        reason = "the URL of a Redis store must be like redis://host:6379/0, rediss://… or unix://…"
        try:
            import redis  # noqa: PLC0415 - an extra
        except ImportError:
            reason = "RedisStore needs redis-py: pip install 'iletimerkezi-async[redis]'"
        else:
            with suppress(ValueError, TypeError, AttributeError):
                parts = cast("Any", redis.ConnectionPool).from_url(self._url).connection_kwargs
                port = f":{parts['port']}" if parts.get("port") else ""
                self.place = f"{parts.get('host') or parts.get('path') or 'localhost'}{port}/{parts.get('db', 0)}"
                return
        raise ConfigurationError(reason)

    def connect(self, timeout: float) -> redis.Redis:
        """A client with connections of its own; it connects when it is first asked."""
        import redis  # noqa: PLC0415 - an extra
        from redis.backoff import ExponentialBackoff  # noqa: PLC0415 - likewise
        from redis.retry import Retry  # noqa: PLC0415 - likewise

        pool = cast("Any", redis.BlockingConnectionPool).from_url(
            self._url,
            max_connections=CALLS,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            decode_responses=True,
            # A server that is restarted is waited for, and one that is no primary any more is left: the next
            # connection may reach the new one. Each of our scripts may be repeated: it does then what it did before.
            retry=Retry(
                ExponentialBackoff(cap=_LONGEST_PAUSE, base=_FIRST_PAUSE / 2),
                _retries(timeout * 0.8),
                supported_errors=(redis.ConnectionError, redis.ReadOnlyError),
            ),
        )
        return redis.Redis(connection_pool=pool)

    def __repr__(self) -> str:
        return "<address>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a store is not pickled: make one where it is used")


def _code_of(error: Exception) -> str:
    """The code of a refusal, as far as redis-py tells it: its own class, or the first word, such as OOM or MISCONF."""
    first, _, _ = str(error).partition(" ")
    return first if first.isupper() else type(error).__name__


def _retries(timeout: float) -> int:
    """How often a lost connection is tried again, so that the pauses stay below a limit in seconds."""
    retries, pauses = 0, 0.0
    while (pauses := pauses + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**retries)) < timeout:
        retries += 1
    return retries


def _complaints_about(server: redis.Redis) -> list[str]:
    """What in a server's settings may lose keys; nothing where it does not let its settings be read."""
    import redis  # noqa: PLC0415 - an extra

    try:
        settings: dict[str, str] = {}
        for name in ("maxmemory", "maxmemory-policy", "save", "appendonly"):
            settings |= cast("Any", server).config_get(name)
    except redis.ResponseError:
        logger.debug("the Redis server does not let its settings be read")
        return []
    complaints: list[str] = []
    if settings.get("maxmemory-policy") != "noeviction" and settings.get("maxmemory") != "0":
        complaints.append(
            "may drop keys when its memory is full: set `maxmemory-policy noeviction`, or a key may be sent twice"
        )
    if not settings.get("save") and settings.get("appendonly") != "yes":
        complaints.append("keeps nothing on disk: set `appendonly yes`, or a key may be sent twice after a restart")
    return complaints
