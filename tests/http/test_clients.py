"""A caller's own HTTP client, of each library: nothing twice, nothing lost, and what never left is proven."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import anyio
import anyio.abc
import httpcore
import httpx
import pytest
from canned import NO_TLS, QUICK, Canned, http, never_left, ok, raw_server
from faults import FAULTS
from frames import everything_of
from httpx_aiohttp import HttpxAiohttpClient
from test_transport import https_server
from waiting import PATIENCE, READS_SOON, until

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    AuthenticationError,
    BulkError,
    ConfigurationError,
    Consent,
    ConsentError,
    DuplicateOrderError,
    EmptyTextError,
    IletimerkeziError,
    InsufficientBalanceError,
    Iys,
    Order,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
    Retry,
    ScheduleError,
    SenderError,
    SendState,
    TextTooLongError,
    TransportError,
    UnavailableError,
)
from iletimerkezi_async.http.exchange import Content
from iletimerkezi_async.http.lanes import LanePool
from iletimerkezi_async.models import TURKISH_TIME
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import SqliteStore
from iletimerkezi_async.wire.call import NotSent
from iletimerkezi_async.wire.credentials import Body

pytestmark = pytest.mark.anyio

NUMBER = "+905301234567"
TEXT = "Kodunuz 987654"
BALANCE = b'{"response":{"status":{"code":200},"balance":{"amount":"0","sms":"1"}}}'
ONCE = Retry(attempts=1)
FAMILIES = ["lanes", "httpx", "httpx2", "aiohttp", "httpx-aiohttp"]
#: Those that run on asyncio alone.
OVER_AIOHTTP = {"aiohttp", "httpx-aiohttp"}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, anyio_backend: str) -> str:
    name = str(request.param)
    if anyio_backend == "trio" and name in OVER_AIOHTTP:
        pytest.skip("aiohttp runs on asyncio alone")
    if name == "httpx2":
        pytest.importorskip("httpx2", reason="httpx2 is for Python 3.11 and later")
    return name


def some_client(family: str, connections: int = 10) -> object:
    """A caller's own HTTP client; for lanes there is none."""
    if family == "aiohttp":
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections), headers={"X-Gateway": "ic"})
    if family == "httpx-aiohttp":
        limits = httpx.Limits(max_connections=connections)
        return HttpxAiohttpClient(limits=limits, headers={"X-Gateway": "ic"}, verify=NO_TLS)
    if family == "lanes":
        return None
    library = httpx if family == "httpx" else sys.modules["httpx2"]
    client: object = library.AsyncClient(
        limits=library.Limits(max_connections=connections),
        headers={"X-Gateway": "ic"},
        trust_env=False,
        verify=NO_TLS,
    )
    return client


async def close(own: object) -> None:
    if own is not None:
        await (own.close() if isinstance(own, aiohttp.ClientSession) else own.aclose())  # type: ignore[attr-defined]


@asynccontextmanager
async def client_of(family: str, url: str, connections: int = 10, **options: object) -> AsyncIterator[AsyncClient]:
    """A client over one of a library; both are closed at the end."""
    settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "base_url": url, "retry": QUICK, "rate": None}
    settings |= {"max_connections": connections}
    own = some_client(family, connections)
    try:
        async with AsyncClient("demo", "demo", http_client=own, **(settings | options)) as client:  # type: ignore[arg-type]  # settings of any type
            yield client
    finally:
        await close(own)


# The ledger as the judge.


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("fault", [*FAULTS, "stall"])
async def test_whatever_happens_nobody_is_texted_twice(
    family: str, fault: str, times: int, sandbox: Sandbox, url: str
) -> None:
    """What the client says of an order is what the service has; the same call again never sends it twice."""
    sandbox.fail("send-sms", fault, times=times)
    said: object = None
    timeout = READS_SOON if fault == "stall" else PATIENCE
    retry = Retry(attempts=3, wait_initial=0.001, wait_max=0.01)
    async with client_of(family, url, timeout=timeout, retry=retry) as client:
        try:
            said = await client.send_sms(TEXT, NUMBER)
        except IletimerkeziError as error:
            said = error
        taken = sandbox.deliveries.get(NUMBER, 0)
        if isinstance(said, (Order, OrderAcceptedError)):
            assert taken == 1
        elif not isinstance(said, OutcomeUnknownError):
            assert taken == 0, f"{said!r}, and yet it was taken"
        sandbox.heal()
        # A connection that was closed while idle loses the answer of this one, too; then the first order is found.
        with contextlib.suppress(DuplicateOrderError, OrderAcceptedError, OutcomeUnknownError):
            again = await client.send_sms(TEXT, NUMBER)
            assert [again.id] == [order.id for order in sandbox.orders]
    assert sandbox.deliveries == {NUMBER: 1}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("fault", [*FAULTS, "stall"])
