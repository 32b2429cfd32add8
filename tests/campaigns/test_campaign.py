"""Campaigns: everybody once, nobody lost, whatever happens on the way."""

from __future__ import annotations

import gc
import pickle
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import pytest
from canned import QUICK, Canned, ok, refusal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from waiting import PATIENCE, give_up_once, until

from iletimerkezi_async import (
    AsyncClient,
    BulkError,
    BulkResult,
    ConfigurationError,
    DuplicateOrderError,
    EmptyTextError,
    InsufficientBalanceError,
    Iys,
    Message,
    OutcomeUnknownError,
    Progress,
    Refusal,
    Retry,
    ScheduleError,
    SenderError,
    UnavailableError,
)
from iletimerkezi_async.results import Refusals
from iletimerkezi_async.sandbox import Sandbox, Style

pytestmark = pytest.mark.anyio
TEXT = "Kampanyamiz basladi"


def numbers(count: int, first: int = 0) -> list[str]:
    return [f"+9053012{first + index:05}" for index in range(count)]


def client_of(sandbox: Sandbox, **options: object) -> AsyncClient:
    settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "retry": QUICK, "rate": None}
    return sandbox.client(**(settings | options))  # type: ignore[arg-type]  # settings of any type


def assert_adds_up(result: BulkResult, read: int) -> None:
    assert result.read == read
    assert result.accepted + len(result.refused) + result.duplicates + result.failures == read
    assert sum(order.recipients for order in result.orders) + result.unidentified == result.accepted


def assert_nobody_twice(sandbox: Sandbox) -> None:
    assert set(sandbox.deliveries.values()) <= {1}


# Sources.


async def a_generator(values: list[str]) -> AsyncIterator[str]:
    for value in values:
        await anyio.lowlevel.checkpoint()
        yield value


@pytest.mark.parametrize("source", [list, tuple, iter, a_generator, lambda values: (value for value in values)])
async def test_recipients_of_any_source(source: Callable[[list[str]], Iterator[str]]) -> None:
    """A list, a generator, an async generator: read once, in order, in orders of the size asked for."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, source(numbers(1050)), batch_size=100)
    assert_adds_up(result, 1050)
    assert sandbox.deliveries == Counter(numbers(1050))
    assert sorted(order.recipients for order in result.orders) == [50] + [100] * 10
    assert {order.id for order in result.orders} == {order.id for order in sandbox.orders}


async def test_recipients_of_an_open_file(tmp_path: Path) -> None:
    """A number a line, with whatever ends the lines."""
    path = tmp_path / "liste.txt"
    path.write_bytes(b"0530 123 45 67\r\n5301234568\r\nx\r\n")
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        with path.open() as lines:
            result = await client.send_bulk(TEXT, lines)
    assert result.accepted == 2
    assert [(refused.number, refused.reason) for refused in result.refused] == [("x\n", "not a phone number")]


async def test_a_single_number_is_a_campaign_too() -> None:
    """And none is one as well."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        assert (await client.send_bulk(TEXT, "5301234567")).accepted == 1
        assert (await client.send_bulk_messages(Message("Bir", "5301234567"))).accepted == 1
        assert (await client.send_bulk(TEXT, 5301234568)).accepted == 1
        assert await client.send_bulk(TEXT, []) == BulkResult((), 0, (), 0, (), 0)
        # One that is no number is named like any other.
        refused = (await client.send_bulk(TEXT, "x")).refused
        assert [(each.number, each.reason) for each in refused] == [("x", "not a phone number")]


async def test_the_source_is_read_no_further_than_needed() -> None:
    """A few orders ahead, whatever there is."""
    read = 0

    def source() -> Iterator[str]:
        nonlocal read
        for number in numbers(50_000):
            read += 1
            yield number

    sandbox = Sandbox()
    sandbox.fail("send-sms", "402")
    async with client_of(sandbox) as client:
        with pytest.raises(BulkError):
            await client.send_bulk(TEXT, source(), batch_size=1000, concurrency=2)
    assert read <= 5000


