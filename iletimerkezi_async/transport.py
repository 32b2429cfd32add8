"""From a call to its outcome: lanes, attempts, and what becomes of HTTP's errors. The one file that knows httpx.

A *lane* is an httpx transport limited to a single connection and used by one call at a time. The pool of lanes is
ours: httpcore's own walks over every connection for each request, and a burst of cancelled calls can leave it waiting
for good. A lane whose call broke or was cancelled is thrown away, so that nothing can be poisoned. The transport goes
without the `httpx.AsyncClient` around it, which would add a fifth to the cost of a call for what nobody wants here:
cookies, redirects, ways to log in.

Below the lanes stays httpcore. An httpx transport of our own over `asyncio.Protocol` would do with less than half the
CPU time, of which a call takes half a millisecond: too little, where an order holds up to 50,000 recipients, to pay for
a second HTTP client beside the one that trio needs, with TLS, proxies and broken connections to be got right anew.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import logging
import math
import os
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.request import getproxies, proxy_bypass

import anyio
import anyio.lowlevel
import httpx
from attrs import frozen

from ._version import __version__
from .errors import ConfigurationError, IletimerkeziError, OutcomeUnknownError, TransportError
from .operations import (
    Answered,
    Call,
    Kind,
    Lost,
    NotSent,
    Outcome,
    RawAnswer,
    Refused,
    T,
    get_balance,
    read_answer,
)
from .retry import Retry, Stopwatch, next_pause

if TYPE_CHECKING:
    from .credentials import Body, Credentials
    from .pacing import Pacer

__all__ = ["Taken", "Transport", "nothing"]

logger = logging.getLogger("iletimerkezi_async")

# The largest answer, a report page of 1,000 rows, has some 60 kB. More than this is not the service's.
_MAX_ANSWER = 8 * 2**20
# A connection idle for longer may have been closed by the other side, which costs a repetition.
_KEEPALIVE = 5.0
# Closing takes no time unless the other side is gone; a caller who gives up is not to wait for it.
_CLOSING = 1.0
# A repetition near the end of the window must have left before the service forgets the first attempt.
_WINDOW_GRACE = 30.0

# Failures before the first byte of a request is written.
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


@frozen(eq=False, repr=False)
class Taken:
    """A guarded request was refused after an attempt whose answer was lost.

    Attributes:
        elapsed: Seconds since the first attempt whose answer was lost began.
        date: The time by the server's clock at the refusal, where it said so.
        refusal: `None` where the refusal tells that the earlier attempt was taken; otherwise the refusal itself, which
            leaves that open.
    """

    elapsed: float
    date: datetime | None
    refusal: Refused | None = None


async def nothing() -> None:
    """What is to be done before an attempt where nothing is."""


class Transport:
    """Sends calls over pooled connections and repeats them as their kind allows."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str,
        timeout: float | httpx.Timeout,
        max_connections: int,
        retry: Retry,
        pacer: Pacer | None,
        http_client: httpx.AsyncClient | None,
    ) -> None:
        self.retry = retry
        self._credentials = credentials
        self._pacer = pacer
        self._exchange = _Exchange(_check_base_url(base_url), _check_timeout(timeout))
        self._pool: _Pool | _Borrowed
        if http_client is None:
            self._pool = _Pool(_check_connections(max_connections), self._exchange)
        else:
            self._pool = _Borrowed(http_client, self._exchange)
        self._closed = False
        # The headers of the last answer, and when it came: they tell the service's clock.
        self._heard: tuple[RawAnswer, float] | None = None

    async def clock_offset(self) -> timedelta | None:
        """Ask how far the service's clock is ahead of this machine's; `None` where it does not say."""
        asked = time.time()
        with contextlib.suppress(IletimerkeziError):
            await self.call(get_balance())
        heard = self._heard
        # An answer of the past says nothing of clocks that may have been set since.
        if heard is None or heard[1] < asked:
            return None
        date = heard[0].date
        return None if date is None else date - datetime.fromtimestamp(heard[1], timezone.utc)

    async def call(self, call: Call[T]) -> T:
        """Perform a call that is not guarded, and so has one kind of result.

        Raises:
            IletimerkeziError: As `perform`.
        """
        result = await self.perform(call)
        assert not isinstance(result, Taken)
        return result

    async def perform(
        self, call: Call[T], lost: Stopwatch | None = None, before: Callable[[], Awaitable[object]] = nothing
    ) -> T | Taken:
        """Send a call, and again as its kind and the outcome allow.

        Args:
            call: What to send.
            lost: Where an earlier run sent it already and did not live to see the answer: running since then.
            before: Called before each attempt, as long as no answer was lost: the next one may be taken.

        Raises:
            ApiError: The service refused.
            TransportError: There was no usable answer.
            OutcomeUnknownError: There was none, and the call may have been taken.
            ConfigurationError: The client has been closed.
        """
        body = self._credentials.envelope(call.fields)
        outcome: Outcome[T] | None = None
        # `lost` runs from the beginning of the first attempt whose answer was lost.
        for attempt in itertools.count(1):
            await self._pace(call)
            limit = _time_left(call, lost)
            if limit <= 0:
                break
            if self._closed:
                outcome = NotSent(ConfigurationError("the client has been closed"))
                break
            if lost is None:
                await before()
            watch = Stopwatch()
            # The other idle connections may be as dead as one that broke: a repetition takes a new one.
            outcome = await self._attempt(call, body, limit, anew=isinstance(outcome, Lost))
            _log_attempt(call, outcome, attempt, watch)
            if isinstance(outcome, Answered):
                return outcome.value
            taken = _taken(call, outcome, lost)
            if taken is not None:
                return taken
            if isinstance(outcome, Lost):
                lost = lost or watch
            pause = next_pause(self.retry, call.kind, outcome, attempt)
            if pause is None:
                break
            logger.warning("%s; attempt %d follows in %.2f s", outcome.error, attempt + 1, pause)
            await anyio.sleep(pause)
        if outcome is None or isinstance(outcome, Answered):
            raise OutcomeUnknownError("it is too late to send it again", call.operation)
        raise _conclusion(call, outcome, in_doubt=lost is not None)

    async def _pace(self, call: Call[T]) -> None:
        if self._pacer is not None and call.recipients:
            await self._pacer.acquire(call.recipients)

    async def _attempt(self, call: Call[T], body: Body, limit: float, *, anew: bool) -> Outcome[T]:
        raw: RawAnswer | _Failure = _Failure("no complete answer in time", sent=True)
        with anyio.move_on_after(min(limit, self._exchange.longest)):
            raw = await self._pool.exchange(call.operation, body, anew)
        if isinstance(raw, RawAnswer):
            self._heard = RawAnswer(raw.http_status, b"", raw.headers), time.time()
            return read_answer(call, raw, self._credentials.scrub)
        error = TransportError(raw.reason, call.operation, raw.http_status)
        return Lost(error) if raw.sent else NotSent(error)

    async def aclose(self) -> None:
        """Close the idle connections; those in use are closed when their call ends. Twice is once."""
        self._closed = True
        await self._pool.aclose()


