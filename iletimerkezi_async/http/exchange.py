"""One request and its answer, over a connection that somebody else keeps."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import anyio
import httpx
from attrs import frozen

from iletimerkezi_async._version import __version__
from iletimerkezi_async.wire.call import RawAnswer
from iletimerkezi_async.wire.credentials import Body

from .settings import longest_attempt, spell_seconds

__all__ = ["CLOSING_TIME", "Exchange", "NoAnswer"]

# The largest answer, a report page of 1,000 rows, has some 60 kB. More than this is not the service's.
_MAX_ANSWER = 8 * 2**20
# Of a body that is written: some tenths of a millisecond of encryption.
_MOST_AT_ONCE = 2**18
#: Seconds. Closing takes no time unless the other side is gone; a caller who gives up is not to wait for it.
CLOSING_TIME = 1.0

# Failures before the first byte of a request is written.
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

_Send: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]


@frozen(eq=False, repr=False)
class NoAnswer:
    """An exchange without an answer.

    Attributes:
        reason: What happened, in words that quote nothing which was sent or received.
        sent: Whether the request left, or may have.
        http_status: The HTTP status, where one had come.
    """

    reason: str
    sent: bool
    http_status: int | None = None


class Exchange:
    """One request and its answer, over what somebody else keeps."""

    def __init__(self, base_url: httpx.URL, timeout: httpx.Timeout) -> None:
        self.scheme = base_url.scheme
        self.host = base_url.host
        self.timeout = timeout
        self.longest = longest_attempt(timeout)
        self._base_url = str(base_url).rstrip("/")
        self._urls: dict[str, httpx.URL] = {}
        self._extensions: dict[str, object] = {"timeout": timeout.as_dict()}
        self._headers = httpx.Headers(
            {
                "Host": base_url.netloc.decode("ascii"),
                "User-Agent": f"iletimerkezi_async/{__version__}",
                "Accept": "application/json",
                # A small answer gains nothing, and an unpacked one could be of any size.
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
            }
        )

    async def run(self, send: _Send, operation: str, body: Body) -> RawAnswer | NoAnswer:
        """Send the request for an operation, and read the answer."""
        try:
            return await self._roundtrip(send, self._request(operation, body))
        except Exception as error:  # noqa: BLE001 - whatever httpx, TLS or a caller's transport raises is a failure
            # Not chained: httpx's errors hold the request, and its frames the body.
            return NoAnswer(self._reason(error), sent=not isinstance(error, _NEVER_LEFT))
        except BaseException as error:  # noqa: BLE001 - raised again at once
            # Cancelled. The frames below hold the body, and what they were doing tells the caller nothing.
            error.__context__ = None
            raise error.with_traceback(None)  # noqa: B904 - it is the same exception

    def _request(self, operation: str, body: Body) -> httpx.Request:
        url = self._urls.get(operation)
        if url is None:
            url = self._urls[operation] = httpx.URL(f"{self._base_url}/{operation}/json")
        extensions = self._extensions
        if self.scheme == "https":
            extensions = {**extensions, "trace": _Handshake()}
        request = httpx.Request("POST", url, headers=self._headers, content=body, extensions=extensions)
        request.stream = _Content(body)
        return request

    @staticmethod
    async def _roundtrip(send: _Send, request: httpx.Request) -> RawAnswer | NoAnswer:
        response = await send(request)
        try:
            body = await _read_body(response)
        finally:
            if not response.is_closed:
                with anyio.move_on_after(CLOSING_TIME, shield=True):
                    await response.aclose()
        if body is None:
            return NoAnswer(f"the answer is larger than {_MAX_ANSWER >> 20} MiB", True, response.status_code)
        return RawAnswer(response.status_code, body, response.headers)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, httpx.ConnectTimeout):
            return f"no connection within {spell_seconds(self.timeout.connect)}"
        if isinstance(error, httpx.ConnectError):
            return f"cannot connect: {_os_reason(error)}"
        if isinstance(error, httpx.PoolTimeout):
            return f"no connection became free within {spell_seconds(self.timeout.pool)}"
        if isinstance(error, httpx.ReadTimeout):
            return f"no answer within {spell_seconds(self.timeout.read)}"
        if isinstance(error, httpx.WriteTimeout):
            return f"the request could not be written within {spell_seconds(self.timeout.write)}"
        if isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
            return "the connection broke before the whole answer had come"
        return f"the exchange failed ({type(error).__name__})"


class _Handshake:
    """Closes a connection that is given up before TLS is agreed.

    httpcore closes one whose handshake failed, but leaves one that was cancelled there to the garbage collector.
    """

    def __init__(self) -> None:
        self._close: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._close = info["return_value"].aclose
        elif event == "connection.start_tls.failed" and self._close is not None:
            with anyio.move_on_after(CLOSING_TIME, shield=True), contextlib.suppress(Exception):
                await self._close()


class _Content(httpx.AsyncByteStream):
    """A body, a large one in pieces: in one it would hold the loop up while it is copied and encrypted.

    httpx's own is an async generator, which a connection that breaks leaves to the garbage collector; trio warns of it.
    """

    def __init__(self, body: Body) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        body = self._body
        if len(body) <= _MOST_AT_ONCE:
            return _Pieces([body])
        starts = range(0, len(body), _MOST_AT_ONCE)
        return _Pieces([Body(body[start : start + _MOST_AT_ONCE]) for start in reversed(starts)])


class _Pieces(AsyncIterator[bytes]):
    def __init__(self, pieces: list[Body]) -> None:
        self._pieces = pieces

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


def _os_reason(error: BaseException) -> str:
    """What the operating system or TLS said, deep below the wrappings of a failed connection."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, OSError):
            return str(reason)
        reason = reason.__cause__ or reason.__context__
    return str(error)


async def _read_body(response: httpx.Response) -> bytes | None:
    """The body, or `None` where it is larger than any answer of the service."""
    chunks: list[bytes] = []
    size = 0
    # Packing was declined: a piece of a packed answer could unpack to any size, and a broken one ends in mid-stream.
    response.headers.pop("Content-Encoding", None)
    stream = response.aiter_bytes()
    async for chunk in stream:
        size += len(chunk)
        if size > _MAX_ANSWER:
            await _abandon(stream)
            return None
        chunks.append(chunk)
    return b"".join(chunks)


async def _abandon(stream: AsyncIterator[bytes]) -> None:
    """End a stream from its inside: closing it would leave the generators below to the garbage collector."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        async for _ in stream:
            pass