async def test_what_is_left_of_a_stopped_campaign_fits_into_orders() -> None:
    """Each part can be sent by itself, also if one message had more recipients than an order holds."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "402")
    async with client_of(sandbox) as client:
        with pytest.raises(BulkError) as caught:
            await client.send_bulk_messages([Message(TEXT, numbers(90_000))], batch_size=10_000, concurrency=1)
        result = caught.value.result
        assert_adds_up(result, 90_000)
        for failure in result.failed:
            assert (await client.send_messages(failure.messages)).recipients == failure.count
    assert sandbox.deliveries == Counter(numbers(90_000))


@pytest.mark.parametrize("personal", [False, True])
async def test_an_order_is_sent_as_soon_as_it_is_full(personal: bool) -> None:
    """A source that comes in drops, or waits for what its last recipients led to, is not asked for more before."""
    sandbox = Sandbox()
    taken = 0

    def tell(progress: Progress) -> None:
        nonlocal taken
        taken = progress.accepted

    async def source() -> AsyncIterator[str]:
        for index, number in enumerate(numbers(30)):
            while taken < index // 10 * 10:  # noqa: ASYNC110 - as a source that polls a queue would
                await anyio.sleep(0.001)
            yield number

    async def messages() -> AsyncIterator[Message]:
        async for number in source():
            yield Message(TEXT, number)

    async with client_of(sandbox) as client:
        with anyio.fail_after(PATIENCE):
            if personal:
                await client.send_bulk_messages(messages(), batch_size=10, on_progress=tell)
            else:
                await client.send_bulk(TEXT, source(), batch_size=10, on_progress=tell)
    assert [order.recipients for order in sandbox.orders] == [10, 10, 10]


async def test_no_more_orders_at_once_than_asked_for() -> None:
    """And as many."""
    under_way = most = 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await until(lambda: most >= 3)
        await anyio.sleep(0.002)
        under_way -= 1
        return httpx.Response(200, json=ok(order={"id": 1}))

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, http_client=http, rate=None)
    await client.send_bulk(TEXT, numbers(300), batch_size=10, concurrency=3)
    assert most == 3


async def test_a_campaign_on_the_wire() -> None:
    """One text is one message object; personal texts are packed, equal ones sharing an object."""
    canned = Canned(ok(order={"id": 1}))
    await canned.client.send_bulk(TEXT, ["5301234567", "5301234568"])
    messages = [Message("Sayin Bir", "5301234567"), Message("Sayin Iki", 5301234568), Message("Sayin Bir", 5301234569)]
    await canned.client.send_bulk_messages(messages)
    assert [body["order"]["message"] for body in canned.bodies] == [  # type: ignore[index]  # parsed JSON
        {"text": TEXT, "receipents": {"number": ["+905301234567", "+905301234568"]}},
        [
            {"text": "Sayin Bir", "receipents": {"number": ["+905301234567", "+905301234569"]}},
            {"text": "Sayin Iki", "receipents": {"number": ["+905301234568"]}},
        ],
    ]


# What is left out.


async def test_bad_numbers_are_left_out_and_named() -> None:
    """As they were given; the others are sent to."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, ["5301234567", "0212 123 45 67", 12, "", "5301234568"])
    assert result.accepted == 2
    assert [refused.number for refused in result.refused] == ["0212 123 45 67", "12", ""]
    assert "0212 123" not in repr(result.refused)


