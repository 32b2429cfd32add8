"""A caller's own HTTP client: finding its library, and using it.

Only httpx needs to be installed for that: a client exists only if its library is loaded.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

import httpx
from anyio.lowlevel import current_token

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.wire.call import NotSent

from .over_httpx import HttpxPool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from types import ModuleType

    from .exchange import Content, Exchanged, Pool


class LikeHttpx(Protocol):
    """An `httpx.AsyncClient`, an `httpx2.AsyncClient`, or anything else with these methods of theirs."""

    @property
    def build_request(self) -> Callable[..., object]:
        """Makes a request, with the client's own headers, cookies and the like."""
        ...

    @property
    def send(self) -> Callable[..., Awaitable[object]]:
        """Sends a request, and gives a response whose body is not read yet."""
        ...


class LikeAiohttp(Protocol):
    """An `aiohttp.ClientSession`."""

    @property
    def post(self) -> Callable[..., AbstractAsyncContextManager[object]]:
        """Sends a request."""
        ...


#: The types of `http_client`. As protocols, they need no installed library for type checking.
HttpClient: TypeAlias = LikeHttpx | LikeAiohttp


def borrow(http_client: HttpClient, base_url: httpx.URL) -> Pool:
    """Make a pool that uses a caller's HTTP client.

    Raises:
        ConfigurationError: It cannot be used.
    """
    aiohttp = sys.modules.get("aiohttp")
    if aiohttp is not None and isinstance(http_client, aiohttp.ClientSession):
        from .over_aiohttp import AiohttpSession  # noqa: PLC0415 - it needs aiohttp

        return AiohttpSession(http_client, base_url)
    libraries = [httpx, *filter(None, [sys.modules.get("httpx2")])]
    if any(isinstance(http_client, library.Client) for library in libraries):
        raise ConfigurationError("`http_client` must be an AsyncClient: a Client would block the event loop")
    methods = [getattr(http_client, name, None) for name in ("build_request", "send")]
    if isinstance(http_client, type) or not all(map(callable, methods)):
        raise ConfigurationError(
            "`http_client` must be an httpx.AsyncClient, an httpx2.AsyncClient or an aiohttp.ClientSession"
        )
    library = next((each for each in libraries if isinstance(http_client, each.AsyncClient)), httpx)
    return HttpxClient(http_client, library, base_url)


class HttpxClient(HttpxPool):
    """The caller's own client of httpx or httpx2, or a similar one: used as it is, and never closed by us."""

    def __init__(self, http_client: object, library: ModuleType, base_url: httpx.URL) -> None:
        super().__init__(base_url, library)
        # For the type checker it is httpx's; similar clients have the same names.
        self._http = cast("httpx.AsyncClient", http_client)
        self._loop: object = None

    async def exchange(
        self,
        operation: str,
        content: Content,
        *,
        anew: bool,  # noqa: ARG002 - the client chooses the connection
    ) -> Exchanged:
        """Send the request for an operation, and read the answer."""
        if getattr(self._http, "is_closed", False):
            return self.not_sent(operation, "the http_client has been closed")
        if self._is_bound_elsewhere():
            return NotSent(ConfigurationError("the http_client has connections of another event loop"))
        if content.may_go is not None and not content.may_go():
            # Checked here as well: an adapter to another library may bypass the stream, which checks when it is read.
            return self.not_sent(operation)
        return await self._run(partial(self._ask, self._send), operation, content)

    def _is_bound_elsewhere(self) -> bool:
        """Whether its connections belong to another event loop, so that no answer would arrive in this one."""
        loop, self._loop = self._loop, current_token().native_token
        if loop is None or loop is self._loop:
            return False
        pool = getattr(getattr(self._http, "_transport", None), "_pool", None)
        if not getattr(pool, "connections", None):
            return False
        self._loop = loop
        return True

    async def _send(self, bare: httpx.Request) -> httpx.Response:
        # The client adds its own headers, cookies and the like.
        request = self._http.build_request(
            bare.method, bare.url, headers=bare.headers, content=bare.content, extensions=bare.extensions
        )
        if isinstance(request, self._library.Request):
            request.stream = bare.stream
        return await self._http.send(request, stream=True, follow_redirects=False)