async def test_a_journal_resumed_an_hour_later(
    family: str, fault: str, tmp_path: Path, sandbox: Sandbox, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of orders whose answers were all lost, none is sent twice, and none is missing."""
    numbers = [f"+905301234{index:03}" for index in range(30)]
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", fault, times=2)

    async def run() -> int:
        timeout = READS_SOON if fault == "stall" else PATIENCE
        retry = Retry(attempts=2, wait_initial=0)
        async with client_of(family, url, timeout=timeout, retry=retry) as client:
            try:
                result = await client.send_bulk(
                    TEXT, numbers, batch_size=10, concurrency=1, journal=tmp_path / "kampanya"
                )
            except BulkError as error:
                result = error.result
        return result.accepted

    assert await run() <= 30
    sandbox.heal()
    sandbox.advance(minutes=61)
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + 61 * 60)
    assert await run() == 30
    assert sandbox.deliveries == Counter(numbers)


async def test_a_connection_that_was_closed_while_idle(family: str, sandbox: Sandbox, url: str) -> None:
    """Every answer's connection is gone a moment later: the next call takes another, or repeats itself."""
    async with client_of(family, url) as client:
        for index in range(20):
            sandbox.fail("send-sms", "close-idle")
            await client.send_sms(f"Kodunuz {index}", NUMBER)
    assert sandbox.deliveries == {NUMBER: 20}


async def test_a_storm_of_cancellations_leaves_the_client_sound(family: str, url: str) -> None:
    """Twenty callers give up, at one moment or another, twelve times over: the next are answered at once."""
    if family == "httpx":
        pytest.skip("its pool may wait for good after that, which is why ours are lanes")
    async with client_of(family, url, retry=ONCE) as client:

        async def give_up(after: float) -> None:
            with anyio.move_on_after(after):
                await client.get_balance()

        for turn in range(12):
            async with anyio.create_task_group() as tasks:
                for index in range(20):
                    tasks.start_soon(give_up, index / 5_000 if turn % 2 else 10)
                if not turn % 2:
                    await anyio.sleep(0.002)
                    tasks.cancel_scope.cancel()
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(client.get_balance)


# What never left.


def consent() -> Consent:
    from datetime import datetime

    return Consent(NUMBER, "BIREYSEL", "MESAJ", "ONAY", "HS_WEB", datetime.now(TURKISH_TIME))  # type: ignore[arg-type]  # plain words are taken


async def assert_never_left(client: AsyncClient, reason: str) -> None:
    """Also for what is sent but once: a plain error, and no doubt."""
    with pytest.raises(TransportError, match=reason) as caught:
        await client.send_sms(TEXT, NUMBER)
    assert type(caught.value) is TransportError
    with pytest.raises(TransportError, match=reason) as caught:
        await client.register_consents("696422", [consent()])
    assert type(caught.value) is TransportError
    shown = everything_of(caught.value)
    assert NUMBER not in shown
    assert caught.value.__cause__ is caught.value.__context__ is None


async def test_nobody_listens(family: str) -> None:
    """A connection that is refused."""
    async with client_of(family, "http://127.0.0.1:9/v1", retry=ONCE) as client:
        # httpx-aiohttp calls it a time limit that was exceeded.
        await assert_never_left(client, r"(cannot connect|no connection).* \(127\.0\.0\.1:9\)")


async def test_an_unknown_certificate(family: str) -> None:
    """TLS that is not agreed."""
    with https_server() as (url, _):
        async with client_of(family, url, retry=ONCE) as client:
            await assert_never_left(client, r"cannot connect: .*CERTIFICATE_VERIFY_FAILED|no connection")


async def test_no_connection_becomes_free(family: str, sandbox: Sandbox, url: str) -> None:
    """The only one is taken."""
    sandbox.fail("get-balance", "stall")
    timeout = httpx.Timeout(PATIENCE, pool=0.5, connect=0.5)
    async with client_of(family, url, connections=1, retry=ONCE, timeout=timeout) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get_balance)
            await until(lambda: sandbox.requests)
            await assert_never_left(client, "no connection|exchange failed")
            tasks.cancel_scope.cancel()
    assert {operation for operation, _ in sandbox.requests} == {"get-balance"}