async def test_repeated_numbers_are_left_out_and_counted() -> None:
    """In whatever spelling, and however far apart."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        result = await client.send_bulk(
            TEXT, [*numbers(500), "0530 12 00 001", *reversed(numbers(500))], batch_size=100
        )
    assert (result.accepted, result.duplicates) == (500, 501)
    assert_nobody_twice(sandbox)


async def test_personal_messages_repeat_only_with_the_same_text() -> None:
    """Two texts to one number are two messages."""
    sandbox = Sandbox()
    messages = [Message("Bir", "5301234567"), Message("Iki", ["5301234567", "x"]), Message("Bir", "0530 123 45 67")]
    async with client_of(sandbox) as client:
        result = await client.send_bulk_messages(
            [*messages, Message("", "5301234568"), Message("a" * 2000, 5301234569)]
        )
    assert (result.accepted, result.duplicates, result.read) == (2, 1, 6)
    assert [(refused.number, refused.reason) for refused in result.refused] == [
        ("x", "not a phone number"),
        ("5301234568", "the text is empty"),
        ("5301234569", "the text is longer than 7 SMS"),
    ]
    assert sandbox.deliveries == {"+905301234567": 2}


@pytest.mark.parametrize("blocked", [[], [0], [999], [0, 1], [3, 500, 998]])
async def test_refused_recipients_are_found_by_halving(blocked: list[int]) -> None:
    """All others are sent to, with about 2·k·log2(n) further requests."""
    everybody = numbers(1000)
    sandbox = Sandbox(blocked=[everybody[index] for index in blocked])
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, everybody)
    assert_adds_up(result, 1000)
    assert {refused.number for refused in result.refused} == {everybody[index] for index in blocked}
    assert {refused.reason for refused in result.refused} <= {"refused by the service (452)"}
    assert sandbox.deliveries == Counter(number for i, number in enumerate(everybody) if i not in blocked)
    assert len(sandbox.requests) <= 1 + 2 * len(blocked) * 10


async def test_refused_recipients_among_personal_messages() -> None:
    """The halves keep each text with its numbers."""
    sandbox = Sandbox(blocked=["+905301234568"])
    messages = [Message(f"Sayin {name}", 5301234567 + name) for name in range(5)]
    async with client_of(sandbox) as client:
        result = await client.send_bulk_messages(messages)
    assert (result.accepted, [refused.number for refused in result.refused]) == (4, ["+905301234568"])
    sent = {pair for order in sandbox.orders for pair in order.messages}
    assert sent == {(f"Sayin {name}", f"+90{5301234567 + name}") for name in range(5) if name != 1}


# Stops.


@pytest.mark.parametrize("code", ["401", "402", "403", "450", "453", "454", "468", "469", "470", "400"])
async def test_what_no_further_order_would_survive_stops_the_campaign(code: str) -> None:
    """Orders under way are awaited, and everything that was read is in one list or another."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle", times=5)
    sandbox.fail("send-sms", code, times=100)
    async with client_of(sandbox) as client:
        with pytest.raises(BulkError) as caught:
            await client.send_bulk(TEXT, numbers(5000), batch_size=100, concurrency=3)
    result = caught.value.result
    assert_adds_up(result, result.read)
    assert result.accepted == sum(sandbox.deliveries.values()) == 500
    assert result.read < 2000
    assert str(caught.value.error) in str(caught.value)
    assert caught.value.__cause__ is caught.value.error
    assert getattr(caught.value.error, "code", None) == int(code)
    failed = {number for failure in result.failed for number in failure.recipients}
    assert failed | set(sandbox.deliveries) == set(numbers(result.read))


@pytest.mark.parametrize("fault", ["503", "429"])
async def test_a_service_that_is_away_for_too_long_stops_it(fault: str) -> None:
    """Once the repetitions are used up."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", fault, times=100)
    async with client_of(sandbox) as client:
        with pytest.raises(BulkError) as caught:
            await client.send_bulk(TEXT, numbers(1000), batch_size=100)
    assert isinstance(caught.value.error, UnavailableError)
    assert caught.value.result.accepted == 0


async def test_a_gateway_whose_service_is_away_for_too_long_stops_it() -> None:
    """It does not say whether it passed an order on: those under way are in doubt, and no further ones."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "empty-503", times=1000)
    async with client_of(sandbox) as client:
        with pytest.raises(BulkError) as caught:
            await client.send_bulk(TEXT, iter(numbers(10_000)), batch_size=100, concurrency=2)
    assert isinstance(caught.value.error, OutcomeUnknownError)
    result = caught.value.result
    assert_adds_up(result, result.read)
    assert result.read < 2000
    assert sum(failure.count for failure in result.failed if isinstance(failure.error, OutcomeUnknownError)) == 200


