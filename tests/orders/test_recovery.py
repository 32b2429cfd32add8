"""The promise for a single order: nobody is texted twice, and nobody is lost without being told."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import anyio
import anyio.abc
import httpx
import pytest
from canned import QUICK, Canned, http, never_left, ok, raw_server, refusal
from faults import FAULTS
from waiting import OFTEN, READS_SOON, give_up_once, until

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    DuplicateOrderError,
    InsufficientBalanceError,
    Iys,
    Message,
    OrderAcceptedError,
    OutcomeUnknownError,
    Retry,
    TransportError,
    UnavailableError,
)
from iletimerkezi_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

NUMBER = "+905301234567"
MakeClient = Callable[..., AsyncClient]


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_of_any_kind_costs_nothing(sandbox: Sandbox, client: AsyncClient, fault: str) -> None:
    """The order is sent once, and its right id comes back."""
    sandbox.fail("send-sms", fault)
    order = await client.send_sms("Kodunuz 1234", NUMBER)
    assert sandbox.deliveries == {NUMBER: 1}
    assert [taken.id for taken in sandbox.orders] == [order.id]
    assert order.recipients == 1


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_next_call_after_a_fault_works(sandbox: Sandbox, client: AsyncClient, fault: str) -> None:
    """On a connection that broke, or that the server closed while it was idle."""
    sandbox.fail("get-balance", fault)
    await client.get_balance()
    await client.get_balance()
    order = await client.send_sms("Kodunuz 1234", NUMBER)
    assert [taken.id for taken in sandbox.orders] == [order.id]


async def test_a_read_timeout_after_the_order_was_taken(sandbox: Sandbox, make_client: MakeClient) -> None:
    """The service takes the order and then says nothing more."""
    sandbox.fail("send-sms", "stall")
    async with make_client(timeout=READS_SOON, retry=OFTEN) as client:
        order = await client.send_sms("Kodunuz 1234", NUMBER)
    assert [taken.id for taken in sandbox.orders] == [order.id]
    assert sandbox.deliveries == {NUMBER: 1}


@pytest.mark.parametrize("retry_after", [None, 0.0, 1.0])
@pytest.mark.parametrize("fault", ["503", "429", "empty-503", "empty-429"])
async def test_the_service_says_later(
    sandbox: Sandbox, make_client: MakeClient, fault: str, retry_after: float | None
) -> None:
    """With and without Retry-After, which is waited for."""
    sandbox.fail("send-sms", fault, retry_after=retry_after)
    async with make_client(retry=Retry(wait_initial=0.001, wait_max=2)) as client:
        began = anyio.current_time()
        await client.send_sms("Kodunuz 1234", NUMBER)
    assert anyio.current_time() - began >= (retry_after or 0)
    assert sandbox.deliveries == {NUMBER: 1}


async def test_a_pause_longer_than_allowed_is_the_caller_s_to_wait(sandbox: Sandbox, client: AsyncClient) -> None:
    """A service that asks for an hour does not keep the caller waiting for it."""
    sandbox.fail("send-sms", "429", retry_after=3600)
    with pytest.raises(UnavailableError) as caught:
        await client.send_sms("Kodunuz 1234", NUMBER)
    assert caught.value.retry_after == 3600
    assert len(sandbox.requests) == 1


async def test_a_refused_connection_never_left() -> None:
    """Nobody listens: surely not sent, so the error is not one of doubt."""
    retry = Retry(attempts=3, wait_initial=0.001)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        async with AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, retry=retry) as client:
            with pytest.raises(TransportError, match="cannot connect") as caught:
                await client.send_sms("Kodunuz 1234", NUMBER)
    assert not isinstance(caught.value, OutcomeUnknownError)


@pytest.mark.parametrize("fault", ["drop-answer", "half-answer", "garbage", "html-502", "empty-504", "html-502-before"])
async def test_when_all_answers_are_lost_the_outcome_is_unknown(
    sandbox: Sandbox, make_client: MakeClient, fault: str
) -> None:
    """The error says so, and the same call again tells that the order was taken."""
    sandbox.fail("send-sms", fault, times=3)
    async with make_client(retry=Retry(attempts=3, wait_initial=0.001)) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Kodunuz 1234", NUMBER)
        if fault != "html-502-before":
            with pytest.raises(DuplicateOrderError):
                await client.send_sms("Kodunuz 1234", NUMBER)
    assert sandbox.deliveries.get(NUMBER, 0) == (fault != "html-502-before")


async def test_a_duplicate_of_the_caller_s_own_is_told_as_such(sandbox: Sandbox, client: AsyncClient) -> None:
    """451 on the first attempt is not ours."""
    await client.send_sms("Kodunuz 1234", NUMBER)
    with pytest.raises(DuplicateOrderError):
        await client.send_sms("Kodunuz 1234", NUMBER)
    sandbox.advance(minutes=11)
    await client.send_sms("Kodunuz 1234", NUMBER)
    assert sandbox.deliveries == {NUMBER: 2}


async def test_a_451_after_an_attempt_that_never_left_is_the_caller_s_duplicate() -> None:
    """A failure to connect lost no answer."""
    canned = Canned(never_left(), refusal(451))
    with pytest.raises(DuplicateOrderError):
        await canned.client.send_sms("Kodunuz 1234", NUMBER)


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 0100 00:00:00 GMT",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
    ],
)
async def test_a_clock_that_nobody_has_tells_nothing(date: str) -> None:
    """A `Date` that no time can be reckoned with is none; the order that was lost is looked for all the same."""
    canned = Canned(
        httpx.ReadError("lost"),
        httpx.Response(451, json=refusal(451), headers={"Date": date, "Retry-After": date}),
        ok(count=0, orders=[]),
    )
    with pytest.raises(OrderAcceptedError):
        await canned.client.send_sms("Kodunuz 1234", NUMBER)


@pytest.mark.parametrize("recipients", [1, 3])
async def test_twenty_like_orders_with_every_answer_lost(
    sandbox: Sandbox, client: AsyncClient, recipients: int
) -> None:
    """Same text, sender and size, all at once: twenty right ids, and nobody is texted twice."""
    sandbox.fail("send-sms", "drop-answer", times=20)
    found: dict[int, set[str]] = {}

    async def send(index: int) -> None:
        numbers = [f"+9053012{index:02}{each:03}" for each in range(recipients)]
        order = await client.send_sms("Ayni metin", numbers)
        found[order.id] = set(numbers)

    async with anyio.create_task_group() as tasks:
        for index in range(20):
            tasks.start_soon(send, index)
    assert found == {order.id: {number for _, number in order.messages} for order in sandbox.orders}
    assert len(found) == 20
    assert set(sandbox.deliveries.values()) == {1}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("before", [0, 100, 200])
async def test_orders_sent_at_once_tell_the_page_of_a_lost_one(sandbox: Sandbox, before: int) -> None:
    """It may be on any of seven pages; the answers before and after it tell which (trio shuffles them)."""
    if before:
        sandbox.fail("send-sms", "close-idle", times=before)
    sandbox.fail("send-sms", "drop-answer")
    ids: list[int] = []
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:

        async def send(to: str) -> None:
            ids.append((await client.send_sms("Ayni metin", to)).id)

        async with anyio.create_task_group() as tasks:
            for index in range(201):
                tasks.start_soon(send, f"+9053012{index:05}")
    assert sorted(ids) == [order.id for order in sandbox.orders]
    # The repetition, one page, and one report.
    assert len(sandbox.requests) - 201 <= 4


async def test_a_lost_order_among_hundreds_is_found(sandbox: Sandbox, client: AsyncClient) -> None:
    """The reports come in pages, and the search ends where the orders are older."""
    for index in range(100):
        await client.send_sms(f"Eski {index}", NUMBER)
    # More than a minute, as the end of the search is told to the minute.
    sandbox.advance(minutes=2)
    sandbox.fail("send-sms", "drop-answer")
    order = await client.send_sms("Yeni", NUMBER)
    assert order.id == sandbox.orders[-1].id
    # Two attempts, the first page, and the one report that may be it.
    assert len(sandbox.requests) == 100 + 4


async def test_a_lost_order_of_several_texts_is_found(sandbox: Sandbox, client: AsyncClient) -> None:
    """The report has a number once for each text."""
    sandbox.fail("send-sms", "drop-answer")
    messages = [Message("Bir", [NUMBER, "5301234568"]), Message("Iki", [NUMBER])]
    order = await client.send_messages(messages)
    assert (order.id, order.recipients) == (sandbox.orders[0].id, 3)


async def test_two_orders_that_cannot_be_told_apart(sandbox: Sandbox, client: AsyncClient) -> None:
    """Another program sent to the same numbers at the same moment: no guess, but the candidates."""
    (other,) = sandbox.add_orders(to=[NUMBER])
    sandbox.fail("send-sms", "drop-answer")
    with pytest.raises(OrderAcceptedError, match="do not send it again") as caught:
        await client.send_sms("Iki", NUMBER)
    assert set(caught.value.candidates) == {order.id for order in sandbox.orders}
    assert other in caught.value.candidates


async def test_two_texts_to_one_number_are_not_mixed_up(sandbox: Sandbox, client: AsyncClient) -> None:
    """The id of one came back by itself, and so it is not that of the other."""
    first = await client.send_sms("Bir", NUMBER)
    sandbox.fail("send-sms", "drop-answer")
    second = await client.send_sms("Iki", NUMBER)
    assert [first.id, second.id] == [order.id for order in sandbox.orders]
    assert sandbox.deliveries == {NUMBER: 2}


async def test_two_texts_to_one_number_at_once(sandbox: Sandbox, client: AsyncClient) -> None:
    """While one's answer is lost, that of the other comes: each has its own id."""
    found: dict[str, int] = {}

    async def send(text: str) -> None:
        found[text] = (await client.send_sms(text, NUMBER)).id

    sandbox.fail("send-sms", "drop-answer")
    async with anyio.create_task_group() as tasks:
        for text in ("Bir", "Iki", "Uc"):
            tasks.start_soon(send, text)
    assert found == {order.texts[0][0]: order.id for order in sandbox.orders}


