"""Our own connections, as lanes.

A *lane* is an httpx transport limited to a single connection and used by one call at a time. The pool of lanes is our
own: httpcore's pool checks every connection for each request, and may wait forever after a burst of cancelled calls. A
lane whose call failed or was cancelled is closed, so that no later call gets a broken one. The transport is used
without an `httpx.AsyncClient`, which would add a fifth to the cost of a call for features not needed here: cookies,
redirects, authentication.

Lanes use httpcore. Our own httpx transport over `asyncio.Protocol` would need less than half the CPU time of a call,
which is half a millisecond. As one order holds up to 50,000 recipients, that gain does not justify a second HTTP client
beside the one that trio needs, with its own code for TLS, proxies and broken connections.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
import time
from collections import deque
from functools import partial
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel
import httpx

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.wire.call import RawAnswer

from .exchange import CLOSING_TIME, Content, Exchanged
from .over_httpx import HttpxPool
from .settings import find_proxy, spell_seconds, tls_context

# Seconds. A connection idle for longer may have been closed by the other side, which costs a repetition.
_KEEPALIVE = 5.0


class LanePool(HttpxPool):
    """Our own connections, as lanes. Each event loop has its own; several may run in threads."""

    def __init__(self, max_connections: int, base_url: httpx.URL) -> None:
        super().__init__(base_url)
        # One for all lanes, as it takes 25 ms to build. Without TLS it is empty and unused.
        self._ssl = tls_context() if self.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._proxy = find_proxy(self.scheme, self.host)
        self._max_connections = max_connections
        self._lock, self._process = threading.Lock(), os.getpid()
        self._by_loop: WeakKeyDictionary[object, _Lanes] = WeakKeyDictionary()
        self._inherited: list[WeakKeyDictionary[object, _Lanes]] = []
        self._check_proxy()

    def _check_proxy(self) -> None:
        """Check that lanes can be made: some kinds of proxies need another package, and httpx does not know others."""
        reason = ""
        try:
            self._new_lane()
        except ImportError as error:
            reason = str(error)
        except ValueError:
            reason = "httpx does not support this kind of proxy"
        if reason:
            raise ConfigurationError(f"the proxy set in the environment cannot be used: {reason}")

    async def exchange(self, operation: str, content: Content, *, anew: bool) -> Exchanged:
        """Send the request for an operation over a free lane, and read the answer.

        Args:
            operation: The operation's name.
            content: The request's body, and how long to wait.
            anew: Whether to use a new lane.
        """
        lanes = self._lanes_here()
        patience = content.timeout.pool
        if not await lanes.acquire(patience):
            reason = f"no connection became free within {spell_seconds(patience)}"
            return self.not_sent(operation, reason)
        lane: httpx.AsyncHTTPTransport | None = None
        try:
            lane = await lanes.take(anew=anew) or self._new_lane()
            raw = await self._run(partial(self._ask, lane.handle_async_request), operation, content)
            if isinstance(raw, RawAnswer) and not self.is_closed:
                lanes.keep(lane)
                lane = None
            return raw
        finally:
            try:
                if lane is not None:
                    await _close(lane)
            finally:
                lanes.free.release()

    async def distrust(self) -> None:
        """Close the idle lanes of the running event loop."""
        await self._lanes_here().close()

    async def aclose(self) -> None:
        """Close the idle lanes of the running event loop; those in use are closed when their call ends.

        A connection can be closed by its own loop only: if several loops run, call it in each.
        """
        await super().aclose()
        await self._lanes_here().close()

    def _new_lane(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=self._ssl,
            http1=True,
            http2=False,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE),
            proxy=self._proxy,
        )

    def _lanes_here(self) -> _Lanes:
        """The lanes of this process and the running event loop."""
        if os.getpid() != self._process:
            self._leave_to_the_parent()
        loop = anyio.lowlevel.current_token().native_token
        with self._lock:
            lanes = self._by_loop.get(loop)
            if lanes is None:
                self._drop_ended_loops()
                lanes = self._by_loop[loop] = _Lanes(self._max_connections)
        return lanes

    def _leave_to_the_parent(self) -> None:
        """Start without lanes after a fork.

        The parent goes on using its connections: two processes on one would read each other's answers. Here they are
        kept and not touched, as closing one could remove it from a selector that both processes share.
        """
        self._process = os.getpid()
        # A thread of the parent may have held the old one.
        self._lock = threading.Lock()
        self._inherited.append(self._by_loop)
        self._by_loop = WeakKeyDictionary()

    def _drop_ended_loops(self) -> None:
        """Forget the lanes of loops that have ended: their connections ended, too.

        A loop of asyncio says that it is closed. A loop of trio leaves the dictionary with its last reference; one of
        asyncio would stay, as its connections refer to it.
        """
        for loop in list(self._by_loop):
            if getattr(loop, "is_closed", bool)():
                del self._by_loop[loop]


class _Lanes:
    """The lanes of one event loop, up to a limit; the last used is taken first; callers wait in turn."""

    def __init__(self, max_connections: int) -> None:
        #: To be released after a successful `acquire`.
        self.free = anyio.Semaphore(max_connections, fast_acquire=True)
        self._idle: deque[tuple[float, httpx.AsyncHTTPTransport]] = deque()

    async def acquire(self, patience: float | None) -> bool:
        """Wait until a lane may be used; `False` if all stay in use for `patience` seconds."""
        try:
            self.free.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(patience):
                await self.free.acquire()
                return True
            return False
        return True

    async def take(self, *, anew: bool) -> httpx.AsyncHTTPTransport | None:
        """The idle lane used last, if there is one; lanes idle for too long are closed.

        With `anew` it is `None`, and one idle lane is closed, so that a new one takes its place.
        """
        oldest = time.monotonic() - _KEEPALIVE
        while self._idle and self._idle[0][0] < oldest:
            await _close(self._idle.popleft()[1])
        if anew:
            if self._idle:
                await _close(self._idle.popleft()[1])
            return None
        return self._idle.pop()[1] if self._idle else None

    def keep(self, lane: httpx.AsyncHTTPTransport) -> None:
        self._idle.append((time.monotonic(), lane))

    async def close(self) -> None:
        while self._idle:
            await _close(self._idle.pop()[1])


async def _close(lane: httpx.AsyncHTTPTransport) -> None:
    with anyio.move_on_after(CLOSING_TIME, shield=True), contextlib.suppress(Exception):
        await lane.aclose()