async def test_the_first_reason_to_stop_is_told() -> None:
    """Of two orders that were under way at once, and were refused for two reasons."""
    both = anyio.Event()
    codes: list[int] = []

    async def refuse(request: httpx.Request) -> httpx.Response:
        codes.append((402, 450)[len(codes)])
        code = codes[-1]
        if code == 402:
            await both.wait()
        else:
            both.set()
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
        return httpx.Response(200, json=refusal(code))

    http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    async with AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, http_client=http, rate=None) as client:
        with pytest.raises(BulkError) as caught:
            await client.send_bulk(TEXT, numbers(20), batch_size=10, concurrency=2)
    assert isinstance(caught.value.__cause__, InsufficientBalanceError)
    assert_adds_up(caught.value.result, 20)


async def test_an_outcome_that_stays_unknown_is_listed_and_the_campaign_goes_on() -> None:
    """Its recipients may have been texted: they are named, with the error that says so."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer", times=5)
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, numbers(1000), batch_size=100, concurrency=1)
    (failure,) = result.failed
    assert isinstance(failure.error, OutcomeUnknownError)
    assert failure.recipients == tuple(numbers(100))
    assert failure.messages == (Message(TEXT, numbers(100)),)
    assert result.accepted == 900
    assert sandbox.deliveries == Counter(numbers(1000))
    assert repr(failure).startswith("<Failure of 100 recipients: send-sms: the answer was lost")


async def test_an_order_that_somebody_else_has_sent_is_listed() -> None:
    """451 without a lost answer: they were texted, though not by us."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        await client.send_sms(TEXT, numbers(100))
        result = await client.send_bulk(TEXT, numbers(200), batch_size=100)
    (failure,) = result.failed
    assert isinstance(failure.error, DuplicateOrderError)
    assert result.accepted == 100
    assert_nobody_twice(sandbox)