async def test_an_id_that_the_reports_do_not_tell(sandbox: Sandbox, make_client: MakeClient) -> None:
    """The order was taken, and the caller is told not to send it again."""
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("get-reports", "401", times=10)
    async with make_client(retry=Retry(attempts=2, wait_initial=0.001)) as client:
        with pytest.raises(OrderAcceptedError, match="do not send it again") as caught:
            await client.send_sms("Kodunuz 1234", NUMBER)
    assert caught.value.candidates == ()


async def test_a_scheduled_order_has_no_report_to_be_checked_by(sandbox: Sandbox, client: AsyncClient) -> None:
    """Its report is not due: the candidate is named, and not passed off as the answer."""
    sandbox.fail("send-sms", "drop-answer")
    with pytest.raises(OrderAcceptedError) as caught:
        await client.send_sms("Yarin", NUMBER, send_at=datetime.now(timezone.utc) + timedelta(days=1))
    assert caught.value.candidates == (sandbox.orders[0].id,)


async def test_reports_that_lag_behind_are_asked_again() -> None:
    """The order is listed only at the second look."""
    listed = {"id": 7, "status": 113, "total": 1, "sender": "FIRMA", "submitAt": "2026-05-01 12:00:00"}
    date = {"Date": "Fri, 01 May 2026 09:00:01 GMT"}
    canned = Canned(
        httpx.ReadError("lost"),
        httpx.Response(451, json=refusal(451), headers=date),
        ok(count=0, orders=[]),
        ok(count=1, orders=[listed]),
        ok(order={"id": 7, "status": 113, "total": 1, "message": [{"number": 5301234567, "status": 110}]}),
    )
    order = await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert order.id == 7