def _taken(call: Call[T], outcome: Outcome[T], lost: Stopwatch | None) -> Taken | None:
    """What a refusal after a lost answer tells, where it tells that the call was taken or that can be looked up."""
    if lost is None or not isinstance(outcome, Refused) or outcome.later:
        return None
    if outcome.error.code == call.taken_code:
        return Taken(lost.elapsed, outcome.date)
    return Taken(lost.elapsed, outcome.date, outcome) if call.traceable else None


def _time_left(call: Call[T], lost: Stopwatch | None) -> float:
    """Seconds that the next attempt may take; none where a repetition would come too late."""
    if lost is None or call.window is None:
        return math.inf
    left = call.window - lost.elapsed
    return left + _WINDOW_GRACE if left > 0 else 0


def _conclusion(call: Call[T], outcome: Refused | Lost | NotSent, *, in_doubt: bool) -> IletimerkeziError:
    """The error to end with, where `in_doubt` says that an answer was lost on the way."""
    if call.kind is Kind.REPEATABLE or not in_doubt:
        return outcome.error
    if isinstance(outcome, Refused) and outcome.content:
        return outcome.error
    message = f"the answer was lost, and it may or may not have been done (at last: {outcome.error})"
    http_status = None if isinstance(outcome.error, ConfigurationError) else outcome.error.http_status
    return OutcomeUnknownError(message, call.operation, http_status)


def _log_attempt(call: Call[T], outcome: Outcome[T], attempt: int, watch: Stopwatch) -> None:
    if not logger.isEnabledFor(logging.DEBUG):
        return
    code: object = 200
    if isinstance(outcome, Refused):
        code = outcome.error.code
    elif not isinstance(outcome, Answered):
        code = str(outcome.error).removeprefix(f"{call.operation}: ")
    about = f" {call.about}" if call.about else ""
    logger.debug("%s%s: %s in %.3f s (attempt %d)", call.operation, about, code, watch.elapsed, attempt)


@frozen(eq=False, repr=False)
class _Failure:
    """An exchange without an answer.

    Attributes:
        reason: What happened, in words that quote nothing which was sent or received.
        sent: Whether the request left, or may have.
        http_status: The HTTP status, where one had come.
    """

    reason: str
    sent: bool
    http_status: int | None = None


_Send: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]