async def test_a_lost_answer_is_no_failure_to_connect(family: str, sandbox: Sandbox, url: str) -> None:
    """What is sent but once is not sent again: it may have been taken."""
    sandbox.fail("consent/create", "drop-answer")
    async with client_of(family, url) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.register_consents("696422", [consent()])
    assert [operation for operation, _ in sandbox.requests] == ["consent/create"]


class Bridge(httpx.AsyncBaseTransport):
    """Hands requests on, and calls an answer that is lost a failure to connect, as bridges to other libraries do."""

    def __init__(self, name: str) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._name = name

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._inner.handle_async_request(request)
        except httpx.TransportError:
            raise getattr(httpx, self._name)("lost") from None

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.mark.parametrize("name", ["ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"])
async def test_the_name_of_an_error_proves_nothing(
    name: str, sandbox: Sandbox, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bridge says that it did not connect; the order is not struck out, and not sent again eleven minutes later."""
    sandbox.fail("send-sms", "drop-answer", times=2)

    async def run() -> int:
        async with httpx.AsyncClient(transport=Bridge(name)) as own:
            client = AsyncClient(
                "demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, rate=None, http_client=own,
                retry=Retry(attempts=2, wait_initial=0),
            )  # fmt: skip
            result = await client.send_bulk(TEXT, [NUMBER], journal=tmp_path / "kampanya")
        return result.accepted

    await run()
    sandbox.advance(minutes=11)
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + 11 * 60)
    assert await run() == 1
    assert sandbox.deliveries == {NUMBER: 1}


class Stubborn(httpx.AsyncBaseTransport):
    """Tries again by itself, as transports for repetitions do; the second time nobody listens."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._inner.handle_async_request(request)
        except httpx.TransportError:
            request.url = request.url.copy_with(port=9)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_failure_to_connect_after_a_lost_answer_proves_nothing(sandbox: Sandbox, url: str) -> None:
    """The transport sent it once, whatever became of its second attempt."""
    sandbox.fail("send-sms", "drop-answer")
    async with httpx.AsyncClient(transport=Stubborn()) as own:
        client = AsyncClient(
            "demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, rate=None, http_client=own, retry=ONCE
        )
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, NUMBER)
    assert sandbox.deliveries == {NUMBER: 1}


async def test_a_middleware_that_tries_again_proves_nothing(anyio_backend: str, sandbox: Sandbox, url: str) -> None:
    """The same with a session of aiohttp."""
    if anyio_backend == "trio" or not hasattr(aiohttp, "ClientHandlerType"):
        pytest.skip("middlewares are aiohttp's, from 3.12 on")

    async def stubborn(request: aiohttp.ClientRequest, handler: object) -> aiohttp.ClientResponse:
        try:
            return await handler(request)  # type: ignore[no-any-return, operator]  # aiohttp's ClientHandlerType
        except aiohttp.ClientError:
            async with aiohttp.ClientSession() as other:
                return await other.get("http://127.0.0.1:9")

    sandbox.fail("send-sms", "drop-answer")
    async with aiohttp.ClientSession(middlewares=[stubborn]) as own:
        client = AsyncClient(
            "demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, rate=None, http_client=own, retry=ONCE
        )
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, NUMBER)
    assert sandbox.deliveries == {NUMBER: 1}


async def test_what_httpcore_says_is_a_proof() -> None:
    """Its own error as the cause, as httpx puts it there; the same without it is a lost answer."""
    with pytest.raises(TransportError) as caught:
        await Canned(never_left(), retry=ONCE).client.send_sms(TEXT, NUMBER)
    assert type(caught.value) is TransportError
    for cause in (None, httpcore.ReadError("lost"), ConnectionError("lost")):
        error = httpx.ConnectError("lost")
        error.__cause__ = cause
        with pytest.raises(OutcomeUnknownError):
            await Canned(error, retry=ONCE).client.send_sms(TEXT, NUMBER)