@pytest.mark.parametrize(("other", "candidates"), [
    ({"sender": "BASKA"}, (7,)),
    ({"total": 2}, (7,)),
    ({"submitAt": "2026-05-01 11:50:00"}, (7,)),
    ({"submitAt": "2026-05-01 07:50:00"}, ()),
    ({}, (7,)),
])  # fmt: skip
async def test_what_the_list_alone_rules_out(other: dict[str, object], candidates: tuple[int, ...]) -> None:
    """A time hours off. Another sender, total or time does not: lists may show anything there, and clocks differ."""
    listed = {"id": 7, "status": 113, "total": 1, "sender": "FIRMA", "submitAt": "2026-05-01 12:00:01"} | other
    date = {"Date": "Fri, 01 May 2026 09:00:01 GMT"}
    lost = httpx.ReadError("lost")
    canned = Canned(lost, httpx.Response(451, json=refusal(451), headers=date), ok(count=1, orders=[listed]))
    with pytest.raises(OrderAcceptedError) as caught:
        await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert caught.value.candidates == candidates
    assert any("get-report/json" in str(request.url) for request in canned.requests) == bool(candidates)


@pytest.mark.parametrize(
    ("numbers", "candidates"),
    [([], (7,)), ([5301234568], ()), ([5301234567, 5301234567], (7,)), ([5301234567, 5301234568], ())],
)
async def test_other_numbers_are_another_order(numbers: list[int], candidates: tuple[int, ...]) -> None:
    """What the order's own report says must be the very same; what it does not say yet leaves it open."""
    listed = {"id": 7, "status": 113, "submitAt": "2026-05-01 12:00"}
    rows = [{"number": number, "status": 110} for number in numbers]
    date = {"Date": "Fri, 01 May 2026 09:00:59 GMT"}
    canned = Canned(
        httpx.ReadError("lost"),
        httpx.Response(451, json=refusal(451), headers=date),
        ok(count=1, orders=[listed]),
        ok(order={"id": 7, "status": 113, "message": rows}),
        ok(count=1, orders=[listed]),
        ok(order={"id": 7, "status": 113, "message": rows}),
        retry=Retry(attempts=2, wait_initial=0),
    )
    with pytest.raises(OrderAcceptedError) as caught:
        await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert caught.value.candidates == candidates