async def test_an_order_without_its_id_counts_as_accepted() -> None:
    """It was taken; only its report cannot be asked for."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("get-reports", "401", times=100)
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, numbers(100))
    assert (result.accepted, result.unidentified, result.orders) == (100, 100, ())


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (EmptyTextError, {"text": " "}),
        (SenderError, {"sender": "COK UZUN FIRMA"}),
        (ScheduleError, {"send_at": datetime(2020, 1, 1, tzinfo=timezone.utc)}),
        (ValueError, {"batch_size": 0}),
        (ValueError, {"batch_size": 50_001}),
        (ValueError, {"concurrency": 0}),
    ],
)
async def test_what_is_wrong_from_the_start_is_refused_before_reading(
    error: type[Exception], call: dict[str, object]
) -> None:
    """Nothing is read, nothing is sent."""

    def source() -> Iterator[str]:
        raise AssertionError
        yield ""

    arguments: dict[str, object] = {"text": TEXT, "to": source()} | call
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        with pytest.raises(error):
            await client.send_bulk(**arguments)  # type: ignore[arg-type]  # of all types
    assert not sandbox.requests


async def test_scheduled_campaigns() -> None:
    """All orders carry the same time."""
    sandbox = Sandbox()
    due = datetime.now(timezone.utc) + timedelta(hours=1)
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, numbers(300), batch_size=100, send_at=due)
    assert result.accepted == 300
    assert not sandbox.deliveries
    assert len({order.send_at for order in sandbox.orders}) == 1
    sandbox.advance(hours=2)
    assert sandbox.deliveries == Counter(numbers(300))


# Progress.


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_progress_is_told_after_each_order(kind: str) -> None:
    """By a function or a coroutine function, never two at once."""
    told: list[Progress] = []
    inside = 0

    def sync(progress: Progress) -> None:
        told.append(progress)

    async def slow(progress: Progress) -> None:
        nonlocal inside
        assert inside == 0
        inside += 1
        await anyio.sleep(0.001)
        inside -= 1
        told.append(progress)

    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        source = [*numbers(1000), "x", numbers(1)[0]]
        await client.send_bulk(TEXT, source, batch_size=100, on_progress=sync if kind == "sync" else slow)
    assert len(told) == 10
    last = told[-1]
    assert (last.read, last.accepted, last.refused, last.duplicates, last.failed) == (1002, 1000, 1, 1, 0)
    assert last.total == 1002
    assert last.elapsed > 0


async def test_an_exception_of_the_progress_stops_it_and_comes_out() -> None:
    """As it is, not in a group; what is known goes along."""

    def break_off(progress: Progress) -> None:
        if progress.accepted >= 300:
            raise RuntimeError("enough")

    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        with pytest.raises(RuntimeError, match="enough") as caught:
            await client.send_bulk(TEXT, iter(numbers(5000)), batch_size=100, on_progress=break_off)
    assert isinstance(caught.value.__context__, BulkError)
    result = caught.value.__context__.result
    assert_adds_up(result, result.read)
    unknown = {n for f in result.failed if isinstance(f.error, OutcomeUnknownError) for n in f.recipients}
    surely_not = {n for f in result.failed if not isinstance(f.error, OutcomeUnknownError) for n in f.recipients}
    assert not surely_not & set(sandbox.deliveries)
    assert len(set(sandbox.deliveries) - unknown) == result.accepted


async def test_the_result_goes_along_where_the_caller_handles_another_exception() -> None:
    """A campaign that is begun in an `except` block keeps its own context."""

    def break_off(_: Progress) -> None:
        raise RuntimeError("enough")

    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        try:
            int("another")
        except ValueError:
            with pytest.raises(RuntimeError, match="enough") as caught:
                await client.send_bulk(TEXT, numbers(10), on_progress=break_off)
    assert isinstance(caught.value.__context__, BulkError)
    assert caught.value.__context__.result.accepted == 10


async def test_an_exception_of_the_source_stops_it_and_comes_out() -> None:
    """With what was read until then accounted for."""

    def source() -> Iterator[str]:
        yield from numbers(250)
        raise OSError("the disk is gone")

    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        with pytest.raises(OSError, match="the disk is gone") as caught:
            await client.send_bulk(TEXT, source(), batch_size=100)
    assert isinstance(caught.value.__context__, BulkError)
    assert_adds_up(caught.value.__context__.result, 250)


def test_results_print_counts_alone() -> None:
    """A campaign's numbers never spill into a log."""
    sandbox = Sandbox()

    async def main() -> BulkResult:
        async with client_of(sandbox) as client:
            return await client.send_bulk(TEXT, [*numbers(10), "0212 123 45 67"])

    result = anyio.run(main)
    line = "<BulkResult: 11 read, 10 accepted in 1 orders, 1 refused, 0 duplicates, 0 failed>"
    assert repr(result) == str(result) == line
    error = BulkError(result, InsufficientBalanceError(402, "", "send-sms", 402))
    assert line in str(error)
    assert line in repr(error)


# Everything at once.

FAULTS = st.sampled_from([
    "drop-request", "drop-answer", "half-answer", "garbage", "html-502-before", "html-502", "empty-504", "empty-503",
    "503", "429", "402", "452", "450",
])  # fmt: skip


