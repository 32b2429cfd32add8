"""One request and its answer: the part that all HTTP libraries share."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakSet

from iletimerkezi_async._version import __version__
from iletimerkezi_async.errors import TransportError
from iletimerkezi_async.wire import OPERATIONS
from iletimerkezi_async.wire.call import Lost, NotSent, RawAnswer

if TYPE_CHECKING:
    import httpx

    from iletimerkezi_async.wire.credentials import Body

#: Bytes of the largest answer that is read. The service's largest, a report page of 1,000 rows, has some 60 kB.
MAX_ANSWER: Final = 8 * 2**20
#: Seconds allowed for closing a connection, so that a cancelled caller does not wait if the other side is gone.
CLOSING_TIME: Final = 1.0

#: Tells whether a request may still leave, right before it does.
MayGo: TypeAlias = Callable[[], bool]

# The errors of each library's connecting phase, before the first byte of a request is written. In httpcore they are
# raised by its pool, by `connect_tcp`, `start_tls` and the setting up of a proxy's tunnel; in aiohttp by its connector,
# and by the client if the connector takes too long.
_CONNECTING: Final = {
    "httpcore": ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"),
    "httpcore2": ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"),
    "aiohttp": ("ClientConnectorError", "ConnectionTimeoutError", "ClientHttpProxyError", "ServerFingerprintMismatch"),
}


#: The outcome of an exchange.
Exchanged: TypeAlias = RawAnswer | Lost | NotSent

_TOO_LATE = "it was not sent, as the time for it had passed"


class Content:
    """The body of one request, which the HTTP client takes at the last moment.

    As long as the client has not taken it, the request cannot have left. If the client takes it twice, it has sent it
    twice, and the first answer is lost.
    """

    __slots__ = ("body", "may_go", "taken", "timeout", "times", "withheld")

    def __init__(self, body: Body, timeout: httpx.Timeout, may_go: MayGo | None = None) -> None:
        self.body = body
        self.timeout = timeout
        self.taken = False
        #: How often it was taken to be written.
        self.times = 0
        self.withheld = False
        #: Dropped at the end of the call: a library's request and answer keep this object alive for a while.
        self.may_go = may_go

    def take(self, *, to_write: bool = True) -> Body:
        """Give the body, to be written now, or to be signed by a middleware and then written.

        Raises:
            RuntimeError: It may no longer be sent; the error ends the exchange.
        """
        if self.may_go is not None and not self.may_go():
            self.withheld = True
            raise RuntimeError(_TOO_LATE)
        self.taken = True
        self.times += to_write
        return self.body


class Pool(ABC):
    """Connections to the service: our own lanes, or those of a caller's HTTP client.

    Args:
        base_url: The base of the operations' addresses.

    Attributes:
        base_url: The same as text.
        scheme: The address's scheme.
        host: The service's host.
        address: The same, with its port unless that is the default.
        addresses: The address of each operation.
        headers: The headers of all requests.
        is_closed: Whether it was closed, and so the client with all its copies by `with_options`.
    """

    is_closed = False

    def __init__(self, base_url: httpx.URL) -> None:
        self.base_url = str(base_url).rstrip("/")
        self.addresses = {name: f"{self.base_url}/{name}/json" for name in OPERATIONS}
        self.scheme, self.host = base_url.scheme, base_url.host
        self.address = base_url.netloc.decode("ascii")
        self.headers = {
            "User-Agent": f"iletimerkezi_async/{__version__}",
            "Accept": "application/json",
            # Compression gains nothing for small answers, and an unpacked one could be of any size.
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }
        # The connections that have brought an answer, as far as the HTTP library shows them.
        self._seen: WeakSet[object] = WeakSet()

    @abstractmethod
    async def exchange(self, operation: str, content: Content, *, anew: bool) -> Exchanged:
        """Send the request for an operation, and read the answer.

        Args:
            operation: The operation's name.
            content: The request's body, and how long to wait.
            anew: Whether to use a new connection, as idle ones may be broken like the last one. A caller's own client
                decides by itself.
        """

    async def distrust(self) -> None:  # noqa: B027 - of a caller's own client there are none
        """Close our own idle connections, as one of them brought another request's answer."""

    async def aclose(self) -> None:
        """Close our own idle connections."""
        self.is_closed = True

    async def _run(
        self, ask: Callable[[str, Content], Awaitable[RawAnswer]], operation: str, content: Content
    ) -> Exchanged:
        """Send the request for an operation, and read the answer.

        Args:
            ask: Does it with the HTTP library, and raises its errors.
            operation: The operation's name.
            content: The request's body, and how long to wait.
        """
        try:
            raw = await ask(operation, content)
        except Exception as error:  # noqa: BLE001 - the library, TLS and the caller's own code may raise anything
            # Not chained: such errors hold the request, and their frames the body.
            return self._raised(error, operation) or self._failed(operation, error, content)
        except BaseException as error:  # noqa: BLE001 - raised again at once
            # Cancelled. The frames below hold the body, and mean nothing to the caller.
            error.__context__ = None
            raise error.with_traceback(None)  # noqa: B904 - it is the same exception
        finally:
            content.may_go = None
        if len(raw.body) > MAX_ANSWER:
            return self.lost(operation, f"the answer is larger than {MAX_ANSWER >> 20} MiB", raw.http_status)
        return raw

    @abstractmethod
    def _raised(self, error: Exception, operation: str) -> RawAnswer | None:
        """The answer in an error, if the caller's client raises errors for statuses."""

    @abstractmethod
    def _reason(self, error: Exception, timeout: httpx.Timeout) -> str:
        """An error of the HTTP library, in words without anything that was sent or received."""

    def note_answer(self, connection: object) -> bool:
        """Note that a connection brings an answer; return whether it is known to have brought one before."""
        # A connection that cannot be weakly referenced is not known.
        with suppress(TypeError):
            if connection in self._seen:
                return True
            self._seen.add(connection)
        return False

    def lost(self, operation: str, reason: str, http_status: int | None = None) -> Lost:
        """Make the outcome of a request that has left, or may have.

        Args:
            operation: The operation's name.
            reason: The failure, in words without anything that was sent or received.
            http_status: The HTTP status, if one was received.
        """
        return Lost(TransportError(reason, operation, http_status, self.address))

    def not_sent(self, operation: str, reason: str = _TOO_LATE) -> NotSent:
        """Make the outcome of a request that surely never left; by default one that is too late to be sent."""
        return NotSent(TransportError(reason, operation, host=self.address))

    def _failed(self, operation: str, error: Exception, content: Content) -> Lost | NotSent:
        """Make the outcome of a failure of the HTTP client. Its error is not kept."""
        reason = self._reason(error, content.timeout)
        if content.withheld and not content.taken:
            return self.not_sent(operation)
        if content.taken or not broke_while_connecting(error):
            return self.lost(operation, reason)
        return self.not_sent(operation, reason)


async def read_body(chunks: AsyncIterable[bytes]) -> bytes:
    """The body of an answer; of one that is larger than any of the service's, only its beginning."""
    read: list[bytes] = []
    size = 0
    async for chunk in chunks:
        read.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER:
            break
    return b"".join(read)


def broke_while_connecting(error: BaseException) -> bool:
    """Whether a failure is, or was directly caused by, an error that a library raises while connecting.

    httpx's own `ConnectError` proves nothing: adapters to other libraries raise it for lost answers, too.
    """
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return _is_of_connecting(error) or (cause is not None and _is_of_connecting(cause))


def _is_of_connecting(error: BaseException) -> bool:
    for library, names in _CONNECTING.items():
        # A library that is not loaded cannot have raised the error.
        module = sys.modules.get(library)
        if module is not None and isinstance(error, tuple(getattr(module, name) for name in names)):
            return True
    return False
