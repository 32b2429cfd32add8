"""A caller's own HTTP client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exchange import Exchange, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from iletimerkezi_async.wire.call import RawAnswer
    from iletimerkezi_async.wire.credentials import Body

__all__ = ["BorrowedClient"]


class BorrowedClient:
    """The caller's own client: used as it is, and never closed by us."""

    def __init__(self, http_client: httpx.AsyncClient, exchange: Exchange) -> None:
        self._http = http_client
        self._exchange = exchange

    async def exchange(
        self, operation: str, body: Body, _anew: bool, may_go: Callable[[], bool]
    ) -> RawAnswer | NoAnswer:
        """Send the request for an operation, and read the answer."""
        if self._http.is_closed:
            return NoAnswer("the http_client has been closed", sent=False)
        if not may_go():
            return NoAnswer("it may not go any more", sent=False)
        return await self._exchange.run(self._send, operation, body)

    async def _send(self, bare: httpx.Request) -> httpx.Response:
        # With what the caller has set for all requests of the client.
        request = self._http.build_request(
            bare.method, bare.url, headers=bare.headers, content=bare.content, extensions=bare.extensions
        )
        request.stream = bare.stream
        return await self._http.send(request, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        """Nothing to close: it is the caller's."""