# Clients that raise on statuses.

RAISING = ["httpx", "httpx2", "aiohttp", "httpx-aiohttp"]
#: The statuses that repeat codes of the service, with the class of each.
REPEATED = {
    400: ApiError, 401: AuthenticationError, 402: InsufficientBalanceError, 403: ConsentError, 404: ApiError,
    422: ApiError, 429: UnavailableError, 450: SenderError, 451: DuplicateOrderError, 452: RecipientError,
    453: TextTooLongError, 454: EmptyTextError, 457: ScheduleError, 459: SenderError, 460: SenderError,
    466: RecipientError, 468: ConsentError, 469: ConsentError, 470: ConsentError,
}  # fmt: skip


def raising_client(family: str, *, reads: bool = False) -> object:
    """A caller's own HTTP client that raises whenever a status is none of success; it may read the body before."""

    async def look(response: httpx.Response) -> None:
        if reads:
            await response.aread()
        response.raise_for_status()

    async def raise_for_status(request: aiohttp.ClientRequest, handler: object) -> aiohttp.ClientResponse:
        response = await handler(request)  # type: ignore[operator]  # aiohttp's ClientHandlerType
        response.raise_for_status()
        return response  # type: ignore[no-any-return]

    if family == "aiohttp":
        return aiohttp.ClientSession(middlewares=[raise_for_status], raise_for_status=True)
    own = some_client(family)
    own.event_hooks = {"response": [look]}  # type: ignore[attr-defined]  # of both libraries
    return own


@pytest.fixture(params=RAISING)
def raising(request: pytest.FixtureRequest, anyio_backend: str) -> str:
    name = str(request.param)
    if anyio_backend == "trio" and name in OVER_AIOHTTP:
        pytest.skip("aiohttp runs on asyncio alone")
    if name == "aiohttp" and not hasattr(aiohttp, "ClientHandlerType"):
        pytest.skip("middlewares are aiohttp's, from 3.12 on")
    if name == "httpx2":
        pytest.importorskip("httpx2", reason="httpx2 is for Python 3.11 and later")
    return name


@asynccontextmanager
async def client_that_raises(
    family: str, url: str, *, reads: bool = False, **options: object
) -> AsyncIterator[AsyncClient]:
    settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "base_url": url, "retry": QUICK, "rate": None}
    own = raising_client(family, reads=reads)
    try:
        async with AsyncClient("demo", "demo", http_client=own, **(settings | options)) as client:  # type: ignore[arg-type]  # settings of any type
            yield client
    finally:
        await close(own)


@pytest.mark.parametrize("code", REPEATED)
async def test_a_status_that_is_raised_is_the_code_that_it_repeats(
    raising: str, code: int, sandbox: Sandbox, url: str
) -> None:
    """A refusal, of its class, after one attempt: its text is lost, and nothing else."""
    sandbox.fail("send-sms", str(code))
    retry = Retry(attempts=1) if code == 429 else QUICK
    async with client_that_raises(raising, url, retry=retry) as client:
        with pytest.raises(ApiError) as caught:
            await client.send_sms(TEXT, NUMBER)
    assert type(caught.value) is REPEATED[code]
    assert (caught.value.code, caught.value.http_status) == (code, code)
    assert len(sandbox.requests) == 1
    shown = everything_of(caught.value)
    assert NUMBER not in shown
    assert "987654" not in shown
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("fault", ["html-502", "html-502-before", "empty-504", "drop-answer", "half-answer"])
async def test_a_failure_that_is_raised_is_a_lost_answer(raising: str, fault: str, sandbox: Sandbox, url: str) -> None:
    """A gateway's 5xx: the order is sent again, and where it was taken the 451 leaves it to the reports."""
    sandbox.fail("send-sms", fault)
    async with client_that_raises(raising, url) as client:
        order = await client.send_sms(TEXT, NUMBER)
        assert await client.get_balance()
    assert [order.id] == [each.id for each in sandbox.orders]
    assert sandbox.deliveries == {NUMBER: 1}


