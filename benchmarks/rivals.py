"""The same calls without the library, each in the way its users write it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import ssl
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias

import aiohttp
import httpx
import orjson

from .harness import OURS, Served, client, send_body

NUMBER = "+905301234567"

#: One call, to be made by one of so many callers.
OneCall: TypeAlias = Callable[[int], Awaitable[object]]
#: Something with connections: makes a call for a server and a number of callers.
Way: TypeAlias = Callable[[Served, int], Any]


def trusting(served: Served) -> ssl.SSLContext:
    """A context that trusts the bare server, if it speaks TLS."""
    return ssl.create_default_context(cafile=served.authority or None)


@asynccontextmanager
async def ours(served: Served, _callers: int) -> AsyncIterator[OneCall]:
    """`send_sms`."""
    async with client(served.url) as sms:
        yield lambda _: sms.send_sms("Kodunuz 1234", to=NUMBER)


@asynccontextmanager
async def over_aiohttp(served: Served, callers: int) -> AsyncIterator[OneCall]:
    """`send_sms` over a caller's own `aiohttp.ClientSession`."""
    connector = aiohttp.TCPConnector(limit=callers, ssl=trusting(served))
    async with aiohttp.ClientSession(connector=connector) as session, client(served.url, session) as sms:
        yield lambda _: sms.send_sms("Kodunuz 1234", to=NUMBER)


@asynccontextmanager
async def over_httpx(served: Served, callers: int) -> AsyncIterator[OneCall]:
    """`send_sms` over a caller's own `httpx.AsyncClient`."""
    limits = httpx.Limits(max_connections=callers)
    async with httpx.AsyncClient(verify=trusting(served), limits=limits) as http, client(served.url, http) as sms:
        yield lambda _: sms.send_sms("Kodunuz 1234", to=NUMBER)


@asynccontextmanager
async def over_httpx2(served: Served, callers: int) -> AsyncIterator[OneCall]:
    """`send_sms` over a caller's own `httpx2.AsyncClient`."""
    limits = httpx2.Limits(max_connections=callers)
    async with httpx2.AsyncClient(verify=trusting(served), limits=limits) as http, client(served.url, http) as sms:
        yield lambda _: sms.send_sms("Kodunuz 1234", to=NUMBER)


def _posting(http: httpx.AsyncClient | httpx2.AsyncClient, url: str) -> OneCall:
    async def call(_: int) -> object:
        response = await http.post(url, content=orjson.dumps(send_body(NUMBER)))
        return orjson.loads(response.content)

    return call


@asynccontextmanager
async def plain_httpx(served: Served, _callers: int) -> AsyncIterator[OneCall]:
    """One shared `httpx.AsyncClient`, as its documentation recommends."""
    url = f"{served.url}/send-sms/json"
    async with httpx.AsyncClient(verify=trusting(served)) as http:
        yield _posting(http, url)


@asynccontextmanager
async def plain_httpx2(served: Served, _callers: int) -> AsyncIterator[OneCall]:
    """The same with httpx2."""
    url = f"{served.url}/send-sms/json"
    async with httpx2.AsyncClient(verify=trusting(served)) as http:
        yield _posting(http, url)


@asynccontextmanager
async def bare_lanes(served: Served, callers: int) -> AsyncIterator[OneCall]:
    """An `httpx.AsyncClient` of a single connection for each caller, and nothing on top: the floor of our transport."""
    url = httpx.URL(f"{served.url}/send-sms/json")
    headers = httpx.Headers({"Host": url.netloc.decode(), "Content-Type": "application/json"})
    context = trusting(served)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    async with AsyncExitStack() as stack:
        lanes = [
            await stack.enter_async_context(httpx.AsyncClient(verify=context, limits=limits)) for _ in range(callers)
        ]

        async def call(caller: int) -> object:
            content = orjson.dumps(send_body(NUMBER))
            response = await lanes[caller].send(httpx.Request("POST", url, headers=headers, content=content))
            return orjson.loads(response.content)

        yield call


@asynccontextmanager
async def plain_aiohttp(served: Served, callers: int) -> AsyncIterator[OneCall]:
    """One shared `aiohttp.ClientSession`."""
    url = f"{served.url}/send-sms/json"
    connector = aiohttp.TCPConnector(limit=callers, ssl=trusting(served))
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(_: int) -> object:
            async with session.post(url, data=orjson.dumps(send_body(NUMBER))) as response:
                return orjson.loads(await response.read())

        yield call


@asynccontextmanager
async def urllib_in_threads(served: Served, callers: int) -> AsyncIterator[OneCall]:
    """The standard library, blocking, in a thread for each caller: a connection a request."""
    url = f"{served.url}/send-sms/json"
    context = trusting(served)

    def post() -> object:
        request = urllib.request.Request(url, json.dumps(send_body(NUMBER)).encode())
        with urllib.request.urlopen(request, context=context, timeout=30) as response:
            return json.loads(response.read())

    with ThreadPoolExecutor(callers) as threads:
        yield lambda _: asyncio.get_running_loop().run_in_executor(threads, post)


#: Ours over each HTTP client, and what is below it alone.
FLOORS: dict[str, Way] = {
    OURS: ours,
    "ours over aiohttp": over_aiohttp,
    "ours over httpx": over_httpx,
    "bare lanes": bare_lanes,
    "bare aiohttp": plain_aiohttp,
    "bare httpx": plain_httpx,
}
RIVALS: dict[str, Way] = {
    OURS: ours,
    "httpx": plain_httpx,
    "aiohttp": plain_aiohttp,
    "urllib in threads": urllib_in_threads,
}

# There is none for Python 3.10.
if importlib.util.find_spec("httpx2"):
    import httpx2

    RIVALS["httpx2"] = plain_httpx2
    FLOORS |= {"ours over httpx2": over_httpx2, "bare httpx2": plain_httpx2}