async def test_a_foreign_number_in_a_form_of_its_own_is_no_proof_of_another_order() -> None:
    """How reports bring numbers of other countries is not documented."""
    listed = {"id": 7, "status": 113, "total": 2, "sender": "FIRMA", "submitAt": "2026-05-01 12:00:01"}
    rows = [{"number": 5301234567, "status": 110}, {"number": "004915112345678", "status": 110}]
    canned = Canned(
        httpx.ReadError("lost"),
        httpx.Response(451, json=refusal(451), headers={"Date": "Fri, 01 May 2026 09:00:01 GMT"}),
        *[ok(count=1, orders=[listed]), ok(order={"id": 7, "status": 113, "total": 2, "message": rows})] * 2,
        retry=Retry(attempts=2, wait_initial=0),
    )
    with pytest.raises(OrderAcceptedError) as caught:
        await canned.client.send_sms("Kodunuz 1234", [NUMBER, "+49 151 12345678"])
    assert caught.value.candidates == (7,)


async def test_a_success_without_an_id_is_recovered_as_well(sandbox: Sandbox, client: AsyncClient, url: str) -> None:
    """The service says 200 and no more: the order is found, not sent again."""
    order = await client.send_sms("Kodunuz 1234", NUMBER)

    def answer(request: httpx.Request) -> httpx.Response:
        answers.append(request.url.path)
        if len(answers) == 1:
            return httpx.Response(200, json=ok())
        with httpx.Client() as relay:
            real = relay.post(url.removesuffix("/v1") + request.url.path, content=request.content)
        return httpx.Response(real.status_code, content=real.content)

    answers: list[str] = []
    lenient = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    other = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, http_client=lenient, retry=Retry(wait_initial=0))
    assert await other.send_sms("Kodunuz 1234", NUMBER) == order


@pytest.mark.parametrize("code", [453, 454, 459, 460])
async def test_a_refusal_of_the_order_itself_after_a_lost_answer_settles_it(code: int) -> None:
    """A text that is too long was too long at the first attempt: the reports are not asked."""
    canned = Canned(httpx.ReadError("lost"), refusal(code))
    with pytest.raises(ApiError) as caught:
        await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert caught.value.code == code
    assert len(canned.requests) == 2


@pytest.mark.parametrize("sender", [8503000000, True, ["BASKA"], ""])
async def test_a_sender_that_is_no_text_rules_nothing_out(sender: object) -> None:
    """It is taken as one that is not told."""
    listed = {"id": 7, "status": 113, "total": 1, "sender": sender, "submitAt": "2026-05-01 12:00:01"}
    report = ok(order={"id": 7, "status": 113, "total": 1, "message": [{"number": 5301234567, "status": 110}]})
    date = {"Date": "Fri, 01 May 2026 09:00:01 GMT"}
    lost = httpx.ReadError("lost")
    canned = Canned(lost, httpx.Response(451, json=refusal(451), headers=date), ok(count=1, orders=[listed]), report)
    assert (await canned.client.send_sms("Kodunuz 1234", NUMBER)).id == 7


