"""A caller's client that sends a body twice, and connections that are out of step: whose answer is it?"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import aiohttp
import anyio.abc
import httpx
import pytest
from canned import NO_TLS, QUICK, http, ok, raw_server, refusal

from iletimerkezi_async import (
    AsyncClient,
    DuplicateOrderError,
    InsufficientBalanceError,
    Iys,
    OrderNotFoundError,
    OutcomeUnknownError,
    Retry,
    SendState,
)
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import SqliteStore

pytestmark = pytest.mark.anyio

NUMBER, OTHER = "+905301234567", "+905301234568"


def repeating_transport(library: ModuleType) -> object:
    """Sends a request again where its answer was lost, as transports for repetitions and for a second host do."""

    class Repeating(library.AsyncBaseTransport):  # type: ignore[misc, name-defined]  # httpx's or httpx2's
        def __init__(self) -> None:
            self._inner = library.AsyncHTTPTransport(verify=NO_TLS)

        async def handle_async_request(self, request: Any) -> Any:
            try:
                return await self._inner.handle_async_request(request)
            except library.TransportError:
                return await self._inner.handle_async_request(request)

        async def aclose(self) -> None:
            await self._inner.aclose()

    return Repeating()


@asynccontextmanager
async def repeating_client(family: str) -> AsyncIterator[object]:
    if family == "aiohttp":

        async def repeat(request: aiohttp.ClientRequest, handler: object) -> aiohttp.ClientResponse:
            try:
                return await handler(request)  # type: ignore[no-any-return, operator]  # aiohttp's ClientHandlerType
            except aiohttp.ClientError:
                return await handler(request)  # type: ignore[no-any-return, operator]  # likewise

        async with aiohttp.ClientSession(middlewares=[repeat]) as session:
            yield session
        return
    library = httpx if family == "httpx" else sys.modules["httpx2"]
    async with library.AsyncClient(transport=repeating_transport(library)) as own:
        yield own


@pytest.fixture(params=["httpx", "httpx2", "aiohttp"])
def family(request: pytest.FixtureRequest, anyio_backend: str) -> str:
    name = str(request.param)
    if name == "aiohttp" and (anyio_backend == "trio" or not hasattr(aiohttp, "ClientHandlerType")):
        pytest.skip("aiohttp runs on asyncio alone, and has middlewares from 3.12 on")
    if name == "httpx2":
        pytest.importorskip("httpx2", reason="httpx2 is for Python 3.11 and later")
    return name


@asynccontextmanager
async def client_over(own: object, url: str, **options: object) -> AsyncIterator[AsyncClient]:
    settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "retry": QUICK, "rate": None}
    async with AsyncClient("demo", "demo", base_url=url, http_client=own, **(settings | options)) as client:  # type: ignore[arg-type]  # settings of any type
        yield client


async def test_a_body_that_was_sent_twice_was_taken_the_first_time(family: str, sandbox: Sandbox, url: str) -> None:
    """The 451 that comes back is about our own order, which the reports show."""
    sandbox.fail("send-sms", "drop-answer")
    async with repeating_client(family) as own, client_over(own, url) as client:
        order = await client.send_sms("Kodunuz 1234", NUMBER)
    assert [order.id] == [each.id for each in sandbox.orders]
    assert sandbox.deliveries == {NUMBER: 1}


@pytest.mark.parametrize("first", ["drop-answer", "drop-request"])
async def test_a_refusal_of_the_second_body_says_nothing_of_the_first(
    family: str, first: str, sandbox: Sandbox, url: str
) -> None:
    """Whether it was taken or not: it is not told as "surely not sent"."""
    sandbox.fail("send-sms", first)
    sandbox.fail("send-sms", "402")
    async with repeating_client(family) as own, client_over(own, url) as client:
        with pytest.raises(OutcomeUnknownError, match="402"):
            await client.send_sms("Kodunuz 1234", NUMBER)


async def test_a_key_is_not_struck_out_by_it(family: str, sandbox: Sandbox, url: str, tmp_path: object) -> None:
    """The same call later settles it."""
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", "402")
    async with (
        SqliteStore(f"{tmp_path}/store") as store,
        repeating_client(family) as own,
        client_over(own, url, store=store) as client,
    ):
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Kodunuz 1234", NUMBER, key="k")
        send = await client.find_send("k")
        assert send is not None
        assert send.state is SendState.UNKNOWN
        order = await client.send_sms("Kodunuz 1234", NUMBER, key="k")
    assert [order.id] == [each.id for each in sandbox.orders]


async def test_what_is_not_guarded_by_reports_is_in_doubt_as_well(family: str, sandbox: Sandbox, url: str) -> None:
    """A cancellation that was sent twice: what is not there any more was cancelled by the first."""
    async with repeating_client(family) as own, client_over(own, url) as client:
        order = await client.send_sms("Yarin", NUMBER, send_at=datetime.now(timezone.utc) + timedelta(days=1))
        sandbox.fail("cancel-order", "drop-answer")
        await client.cancel_order(order)
        with pytest.raises(OrderNotFoundError):
            await client.cancel_order(order)


async def test_a_first_451_is_still_somebody_else_s(family: str, sandbox: Sandbox, url: str) -> None:
    """Where the client sent it once."""
    async with repeating_client(family) as own, client_over(own, url) as client:
        await client.send_sms("Kodunuz 1234", NUMBER)
        with pytest.raises(DuplicateOrderError):
            await client.send_sms("Kodunuz 1234", NUMBER)


# Connections that are out of step.


class OutOfStep:
    """Answers the first order twice, and refuses all others."""

    def __init__(self, code: int = 402) -> None:
        self.code = code
        self.streams: list[object] = []

    async def answer(self, stream: anyio.abc.ByteStream, request: bytes) -> None:
        self.streams.append(stream)
        taken = http(json.dumps(ok(order={"id": 5})).encode())
        if len(self.streams) == 1:
            await stream.send(taken + taken)
            return
        await stream.send(http(json.dumps(refusal(self.code)).encode()))


@pytest.mark.parametrize("own", [False, True], ids=["lanes", "httpx"])
async def test_an_answer_too_many_is_not_the_next_order_s(own: bool) -> None:
    """A refused order does not get the id of the one before it."""
    server = OutOfStep()
    async with raw_server(server.answer) as (url, _), httpx.AsyncClient(verify=NO_TLS) as http_client:
        async with client_over(http_client if own else None, url) as client:
            assert (await client.send_sms("Bir", NUMBER)).id == 5
            with pytest.raises(OutcomeUnknownError):
                await client.send_sms("Iki", OTHER)


@pytest.mark.parametrize("own", [False, True], ids=["lanes", "httpx"])
async def test_an_answer_too_many_is_not_the_next_order_s_report(own: bool) -> None:
    """Whose rows would be told for those of another order, and whose state for that of a cancelled one."""
    asked: list[int] = []

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
        order_id = json.loads(request.partition(b"\r\n\r\n")[2])["request"]["order"]["id"]
        rows = [{"number": NUMBER if order_id == 1 else OTHER, "status": 111}]
        report = ok(order={"id": str(order_id), "status": 114, "total": 1, "message": rows})
        asked.append(order_id)
        await stream.send(http(json.dumps(report).encode()) * (2 if len(asked) == 1 else 1))

    async with raw_server(answer) as (url, _), httpx.AsyncClient(verify=NO_TLS) as http_client:
        async with client_over(http_client if own else None, url) as client:
            assert [row.number for row in await client.get_report(1).collect()] == [NUMBER]
            assert [row.number for row in await client.get_report(2).collect()] == [OTHER]
            assert (await client.get_order(2)).id == 2


async def test_a_service_that_writes_one_id_into_all_reports_is_believed() -> None:
    """As servers do that are there for tests."""

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await stream.send(http(json.dumps(ok(order={"id": 5, "status": 114})).encode()))

    async with raw_server(answer) as (url, _), client_over(None, url) as client:
        for index in range(1, 4):
            assert (await client.get_order(index)).id == 5


async def test_such_a_service_is_asked_once_for_each_page_and_each_look() -> None:
    """Where an answer is not doubted because the one before it had the same id."""
    looks: list[int] = []

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
        page = json.loads(request.partition(b"\r\n\r\n")[2])["request"]["order"]["page"]
        looks.append(page)
        rows = [{"number": f"+90530123456{row}", "status": 111} for row in range(2)] if page < 3 else []
        state = 114 if len(looks) > 5 else 113
        await stream.send(http(json.dumps(ok(order={"id": 5, "status": state, "message": rows})).encode()))

    async with raw_server(answer) as (url, _):
        async with client_over(None, url) as client:
            assert len(await client.get_report(1, page_size=2).collect()) == 4
        assert looks == [1, 2, 3]
        async with client_over(None, url) as client:
            assert (await client.wait_for_order(1, timeout=60)).id == 5
        assert looks == [1, 2, 3, 1, 1, 1]


async def test_a_connection_out_of_step_is_closed() -> None:
    """The order goes out again over another one, whose answer is its own."""
    server = OutOfStep()
    async with raw_server(server.answer) as (url, _), client_over(None, url) as client:
        await client.send_sms("Bir", NUMBER)
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Iki", OTHER)
        with pytest.raises(InsufficientBalanceError):
            await client.send_sms("Uc", OTHER)
    first, second, third = server.streams[:3]
    assert first is second
    assert third is not first
    assert first not in server.streams[2:]


async def test_where_one_connection_is_out_of_step_no_idle_one_is_used_again() -> None:
    """It may be, too."""
    streams: list[object] = []
    both = anyio.Event()

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
        streams.append(stream)
        number = len(streams)
        if number == 2:
            both.set()
        await both.wait()
        # A new connection each, on which an answer too many is left.
        await stream.send(http(json.dumps(ok(order={"id": number})).encode()) * (2 if number <= 2 else 1))

    async with raw_server(answer) as (url, _), client_over(None, url, retry=Retry(attempts=1)) as client:

        async def send_two(*texts: str) -> None:
            async with anyio.create_task_group() as tasks:
                for text in texts:
                    tasks.start_soon(client.send_sms, text, NUMBER)

        await send_two("Bir", "Iki")
        with pytest.raises(OutcomeUnknownError, match="out of step"):
            await client.send_sms("Uc", NUMBER)
        await send_two("Dort", "Bes")
    assert streams[2] in streams[:2]
    assert not set(map(id, streams[:2])) & set(map(id, streams[3:]))


@pytest.mark.parametrize("own", [False, True], ids=["lanes", "httpx"])
@pytest.mark.parametrize("contents", ["equal", "different"])
async def test_a_service_that_gives_one_id_to_all_is_believed(contents: str, own: bool) -> None:
    """As servers do that are there for tests; also if the caller's own client keeps to its one connection."""

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await stream.send(http(json.dumps(ok(order={"id": 5})).encode()))

    async with (
        raw_server(answer) as (url, requests),
        httpx.AsyncClient(verify=NO_TLS) as http_client,
        client_over(http_client if own else None, url) as client,
    ):
        for index in range(5):
            text = "Kodunuz" if contents == "equal" else f"Kodunuz {index}"
            assert (await client.send_sms(text, NUMBER)).id == 5
    assert len(requests) == (5 if contents == "equal" else 6)


async def test_without_a_repetition_it_is_unknown() -> None:
    """One attempt, and its answer is not its own."""
    server = OutOfStep()
    async with raw_server(server.answer) as (url, _), client_over(None, url, retry=Retry(attempts=1)) as client:
        await client.send_sms("Bir", NUMBER)
        with pytest.raises(OutcomeUnknownError, match="out of step"):
            await client.send_sms("Iki", OTHER)