async def test_a_451_that_is_raised_after_a_lost_answer_leaves_it_to_the_reports(
    raising: str, sandbox: Sandbox, url: str
) -> None:
    """A gateway may mean the law by it: without its order in the reports it is unknown, and not called taken."""
    sandbox.fail("send-sms", "drop-request")
    sandbox.fail("send-sms", "451")
    async with client_that_raises(raising, url) as client:
        with pytest.raises(OutcomeUnknownError, match="451"):
            await client.send_sms(TEXT, NUMBER)
    assert sandbox.deliveries == {}


@pytest.mark.parametrize("code", [400, 401, 404, 422])
async def test_a_status_that_a_gateway_may_raise_proves_nothing_after_a_lost_answer(
    raising: str, code: int, sandbox: Sandbox, url: str
) -> None:
    """The first attempt may have been done."""
    sandbox.fail("delete-blacklist", "drop-answer")
    sandbox.fail("delete-blacklist", str(code))
    async with client_that_raises(raising, url) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.delete_blacklist(NUMBER)


async def test_a_keyed_send_that_a_451_refuses_again(raising: str, sandbox: Sandbox, url: str, tmp_path: Path) -> None:
    """Without its body, and the order not in the reports: unknown, and not struck out, as it may have been taken."""
    async with SqliteStore(tmp_path / "store") as store, client_that_raises(raising, url, store=store) as client:
        sandbox.fail("send-sms", "drop-request", times=5)
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, NUMBER, key="k")
        sandbox.fail("send-sms", "451")
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, NUMBER, key="k")
        known = await client.find_send("k")
    assert known is not None
    assert known.state is SendState.UNKNOWN


@pytest.mark.parametrize("family", ["httpx", "httpx2"])
async def test_a_body_that_the_hook_has_read_is_read(family: str, sandbox: Sandbox, url: str) -> None:
    """The service's own words are there then, and its 451 says that the order was taken."""
    if family == "httpx2":
        pytest.importorskip("httpx2", reason="httpx2 is for Python 3.11 and later")
    sandbox.fail("send-sms", "402")
    async with client_that_raises(family, url, reads=True) as client:
        with pytest.raises(InsufficientBalanceError) as caught:
            await client.send_sms(TEXT, NUMBER)
        assert caught.value.message
        sandbox.fail("send-sms", "drop-request")
        sandbox.fail("send-sms", "451")
        with pytest.raises(OrderAcceptedError):
            await client.send_sms(TEXT, NUMBER)


async def test_a_status_of_another_request_is_no_answer(sandbox: Sandbox, url: str) -> None:
    """What fetches a token for each request is refused one: of the order that says nothing."""

    async def fetch_token(response: httpx.Response) -> None:
        elsewhere = httpx.Request("GET", "https://tokens.example/")
        httpx.Response(403, request=elsewhere).raise_for_status()

    async with httpx.AsyncClient(event_hooks={"response": [fetch_token]}) as own:
        client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, http_client=own, retry=ONCE)
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, NUMBER)
    assert sandbox.deliveries == {NUMBER: 1}


async def test_an_error_that_was_made_by_hand(sandbox: Sandbox) -> None:
    """With neither its request nor a body: it stands for its status all the same."""
    error = httpx.HTTPStatusError("refused", request=None, response=httpx.Response(402))  # type: ignore[arg-type]  # as a stub does
    with pytest.raises(InsufficientBalanceError):
        await Canned(error).client.send_sms(TEXT, NUMBER)


class LikeHttpx:
    """A client of nobody's library, with httpx's methods."""

    def __init__(self, *answers: object) -> None:
        self._canned = Canned(*answers)

    def build_request(self, *args: object, **kwargs: object) -> httpx.Request:
        return self._canned.http.build_request(*args, **kwargs)  # type: ignore[arg-type]  # handed through

    async def send(self, request: httpx.Request, **options: object) -> httpx.Response:
        return await self._canned.http.send(request, **options)  # type: ignore[arg-type]  # handed through


async def test_what_is_like_httpx_is_used() -> None:
    """Its answers are answers; its failures are lost ones."""
    own = LikeHttpx(ok(order={"id": 7}), httpx.ConnectError("lost"))
    client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, rate=None, http_client=own, retry=ONCE)
    assert (await client.send_sms(TEXT, NUMBER)).id == 7
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, NUMBER)