class _Exchange:
    """One request and its answer, over what somebody else keeps."""

    def __init__(self, base_url: httpx.URL, timeout: httpx.Timeout) -> None:
        self.scheme = base_url.scheme
        self.host = base_url.host
        self.timeout = timeout
        self.longest = _longest(timeout)
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

    async def run(self, send: _Send, operation: str, body: Body) -> RawAnswer | _Failure:
        """Send the request for an operation, and read the answer."""
        try:
            return await self._roundtrip(send, self._request(operation, body))
        except Exception as error:  # noqa: BLE001 - whatever httpx, TLS or a caller's transport raises is a failure
            # Not chained: httpx's errors hold the request, and its frames the body.
            return _Failure(self._reason(error), sent=not isinstance(error, _NEVER_LEFT))
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
    async def _roundtrip(send: _Send, request: httpx.Request) -> RawAnswer | _Failure:
        response = await send(request)
        try:
            body = await _read_body(response)
        finally:
            if not response.is_closed:
                with anyio.move_on_after(_CLOSING, shield=True):
                    await response.aclose()
        if body is None:
            return _Failure(f"the answer is larger than {_MAX_ANSWER >> 20} MiB", True, response.status_code)
        return RawAnswer(response.status_code, body, response.headers)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, httpx.ConnectTimeout):
            return f"no connection within {_seconds(self.timeout.connect)}"
        if isinstance(error, httpx.ConnectError):
            return f"cannot connect: {_os_reason(error)}"
        if isinstance(error, httpx.PoolTimeout):
            return f"no connection became free within {_seconds(self.timeout.pool)}"
        if isinstance(error, httpx.ReadTimeout):
            return f"no answer within {_seconds(self.timeout.read)}"
        if isinstance(error, httpx.WriteTimeout):
            return f"the request could not be written within {_seconds(self.timeout.write)}"
        if isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
            return "the connection broke before the whole answer had come"
        return f"the exchange failed ({type(error).__name__})"


class _Handshake:
    """Closes a connection that is given up before TLS is agreed.

    httpcore closes one whose handshake failed, but leaves one that was cancelled there to the garbage collector.
    """

    def __init__(self) -> None:
        self._close: Callable[[], Awaitable[object]] = nothing

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._close = info["return_value"].aclose
        elif event == "connection.start_tls.failed":
            with anyio.move_on_after(_CLOSING, shield=True), contextlib.suppress(Exception):
                await self._close()


class _Content(httpx.AsyncByteStream):
    """A body, in one piece.

    httpx's own is an async generator, which a connection that breaks leaves to the garbage collector; trio warns of it.
    """

    def __init__(self, body: Body) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces([self._body])


class _Pieces(AsyncIterator[bytes]):
    def __init__(self, pieces: list[Body]) -> None:
        self._pieces = pieces

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


def _seconds(limit: float | None) -> str:
    # Without a limit of ours the system has one of its own.
    return "the system's limit" if limit is None else f"{limit:g} s"


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


class _Borrowed:
    """The caller's own client: used as it is, and never closed by us."""

    def __init__(self, http_client: httpx.AsyncClient, exchange: _Exchange) -> None:
        self._http = http_client
        self._exchange = exchange

    async def exchange(self, operation: str, body: Body, _anew: bool) -> RawAnswer | _Failure:
        if self._http.is_closed:
            return _Failure("the http_client has been closed", sent=False)
        return await self._exchange.run(self._send, operation, body)

    async def _send(self, bare: httpx.Request) -> httpx.Response:
        # With what the caller has set for all requests of the client.
        request = self._http.build_request(
            bare.method, bare.url, headers=bare.headers, content=bare.content, extensions=bare.extensions
        )
        request.stream = bare.stream
        return await self._http.send(request, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        pass


class _Pool:
    """Our own connections, as lanes."""

    def __init__(self, max_connections: int, exchange: _Exchange) -> None:
        self._max_connections = max_connections
        self._exchange = exchange
        # One for all lanes, and built here as httpx does it: it takes 25 ms. Without TLS, one that nobody asks.
        secure = exchange.scheme == "https"
        self._ssl = httpx.create_ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._proxy = _proxy_for(exchange.scheme, exchange.host)
        self._process = os.getpid()
        self._loop: object = None
        self._lanes = _Lanes(0)
        self._inherited: list[_Lanes] = []
        self._closed = False
        self._check_proxy()

    def _check_proxy(self) -> None:
        """See that lanes can be made: httpx wants a package of its own for some proxies, and takes none of others."""
        reason = ""
        try:
            self._new_lane()
        except ImportError as error:
            reason = str(error)
        except ValueError:
            reason = "httpx knows no such kind"
        if reason:
            raise ConfigurationError(f"the proxy that the environment names cannot be used: {reason}")

    async def exchange(self, operation: str, body: Body, anew: bool) -> RawAnswer | _Failure:
        lanes = self._lanes_here()
        patience = self._exchange.timeout.pool
        if not await lanes.acquire(patience):
            return _Failure(f"no connection became free within {_seconds(patience)}", sent=False)
        lane: httpx.AsyncHTTPTransport | None = None
        try:
            lane = await lanes.take(anew=anew) or self._new_lane()
            raw = await self._exchange.run(lane.handle_async_request, operation, body)
            if isinstance(raw, RawAnswer) and not self._closed:
                lanes.give_back(lane)
                lane = None
            return raw
        finally:
            try:
                if lane is not None:
                    await _close(lane)
            finally:
                lanes.release()

    async def aclose(self) -> None:
        self._closed = True
        await self._lanes_here().close()

    def _lanes_here(self) -> _Lanes:
        """The lanes of this process and the running event loop; those of an earlier loop died with it."""
        process, loop = os.getpid(), anyio.lowlevel.current_token()
        if process != self._process:
            # Forked. The parent goes on using its connections: two processes on one would read each other's answers.
            # They are kept and not touched, as closing one here could silence it in a selector that the two share.
            self._inherited.append(self._lanes)
        if (process, loop) != (self._process, self._loop):
            self._process, self._loop = process, loop
            self._lanes = _Lanes(self._max_connections)
        return self._lanes

    def _new_lane(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=self._ssl,
            http1=True,
            http2=False,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEPALIVE),
            proxy=self._proxy,
        )