@settings(suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.integers(0, 60), max_size=120),
    st.sets(st.integers(0, 60), max_size=4),
    st.lists(FAULTS, max_size=8),
    st.integers(1, 25),
    st.integers(1, 4),
    st.booleans(),
    st.none() | st.integers(0, 60),
    st.sampled_from(["asyncio", "trio"]),
)
@example([0], set(), ["drop-answer", "402"], 1, 1, False, None, "asyncio")
def test_everything_that_was_read_ends_in_one_place(
    picks: list[int],
    blocked: set[int],
    faults: list[str],
    batch_size: int,
    concurrency: int,
    personal: bool,
    cancel_after: int | None,
    backend: str,
) -> None:
    """Random faults, refusals and cancellations, with the sandbox's ledger as the judge."""
    everybody = numbers(61)
    sandbox = Sandbox(blocked=[everybody[index] for index in blocked])
    for fault in faults:
        sandbox.fail("send-sms", fault)
    given = ["kotu" if pick % 10 == 9 else everybody[pick] for pick in picks]
    outcome: list[BulkResult] = []

    async def send(client: AsyncClient) -> None:
        try:
            if personal:
                messages = [Message(f"{TEXT} {number[-1]}", number) for number in given]
                run = client.send_bulk_messages(messages, batch_size=batch_size, concurrency=concurrency)
            else:
                run = client.send_bulk(TEXT, given, batch_size=batch_size, concurrency=concurrency)
            outcome.append(await run)
        except BulkError as error:
            outcome.append(error.result)
        except BaseException as error:
            outcome.append(result_of(error))
            raise

    async def main() -> None:
        async with client_of(sandbox, retry=Retry(attempts=3, wait_initial=0)) as client:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(send, client)
                    if cancel_after is not None:
                        for _ in range(cancel_after):
                            await anyio.lowlevel.checkpoint()
                        scope.cancel()

    anyio.run(main, backend=backend)
    if not outcome:
        assert cancel_after is not None
        return
    (result,) = outcome
    assert_adds_up(result, result.read)
    assert_nobody_twice(sandbox)
    sent = set(sandbox.deliveries)
    unknown = {
        number
        for failure in result.failed
        if isinstance(failure.error, (OutcomeUnknownError, DuplicateOrderError))
        for number in failure.recipients
    }
    surely_not = {number for failure in result.failed for number in failure.recipients} - unknown
    assert not sent & surely_not
    assert not sent & {refused.number for refused in result.refused}
    assert len(sent - unknown) <= result.accepted <= len(sent)


def result_of(error: BaseException) -> BulkResult:
    assert isinstance(error.__context__, BulkError)
    return error.__context__.result


async def test_a_campaign_with_every_answer_lost(sandbox: Sandbox, client: AsyncClient) -> None:
    """Over a real socket: all ids are found, nobody is texted twice."""
    sandbox.fail("send-sms", "drop-answer", times=10)
    result = await client.send_bulk(TEXT, numbers(1000), batch_size=100, concurrency=10)
    assert_adds_up(result, 1000)
    assert {order.id for order in result.orders} == {order.id for order in sandbox.orders}
    assert sandbox.deliveries == Counter(numbers(1000))


async def test_cancelled_before_its_turn_an_order_was_surely_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was written down or sent: no doubt is left, and everybody is named."""
    # Both orders are read in one time slice, however slow the machine is: the first one's turn ends the reading.
    monkeypatch.setattr("iletimerkezi_async.orders.pieces._SLICE", 3600.0)

    class Never:
        rate = 1000.0

        async def acquire(self, n: int, /) -> None:
            scope.cancel()
            await anyio.sleep_forever()

    results: list[BulkResult] = []
    canned = Canned(ok(order={"id": 1}), rate=Never())
    with anyio.CancelScope() as scope:
        try:
            await canned.client.send_bulk(TEXT, numbers(20), batch_size=10)
        except anyio.get_cancelled_exc_class() as error:
            results.append(error.__context__.result)  # type: ignore[union-attr]  # a BulkError
            raise
    assert canned.requests == []
    assert results[0].failures == 20
    assert not any(isinstance(each.error, OutcomeUnknownError) for each in results[0].failed)


async def test_cancelling_leaves_no_task(sandbox: Sandbox, client: AsyncClient) -> None:
    """At once, with an order that never gets its answer under way."""
    sandbox.fail("send-sms", "stall", times=4)
    caught: BaseException | None = None

    async def go() -> None:
        nonlocal caught
        try:
            await client.send_bulk(TEXT, numbers(1000), batch_size=100)
        except BaseException as error:
            caught = error
            raise

    assert await give_up_once(lambda: len(sandbox.orders) == 4, go)
    assert caught is not None
    assert isinstance(caught.__context__, BulkError)
    result = caught.__context__.result
    assert result.failures == 400
    assert {type(failure.error) for failure in result.failed} == {OutcomeUnknownError}
    with anyio.fail_after(PATIENCE):
        await client.get_balance()


async def test_a_closed_client_stops_a_campaign() -> None:
    """It is told as what it is."""
    sandbox = Sandbox()
    client = client_of(sandbox)
    await client.aclose()
    with pytest.raises(BulkError) as caught:
        await client.send_bulk(TEXT, numbers(10))
    assert isinstance(caught.value.error, ConfigurationError)


async def test_a_452_after_a_lost_answer_is_looked_into() -> None:
    """As the first attempt was taken, halves of it would text people twice."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", "452")
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, numbers(10))
    assert [type(failure.error) for failure in result.failed] == [OutcomeUnknownError]
    assert sandbox.deliveries == Counter(numbers(10))