# Held back at the last moment.


async def test_a_request_can_be_held_back_at_the_last_moment(family: str, sandbox: Sandbox, url: str) -> None:
    """A request is stopped when its body is to be written, so that the service never gets a whole request."""
    asked = 0

    def may_go() -> bool:
        nonlocal asked
        asked += 1
        return False

    async with client_of(family, url) as client:
        content = Content(Body(b"{}"), httpx.Timeout(5), may_go)
        answer = await client._session.transport._pool.exchange("get-balance", content, anew=False)
        assert isinstance(answer, NotSent)
        assert answer.error.reason.startswith("get-balance: it was not sent, as the time for it had passed")
        assert sandbox.requests == ()
        assert asked == 1
        await client.get_balance()


# As it is.


async def test_it_is_used_as_it_is_and_left_open(family: str, anyio_backend: str) -> None:
    """With what the caller has set for all its requests; closing ours leaves it alone."""

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await stream.send(http(BALANCE))

    own = some_client(family)
    if own is None:
        pytest.skip("lanes are ours")
    async with raw_server(answer) as (url, requests):
        async with AsyncClient("demo", "demo", base_url=url, http_client=own) as client:  # type: ignore[arg-type]  # of any family
            assert (await client.get_balance()).sms == 1
        assert not getattr(own, "closed", None)
        assert not getattr(own, "is_closed", None)
        await close(own)
    head = requests[0].split(b"\r\n\r\n")[0].lower()
    for line in (b"x-gateway: ic", b"content-type: application/json", b"accept-encoding: identity", b"host: 127.0.0.1"):
        assert head.count(b"\r\n" + line) == 1
    assert head.startswith(b"post /v1/get-balance/json http/1.1\r\n")
    assert b"user-agent: iletimerkezi_async/" in head


async def test_a_closed_one_sends_nothing(family: str, sandbox: Sandbox, url: str) -> None:
    """And says so."""
    own = some_client(family)
    if own is None:
        pytest.skip("lanes are ours")
    await close(own)
    client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, http_client=own, retry=QUICK)  # type: ignore[arg-type]  # of any family
    with pytest.raises(TransportError, match="http_client has been closed") as caught:
        await client.send_sms(TEXT, NUMBER)
    assert type(caught.value) is TransportError
    assert sandbox.requests == ()


@pytest.mark.parametrize("kind", ["redirect", "error", "packed", "endless", "large"])
async def test_answers_that_are_none(family: str, kind: str) -> None:
    """No redirection is followed, nothing is unpacked, and nothing without end is read into memory."""
    chunk = b"19000\r\n" + b" " * 0x19000 + b"\r\n"
    answers = {
        "redirect": http(b"", "302 Found", ["Location: http://127.0.0.1:9/steal"]),
        "error": http(b"<html>", "502 Bad Gateway"),
        "packed": http(gzip.compress(b" " * 20_000_000, 1), headers=["Content-Encoding: gzip"]),
        "endless": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + 100 * chunk,
        "large": http(b" " * 9_000_000),
    }

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> str:
        await stream.send(answers[kind])
        return "close"

    async with raw_server(answer) as (url, requests), client_of(family, url, retry=ONCE) as client:
        with pytest.raises(TransportError) as caught:
            await client.get_balance()
    assert len(requests) == 1
    expected = {"endless": "larger than 8 MiB", "large": "larger than 8 MiB", "redirect": "never followed"}
    assert expected.get(kind, "not the service's JSON") in str(caught.value)


async def test_the_largest_order_and_a_session_that_raises(family: str, sandbox: Sandbox, url: str) -> None:
    """More than a megabyte goes out without a warning; that a session raises for a status is none of ours."""
    own = some_client(family)
    if isinstance(own, aiohttp.ClientSession):
        own._raise_for_status = True
    client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, http_client=own, retry=QUICK)  # type: ignore[arg-type]  # of any family
    numbers = [5300000000 + index for index in range(50_000)]
    sandbox.fail("send-sms", "451")
    with pytest.raises(DuplicateOrderError):
        await client.send_sms(TEXT, NUMBER)
    await client.send_sms(TEXT, numbers)
    await client.aclose()
    await close(own)
    assert len(sandbox.deliveries) == 50_000