class _Lanes:
    """The lanes of one event loop: at most so many, the one used last taken first, waiting callers served in turn."""

    def __init__(self, max_connections: int) -> None:
        self._free = anyio.Semaphore(max_connections, fast_acquire=True)
        self._idle: deque[tuple[float, httpx.AsyncHTTPTransport]] = deque()

    async def acquire(self, patience: float | None) -> bool:
        """Wait for leave to use a lane; `False` where none came within `patience` seconds."""
        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(patience):
                await self._free.acquire()
                return True
            return False
        return True

    def release(self) -> None:
        self._free.release()

    async def take(self, *, anew: bool) -> httpx.AsyncHTTPTransport | None:
        """The idle lane used last, if there is one; those that have been idle for too long are closed.

        With `anew` it is none of them; one is closed, so that a new one takes its place.
        """
        oldest = time.monotonic() - _KEEPALIVE
        while self._idle and self._idle[0][0] < oldest:
            await _close(self._idle.popleft()[1])
        if anew:
            if self._idle:
                await _close(self._idle.popleft()[1])
            return None
        return self._idle.pop()[1] if self._idle else None

    def give_back(self, lane: httpx.AsyncHTTPTransport) -> None:
        self._idle.append((time.monotonic(), lane))

    async def close(self) -> None:
        while self._idle:
            await _close(self._idle.pop()[1])


async def _close(lane: httpx.AsyncHTTPTransport) -> None:
    with anyio.move_on_after(_CLOSING, shield=True), contextlib.suppress(Exception):
        await lane.aclose()


def _check_base_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("`base_url` must be an absolute https:// address")
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError("`base_url` must have no user, query or fragment")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ConfigurationError(
            "`base_url` must be https://, as every request carries the credentials; plain http:// is for loopback alone"
        )
    return url


def _proxy_for(scheme: str, host: str) -> httpx.Proxy | None:
    """The proxy that the environment names for a host; never one for plain HTTP, which would see the credentials."""
    if scheme != "https" or proxy_bypass(host):
        return None
    proxies = getproxies()
    address = proxies.get("https") or proxies.get("all")
    if not address:
        return None
    try:
        return httpx.Proxy(address if "://" in address else f"http://{address}")
    except (httpx.InvalidURL, ValueError):
        # It may have a password in it, so it goes no further.
        address = ""
    raise ConfigurationError("the proxy that the environment names has no address that can be read")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_timeout(timeout: float | httpx.Timeout) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
    if not 0 < timeout < math.inf:
        raise ConfigurationError("`timeout` must be a positive number of seconds, or an httpx.Timeout")
    return httpx.Timeout(timeout)


def _longest(timeout: httpx.Timeout) -> float:
    """Seconds after which an attempt ends even though something trickles in all the time."""
    limits = (timeout.pool, timeout.connect, timeout.read, timeout.write)
    if None in limits:
        return math.inf
    pool, connect, read, write = (limit or 0 for limit in limits)
    return pool + connect + max(read, write)


def _check_connections(max_connections: int) -> int:
    if max_connections < 1:
        raise ConfigurationError("`max_connections` must be at least 1")
    return max_connections