@pytest.mark.parametrize("style", [Style(), Style(late_fields=False)])
async def test_a_452_after_a_lost_answer_where_blocked_numbers_are_skipped(style: Style) -> None:
    """The order that was taken has fewer messages, or no count and time at all: still nobody twice."""
    everybody = numbers(10)
    sandbox = Sandbox(blocked=everybody[:1], blocked_policy="skip", style=style)
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", "452")
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, everybody)
    assert [type(failure.error) for failure in result.failed] == [OutcomeUnknownError]
    assert sandbox.deliveries == Counter(everybody[1:])


async def test_a_452_after_a_request_that_was_lost_is_not_narrowed_down() -> None:
    """The service may skip blocked numbers, and its list may be behind: what became of the first attempt is unknown."""
    sandbox = Sandbox(blocked=numbers(1))
    sandbox.fail("send-sms", "drop-request")
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, numbers(10))
    assert (result.accepted, len(result.refused), result.failures) == (0, 0, 10)
    assert isinstance(result.failed[0].error, OutcomeUnknownError)


async def test_memory_of_a_large_campaign_stays_small() -> None:
    """A hundred thousand recipients, and no more than some orders of a thousand are alive."""
    most = 0

    def count(progress: Progress) -> None:
        nonlocal most
        if progress.accepted % 20_000 == 0:
            most = max(most, sum(1 for each in gc.get_objects() if isinstance(each, tuple) and len(each) == 1000))

    canned = Canned(ok(order={"id": 1}))
    canned.http = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=ok(order={"id": 1})))
    )
    client = AsyncClient("k", "h", sender="FIRMA", iys=Iys.OFF, http_client=canned.http, rate=None)
    result = await client.send_bulk(TEXT, (f"0530{n:07}" for n in range(100_000)), batch_size=1000, on_progress=count)
    assert result.accepted == 100_000
    assert most <= 10


@given(st.lists(st.tuples(st.sampled_from(["0212", "+905301234567"]), st.text(max_size=3))), st.slices(5))
@settings(max_examples=settings().max_examples // 2, suppress_health_check=list(HealthCheck))
def test_what_was_refused_is_as_good_as_a_tuple(given: list[tuple[str, str]], part: slice) -> None:
    """It compares, hashes, is cut, printed and pickled as a tuple of refusals would be."""
    expected = tuple(Refusal(number, reason) for number, reason in given)
    refused = Refusals(expected)
    assert refused == expected
    assert expected == refused
    assert refused == Refusals(expected)
    assert refused != (*expected, Refusal("x", "y"))
    assert refused != list(expected)
    assert hash(refused) == hash(expected)
    assert refused[part] == expected[part]
    assert repr(refused) == repr(expected)
    assert pickle.loads(pickle.dumps(refused)) == expected
    assert list(reversed(refused)) == list(reversed(expected))
    assert [refused[index] for index in range(len(refused))] == list(expected)


async def test_refusals_that_wait_are_nothing_to_collect() -> None:
    """Ten thousand of them are no objects that the garbage collector looks through."""
    canned = Canned(ok(order={"id": 1}))
    bad = [f"0212{number:07}" for number in range(10_000)]
    result = await canned.client.send_bulk("Merhaba", ["+905301234567", *bad])
    gc.collect()
    assert sum(isinstance(thing, Refusal) for thing in gc.get_objects()) == 0
    assert result.refused[-1].number == bad[-1]