@pytest.mark.parametrize("code", [400, 401, 402, 403, 450, 452, 457, 470])
async def test_a_refusal_that_may_be_of_the_moment_never_proves_anything(code: int) -> None:
    """An approval, a blocked number, the balance, the schedule: it may have been otherwise a moment before."""
    canned = Canned(httpx.ReadError("lost"), refusal(code), ok(count=0, orders=[]))
    with pytest.raises(OutcomeUnknownError, match=str(code)):
        await canned.client.send_sms("Kodunuz 1234", NUMBER)


@pytest.mark.parametrize("code", ["402", "450", "452"])
async def test_an_order_that_was_taken_is_named_after_any_other_refusal(
    sandbox: Sandbox, client: AsyncClient, code: str
) -> None:
    """The reports have one with its numbers, which may also be another's with another text: no guess, but a hint."""
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", code)
    with pytest.raises(OutcomeUnknownError, match=f"{code}.*it may be order {42800001}"):
        await client.send_sms("Kodunuz 1234", NUMBER)
    assert sandbox.deliveries == {NUMBER: 1}


@pytest.mark.parametrize("code", [401, 402, 403, 452, 468, 469])
async def test_a_refusal_of_the_moment_after_a_lost_answer_settles_nothing(code: int) -> None:
    """The first attempt may have been taken, and have used up the balance."""
    canned = Canned(httpx.ReadError("lost"), refusal(code))
    with pytest.raises(OutcomeUnknownError, match=str(code)):
        await canned.client.send_sms("Kodunuz 1234", NUMBER)


class Failing(httpx.AsyncBaseTransport):
    """The sandbox's server, which takes what comes and then says, in its own JSON, that it failed."""

    def __init__(self, code: int, times: int) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._code = code
        self._left = times

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if self._left == 0 or "get-" in request.url.path:
            return response
        self._left -= 1
        await response.aread()
        await response.aclose()
        return httpx.Response(self._code, json=refusal(self._code))

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.mark.parametrize("code", [500, 502, 504, 599])
async def test_a_failure_that_no_document_names_is_no_refusal(code: int, sandbox: Sandbox, url: str) -> None:
    """The order may have been taken before: it is found, or called unknown, and whatever cannot be undone waits."""
    for times in (1, -1):
        async with httpx.AsyncClient(transport=Failing(code, times)) as own:
            client = AsyncClient(
                "demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, http_client=own, retry=QUICK
            )
            if times == 1:
                order = await client.send_sms("Kodunuz 1234", NUMBER)
                assert order.id == sandbox.orders[0].id
                continue
            for call in (client.send_sms("Kodunuz 5678", NUMBER), client.cancel_order(order)):
                with pytest.raises(OutcomeUnknownError, match=f"last error: .*: {code}"):
                    await call
    assert sandbox.deliveries == {NUMBER: 2}


async def test_a_refusal_is_not_repeated() -> None:
    """402 stays 402."""
    canned = Canned(refusal(402))
    with pytest.raises(InsufficientBalanceError):
        await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert len(canned.requests) == 1


async def test_reads_are_repeated_after_the_service_s_own_failures() -> None:
    """A repeatable operation loses nothing by asking again."""
    canned = Canned(refusal(500), ok(balance={"amount": "0", "sms": 1}))
    await canned.client.get_balance()
    assert len(canned.requests) == 2


async def test_an_idle_connection_that_the_server_closed(sandbox: Sandbox) -> None:
    """The next order goes over a new connection, once."""

    async def answer(stream: anyio.abc.SocketStream, request: bytes) -> str:
        await stream.send(http(b'{"response":{"status":{"code":200},"order":{"id":5},"balance":{"amount":0,"sms":1}}}'))
        return "close"

    async with raw_server(answer) as (url, requests):
        async with AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url) as client:
            await client.get_balance()
            await anyio.wait_all_tasks_blocked()
            assert (await client.send_sms("Kodunuz 1234", NUMBER)).id == 5
        assert len(requests) == 2


