"""An exchange over httpx, or over its continuation httpx2, which has the same classes."""

from __future__ import annotations

import contextlib
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import anyio
import httpx

from iletimerkezi_async.wire.call import RawAnswer
from iletimerkezi_async.wire.credentials import Body

from .exchange import CLOSING_TIME, MAX_ANSWER, Content, Pool, read_body
from .settings import spell_seconds

if TYPE_CHECKING:
    from typing_extensions import Self

# Bytes of a body that are written at one go. To encrypt them takes some tenths of a millisecond.
_MOST_AT_ONCE = 2**18

_Send: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]


class HttpxPool(Pool):
    """A pool over httpx: the part that our lanes and a caller's own client share.

    Args:
        base_url: The service's address.
        library: `httpx` or `httpx2`. The type checker is told httpx; both have the same names.
    """

    def __init__(self, base_url: httpx.URL, library: types.ModuleType = httpx) -> None:
        super().__init__(base_url)
        self._library: Any = library
        self._stream_type = types.new_class("Stream", (_Stream, self._library.AsyncByteStream))
        self._headers = self._library.Headers({"Host": self.address, **self.headers})
        self._urls: dict[str, httpx.URL] = {
            operation: self._library.URL(address) for operation, address in self.addresses.items()
        }

    async def _ask(self, send: _Send, operation: str, content: Content) -> RawAnswer:
        response = await send(self._request(operation, content))
        reused = self.note_answer(response.extensions.get("network_stream"))
        try:
            # Compression was declined: a piece of a compressed answer could unpack to any size, and a broken one ends
            # early.
            response.headers.pop("Content-Encoding", None)
            stream = response.aiter_bytes()
            body = await read_body(stream)
            if len(body) > MAX_ANSWER:
                await _abandon(stream)
        finally:
            if not response.is_closed:
                with anyio.move_on_after(CLOSING_TIME, shield=True):
                    await response.aclose()
        return RawAnswer(response.status_code, body, response.headers, reused=reused)

    def _request(self, operation: str, content: Content) -> httpx.Request:
        extensions: dict[str, object] = {"timeout": content.timeout.as_dict()}
        if self.scheme == "https":
            extensions["trace"] = _trace_handshake()
        request: httpx.Request = self._library.Request(
            "POST", self._urls[operation], headers=self._headers, content=content.body, extensions=extensions
        )
        request.stream = cast("httpx.AsyncByteStream", self._stream_type(content))
        return request

    def _raised(self, error: Exception, operation: str) -> RawAnswer | None:
        if not isinstance(error, self._library.HTTPStatusError):
            return None
        refused, body = cast("httpx.HTTPStatusError", error), b""
        # The error may be of a hook's request to another server; one that was made by hand may have no request.
        with contextlib.suppress(RuntimeError):
            if refused.request.url != self._urls[operation]:
                return None
        with contextlib.suppress(self._library.ResponseNotRead):
            body = refused.response.content
        return RawAnswer(refused.response.status_code, body, refused.response.headers, bodyless=not body)

    def _reason(self, error: Exception, timeout: httpx.Timeout) -> str:
        library = self._library
        if isinstance(error, library.ConnectTimeout):
            return f"no connection within {spell_seconds(timeout.connect)}"
        if isinstance(error, library.ConnectError):
            return f"cannot connect{_os_reason(error)}"
        if isinstance(error, library.ProxyError):
            return "the proxy opened no connection to the service"
        if isinstance(error, library.PoolTimeout):
            return f"no connection became free within {spell_seconds(timeout.pool)}"
        if isinstance(error, library.ReadTimeout):
            return f"no answer within {spell_seconds(timeout.read)}"
        if isinstance(error, library.WriteTimeout):
            return f"the request could not be written within {spell_seconds(timeout.write)}"
        if isinstance(error, (library.NetworkError, library.RemoteProtocolError)):
            return "the connection broke before the answer was complete"
        return f"the exchange failed ({type(error).__name__})"


def _trace_handshake() -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """Make a trace for httpcore that closes a connection which is given up during its TLS handshake.

    httpcore closes a connection whose handshake failed, but leaves one whose handshake was cancelled to the garbage
    collector.
    """
    close: Callable[[], Awaitable[object]] | None = None

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        nonlocal close
        if event == "connection.connect_tcp.complete":
            close = info["return_value"].aclose
        elif event == "connection.start_tls.failed" and close is not None:
            with anyio.move_on_after(CLOSING_TIME, shield=True), contextlib.suppress(Exception):
                await close()

    return trace


class _Stream:
    """A request's body. A large one is sent in pieces: copying and encrypting it at once would block the event loop.

    httpx's own stream is an async generator. A broken connection leaves it to the garbage collector; trio warns of
    that.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._body: Body | None = None
        self._start = 0

    def __aiter__(self) -> Self:
        # From the beginning: a client that repeats the request after a challenge reads the body again.
        self._body = None
        self._start = 0
        return self

    async def __anext__(self) -> Body:
        if self._body is None:
            self._body = self._content.take()
        start, self._start = self._start, self._start + _MOST_AT_ONCE
        if start == 0 and len(self._body) <= _MOST_AT_ONCE:
            return self._body
        if start >= len(self._body):
            raise StopAsyncIteration
        return Body(self._body[start : self._start])

    async def aclose(self) -> None:
        """Nothing to close. httpcore2 asks for it, as it would of an async generator."""


def _os_reason(error: BaseException) -> str:
    """The message of the operating system or of TLS, from the causes of a failed connection."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, OSError):
            return f": {reason}"
        reason = reason.__cause__ or reason.__context__
    return ""


async def _abandon(stream: AsyncIterator[bytes]) -> None:
    """End a stream by cancelling its reader: closing it would leave the generators below to the garbage collector."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        async for _ in stream:
            pass
