"""An exchange over a caller's `aiohttp.ClientSession`. Loaded only if one is given."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

import aiohttp
from aiohttp.payload import Payload
from anyio.lowlevel import current_token
from yarl import URL

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.wire.call import NotSent, RawAnswer

from .exchange import Content, Exchanged, Pool, read_body
from .settings import spell_seconds

if TYPE_CHECKING:
    import httpx
    from aiohttp.abc import AbstractStreamWriter


class AiohttpSession(Pool):
    """The caller's own session: used as it is, with its headers, cookies and connector, and never closed by us.

    Args:
        session: The session, an `aiohttp.ClientSession`.
        base_url: The service's address.
    """

    def __init__(self, session: object, base_url: httpx.URL) -> None:
        super().__init__(base_url)
        self._session = cast("aiohttp.ClientSession", session)
        self._urls = {operation: URL(address) for operation, address in self.addresses.items()}

    async def exchange(
        self,
        operation: str,
        content: Content,
        *,
        anew: bool,  # noqa: ARG002 - the session chooses the connection
    ) -> Exchanged:
        """Send the request for an operation, and read the answer."""
        obstacle = self._obstacle(operation)
        if obstacle is not None:
            return obstacle
        return await self._run(self._ask, operation, content)

    def _obstacle(self, operation: str) -> NotSent | None:
        """The reason why the session cannot be used here, if there is one."""
        if self._session.closed:
            return self.not_sent(operation, "the http_client has been closed")
        token = current_token().native_token
        if not hasattr(token, "call_soon_threadsafe"):
            reason = "an aiohttp.ClientSession works on asyncio only: on trio give an httpx.AsyncClient, or none"
            return NotSent(ConfigurationError(reason))
        # There is no public attribute, and aiohttp's own check comes after the request has begun.
        if getattr(self._session, "_loop", token) is not token:
            return NotSent(ConfigurationError("the http_client belongs to another event loop"))
        return None

    async def _ask(self, operation: str, content: Content) -> RawAnswer:
        timeout = content.timeout
        response = await self._session.post(
            self._urls[operation],
            data=_Payload(content),
            headers=self.headers,
            allow_redirects=False,
            raise_for_status=False,
            # Compression was declined: a piece of a compressed answer could unpack to any size.
            auto_decompress=False,
            timeout=_client_timeout(timeout.pool, timeout.connect, timeout.read),
        )
        connection = response.connection
        reused = connection is not None and self.note_answer(connection.transport)
        try:
            body = await read_body(response.content.iter_any())
        finally:
            # This does nothing if the answer was read to its end, as the connection is back in the pool.
            response.close()
        return RawAnswer(response.status, body, response.headers, reused=reused)

    def _raised(self, error: Exception, operation: str) -> RawAnswer | None:
        # Not its subclasses, which are about redirections, proxies, bodies and web sockets. If it has a cause, the
        # answer is not HTTP.
        if type(error) is not aiohttp.ClientResponseError or error.__cause__ is not None:
            return None
        # A middleware that signs requests may have asked another server.
        if error.request_info.real_url != self._urls[operation]:
            return None
        return RawAnswer(error.status, b"", error.headers or {}, bodyless=True)

    def _reason(self, error: Exception, timeout: httpx.Timeout) -> str:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            limit = _client_timeout(timeout.pool, timeout.connect, timeout.read).connect
            return f"no connection within {spell_seconds(limit)}"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"cannot connect: {error.os_error}"
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return "the proxy opened no connection to the service"
        if isinstance(error, aiohttp.SocketTimeoutError):
            return f"no answer within {spell_seconds(timeout.read)}"
        if isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)):
            return "the connection broke before the answer was complete"
        return f"the exchange failed ({type(error).__name__})"


@lru_cache(maxsize=32)
def _client_timeout(pool: float | None, connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None,
        # aiohttp's `connect` includes waiting for a free connection.
        connect=None if pool is None or connect is None else pool + connect,
        sock_connect=connect,
        sock_read=read,
    )


class _Payload(Payload):
    """A request's body, in one piece. aiohttp's own payload warns of large bodies, and copies them."""

    def __init__(self, content: Content) -> None:
        super().__init__(content.body, content_type="application/json")
        self._size = len(content.body)
        self._content = content

    async def write(self, writer: AbstractStreamWriter) -> None:
        await writer.write(self._content.take())

    async def write_with_length(
        self,
        writer: AbstractStreamWriter,
        content_length: int | None,  # noqa: ARG002 - it is that of the whole
    ) -> None:
        await self.write(writer)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 - as it is
        """The bytes, for a middleware that signs them."""
        return self._content.take(to_write=False)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The same as text."""
        return self._content.take(to_write=False).decode(encoding, errors)