async def test_ten_idle_connections_that_broke_unnoticed() -> None:
    """A gateway forgot them all, and says so at the next request on each: the first repetition takes a new one."""
    used: list[anyio.abc.ByteStream] = []

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> str | None:
        if stream in used:
            return "close"
        used.append(stream)
        await until(lambda: len(used) >= 10)
        await stream.send(http(b'{"response":{"status":{"code":200},"order":{"id":5},"balance":{"amount":0,"sms":1}}}'))
        return None

    async with raw_server(answer) as (url, requests):
        settings = {"sender": "FIRMA", "iys": Iys.OFF, "base_url": url, "retry": QUICK, "max_connections": 10}
        async with AsyncClient("demo", "demo", **settings) as client:
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(client.get_balance)
            assert (await client.send_sms("Kodunuz 1234", NUMBER)).id == 5
    assert len(requests) == 12
    assert len(used) == 11


async def test_a_cancelled_call_can_be_made_again_without_harm(sandbox: Sandbox, client: AsyncClient) -> None:
    """Given up while the answer was under way; the same call says that it was taken."""
    sandbox.fail("send-sms", "stall")
    assert await give_up_once(lambda: sandbox.orders, lambda: client.send_sms("Kodunuz 1234", NUMBER))
    with pytest.raises(DuplicateOrderError):
        await client.send_sms("Kodunuz 1234", NUMBER)
    assert sandbox.deliveries == {NUMBER: 1}


async def test_an_order_without_its_time_is_a_candidate_and_no_more() -> None:
    """It may be one of the past; that it is not ours cannot be told either."""
    listed = {"id": 7, "status": 113, "total": 1, "sender": "FIRMA"}
    date = {"Date": "Fri, 01 May 2026 09:00:01 GMT"}
    lost = httpx.ReadError("lost")
    canned = Canned(lost, httpx.Response(451, json=refusal(451), headers=date), ok(count=1, orders=[listed]))
    with pytest.raises(OrderAcceptedError) as caught:
        await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert caught.value.candidates == (7,)
    canned = Canned(lost, httpx.Response(450, json=refusal(450), headers=date), ok(count=1, orders=[listed]))
    with pytest.raises(OutcomeUnknownError):
        await canned.client.send_sms("Kodunuz 1234", NUMBER)


async def test_times_with_the_day_first_are_read() -> None:
    """As `send-sms` writes them."""
    listed = {"id": 7, "status": 113, "total": 1, "sender": "FIRMA", "submitAt": "01/05/2026 12:00:01"}
    canned = Canned(
        httpx.ReadError("lost"),
        httpx.Response(451, json=refusal(451), headers={"Date": "Fri, 01 May 2026 09:00:01 GMT"}),
        ok(count=1, orders=[listed]),
        ok(order={"id": 7, "status": 113, "total": 1, "message": [{"number": 5301234567, "status": 110}]}),
    )
    assert (await canned.client.send_sms("Kodunuz 1234", NUMBER)).id == 7


async def test_closing_the_client_between_two_attempts_leaves_it_open() -> None:
    """The first attempt may have been taken: it is not told as "not sent"."""

    def lose_and_close(_: httpx.Request) -> object:
        tasks.start_soon(canned.client.aclose)
        return httpx.ReadError("lost")

    canned = Canned(lose_and_close, ok(order={"id": 1}), retry=Retry(wait_initial=0.2))
    with pytest.raises(OutcomeUnknownError, match="closed"):
        async with anyio.create_task_group() as tasks:
            try:
                await canned.client.send_sms("Kodunuz 1234", NUMBER)
            except OutcomeUnknownError as error:
                caught = error
        raise caught
    assert len(canned.requests) == 1


async def test_a_closed_http_client_never_sent() -> None:
    """The caller's own, closed too early: surely nothing left."""
    canned = Canned(ok(order={"id": 1}))
    await canned.http.aclose()
    with pytest.raises(TransportError, match="http_client has been closed") as caught:
        await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert type(caught.value) is TransportError


async def test_a_time_limit_of_the_system_s_shows_nothing() -> None:
    """Without a limit of ours, the error is still one of ours."""
    error = never_left("ConnectTimeout")
    canned = Canned(error, timeout=httpx.Timeout(None), retry=Retry(attempts=1))
    with pytest.raises(TransportError, match="no connection within the system's limit") as caught:
        await canned.client.send_sms("Kodunuz 1234", NUMBER)
    assert caught.value.__context__ is None