async def test_no_secret_is_shown(family: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by an error, nor by what a caller who gives up gets, nor by the library's own log."""
    caplog.set_level("DEBUG")

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> str:
        await stream.send(request)
        return "close"

    shown = ""
    async with raw_server(answer) as (url, _), client_of(family, url, retry=ONCE) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.send_sms(TEXT, NUMBER)
        shown += everything_of(caught.value)
    assert "987654" not in shown + caplog.text
    assert NUMBER not in shown + caplog.text
    assert caught.value.__cause__ is caught.value.__context__ is None


# Where it cannot be used.


async def test_a_session_of_aiohttp_needs_asyncio(anyio_backend: str, sandbox: Sandbox, url: str) -> None:
    """On trio, the error says what to give instead of a session of aiohttp."""
    if anyio_backend == "asyncio":
        pytest.skip("this is about trio")
    own = await anyio.to_thread.run_sync(lambda: asyncio.run(session_in_asyncio()))
    client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, http_client=own)
    with anyio.fail_after(PATIENCE), pytest.raises(ConfigurationError, match="asyncio only"):
        await client.send_sms(TEXT, NUMBER)
    await anyio.to_thread.run_sync(lambda: asyncio.run(own.close()))
    assert sandbox.requests == ()


async def session_in_asyncio() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def test_one_that_belongs_to_another_loop_says_so(family: str, sandbox: Sandbox, url: str) -> None:
    """A client with connections of another event loop raises an error, and nothing is sent."""
    if family in {"lanes", "httpx-aiohttp"}:
        pytest.skip("lanes go with the loop; a bridge's failures are lost answers")
    clients: list[AsyncClient] = []
    ready, done = threading.Event(), threading.Event()

    async def elsewhere() -> None:
        own = some_client(family)
        clients.append(AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, http_client=own))  # type: ignore[arg-type]  # of any family
        await clients[0].get_balance()
        ready.set()
        await anyio.to_thread.run_sync(done.wait, PATIENCE)
        await clients[0].get_balance()
        await close(own)

    thread = threading.Thread(target=anyio.run, args=(elsewhere,))
    thread.start()
    try:
        await anyio.to_thread.run_sync(ready.wait, PATIENCE)
        with anyio.fail_after(PATIENCE), pytest.raises(ConfigurationError, match=r"another event loop|asyncio only"):
            await clients[0].send_sms(TEXT, NUMBER)
        assert {operation for operation, _ in sandbox.requests} == {"get-balance"}
    finally:
        done.set()
        thread.join(PATIENCE)
    assert len(sandbox.requests) == 2


class Sync:
    """Without the methods."""

    def post(self) -> None: ...


@pytest.mark.parametrize(
    "http_client",
    [
        5,
        "httpx",
        object(),
        Sync(),
        httpx.AsyncClient,
        httpx.Client(),
        aiohttp.ClientSession,
        httpx.AsyncHTTPTransport(),
    ],
)
async def test_what_is_no_http_client_is_refused(http_client: object) -> None:
    """When the client is made."""
    with pytest.raises(ConfigurationError, match="http_client"):
        AsyncClient("demo", "demo", http_client=http_client)  # type: ignore[arg-type]  # the point of the test


def test_a_timeout_of_httpx2_is_one_too() -> None:
    """With all its parts."""
    httpx2 = pytest.importorskip("httpx2", reason="httpx2 is for Python 3.11 and later")
    client = AsyncClient("demo", "demo", timeout=httpx2.Timeout(3, connect=1))
    assert client._session.transport._timeout == httpx.Timeout(3, connect=1)


def test_a_connection_is_known_from_its_second_answer_on() -> None:
    """One that a library does not show, or not as an object that can be remembered, never is."""
    pool = LanePool(1, httpx.URL("https://api.example/v1"))
    connection = lambda: None  # noqa: E731 - an object that can be weakly referenced
    assert [pool.note_answer(connection) for _ in range(3)] == [False, True, True]
    assert [pool.note_answer(each) for each in (None, None, 5, 5)] == [False] * 4
