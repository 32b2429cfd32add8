"""A campaign in a loop that serves others: it works in pieces, and reads and keeps no more than it needs.

How long a piece takes is a matter of the machine, which `benchmarks/stalls.py` measures. These tests count turns.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import anyio
import anyio.lowlevel
import httpx
import pytest
from canned import ok
from waiting import until

from iletimerkezi_async import (
    AsyncClient,
    BulkError,
    BulkResult,
    Iys,
    JournalError,
    Message,
    Progress,
    RecipientError,
    Retry,
)
from iletimerkezi_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
TEXT = "Kampanyamiz basladi"


def numbers(count: int, first: int = 0) -> list[str]:
    return [f"+90530{first + index:07}" for index in range(count)]


def texts(count: int) -> list[Message]:
    return [
        Message(f"Sayin {index}, borcunuzun son gunu yarin.", number) for index, number in enumerate(numbers(count))
    ]


def taking(*, keep: list[int] | None = None, is_lost: bool = False) -> AsyncClient:
    """A client whose orders are all taken, at once; or whose answers are all lost."""

    def handle(request: httpx.Request) -> httpx.Response:
        if keep is not None:
            keep.append(len(request.content))
        if is_lost and b"get-reports" not in request.url.raw_path:
            raise httpx.ReadError("", request=request)
        return httpx.Response(200, json=ok(order={"id": 1}))

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    retry = Retry(attempts=1)
    return AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, http_client=http, rate=None, retry=retry)


async def most_at_one_go(work: Awaitable[object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many calls of functions the event loop's thread makes at the most between two turns of another task.

    A piece of work ends as soon as it may here: turns by the clock, or by a thread, would depend on the machine.
    """
    monkeypatch.setattr("iletimerkezi_async.orders.pieces._SLICE", 0.0)
    calls = most = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    async def take_turns() -> None:
        nonlocal calls, most
        while True:
            await anyio.lowlevel.checkpoint()
            most = max(most, calls)
            calls = 0

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_turns)
        await anyio.lowlevel.checkpoint()
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            with suppress(BulkError, JournalError):
                await work
        finally:
            sys.setprofile(before)
        most = max(most, calls)
        tasks.cancel_scope.cancel()
    return most


async def endless(values: list[str]) -> AsyncIterator[str]:
    """An async generator that never waits for anything."""
    for value in values:
        yield value


@pytest.mark.parametrize(
    "work",
    [
        lambda many: taking().send_bulk(TEXT, numbers(many)),
        lambda many: taking().send_bulk(TEXT, endless(numbers(many))),
        lambda many: taking().send_bulk(TEXT, ["0212"] * many),
        lambda many: taking().send_bulk_messages(texts(many)),
        lambda many: taking().send_bulk_messages([Message(TEXT, numbers(many))]),
        lambda many: taking().send_bulk_messages([Message(" ", numbers(many))]),
        lambda many: taking().send_messages(texts(many)),
        lambda many: taking().send_messages([*texts(500), Message(TEXT, numbers(many, first=500))]),
        lambda many: taking().send_sms(TEXT, numbers(many)),
    ],
)
async def test_long_work_lets_others_have_their_turn(
    work: Callable[[int], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done at one go does not grow with the recipients."""
    few = await most_at_one_go(work(1000), monkeypatch)
    assert await most_at_one_go(work(10_000), monkeypatch) <= 3 * few


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize("personal", [False, True])
async def test_going_on_with_a_campaign_lets_others_have_their_turn(
    personal: bool, is_lost: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the journal is gone through, while the source is read again, and while lost orders are looked up."""
    most: list[int] = []
    for many in 1000, 10_000:
        send = sending(texts(many) if personal else numbers(many), tmp_path / f"{many}")
        with suppress(BulkError):
            await send(taking(is_lost=is_lost))
        most.append(await most_at_one_go(send(taking()), monkeypatch))
    assert most[1] <= 3 * most[0]


async def test_counting_changed_texts_lets_others_have_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign that stops because its texts have changed stops as gently as it goes on."""
    most: list[int] = []
    for many in 2000, 20_000:
        journal = tmp_path / f"{many}"
        await taking().send_bulk_messages(texts(many), journal=journal)
        changed = [Message(f"{message.text} Yeni", message.to) for message in texts(many)]
        most.append(await most_at_one_go(taking().send_bulk_messages(changed, journal=journal), monkeypatch))
    assert most[1] <= 3 * most[0]


def sending(source: list[Message] | list[str], journal: Path) -> Callable[[AsyncClient], Awaitable[object]]:
    """One run of a campaign."""
    if isinstance(source[0], Message):
        return lambda client: client.send_bulk_messages(source, journal=journal, settle_for=0)
    return lambda client: client.send_bulk(TEXT, source, journal=journal, settle_for=0)


# No more than is needed.


async def test_a_large_message_is_read_in_part() -> None:
    """Orders go out while most of its recipients have not been looked at."""
    first: list[Progress] = []
    client = taking()
    result = await client.send_bulk_messages(
        [Message(TEXT, numbers(50_000))], batch_size=1000, concurrency=1, on_progress=first.append
    )
    assert result.accepted == 50_000
    assert len(result.orders) == 50
    assert first[0].read <= 3000


async def test_messages_are_read_by_their_recipients() -> None:
    """Of large ones no more than an order needs, whatever their number."""
    given = 0

    def source() -> Iterator[Message]:
        nonlocal given
        for index in range(100):
            given += 1
            yield Message(f"{TEXT} {index}", numbers(1000, 1000 * index))

    most: list[int] = []
    result = await taking().send_bulk_messages(
        source(),
        batch_size=500,
        concurrency=1,
        on_progress=lambda progress: most.append(given * 1000 - progress.accepted),
    )
    assert result.accepted == 100_000
    assert max(most) <= 3000


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_memory_counts_recipients_and_not_messages() -> None:
    """Five times as many recipients of large messages take no more of it."""

    async def peak(count: int) -> int:
        source = (Message(f"{TEXT} {index}", numbers(5000, 5000 * index)) for index in range(count))
        gc.collect()
        tracemalloc.start()
        try:
            result = await taking().send_bulk_messages(source, batch_size=1000)
            assert result.accepted == 5000 * count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    await peak(1)
    few, many = await peak(2), await peak(10)
    # The numbers alone of those 40,000 would take 2.5 MB.
    assert many < few + 2**20


# Sources of odd kinds.


@pytest.mark.parametrize("personal", [False, True])
async def test_a_source_is_read_to_its_end_however_slow_it_is(personal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine reads take long: each piece is then small, but never empty before the end."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    monkeypatch.setattr("iletimerkezi_async.campaigns.intake.time.perf_counter", clock)
    if personal:
        result = await taking().send_bulk_messages(texts(500), batch_size=100)
    else:
        result = await taking().send_bulk(TEXT, numbers(500), batch_size=100)
    assert (result.read, result.accepted) == (500, 500)


class QuerySet:
    """Like Django's: its length is a question to the database, which may not be asked here."""

    def __init__(self, values: list[str]) -> None:
        self._values = values

    def __len__(self) -> int:
        raise RuntimeError("You cannot call this from an async context")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("You cannot call this from an async context")

    async def __aiter__(self) -> AsyncIterator[str]:
        for value in self._values:
            await anyio.lowlevel.checkpoint()
            yield value


async def test_an_async_iterable_is_not_asked_for_its_length() -> None:
    """Nor read as if it were a sync one."""
    sandbox = Sandbox()
    told: list[Progress] = []
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:
        result = await client.send_bulk(TEXT, QuerySet(numbers(10)), on_progress=told.append)
    assert result.accepted == 10
    assert told[-1].total is None


class Unmeasured(list):  # type: ignore[type-arg]  # of anything
    def __len__(self) -> int:
        raise OverflowError("too large")


async def test_a_source_that_cannot_tell_its_length_is_read_all_the_same() -> None:
    """Its total is then unknown."""
    sandbox = Sandbox()
    told: list[Progress] = []
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:
        result = await client.send_bulk(TEXT, Unmeasured(numbers(10)), on_progress=told.append)
    assert result.accepted == 10
    assert told[-1].total is None


class Table:
    """As a frame or an array of two dimensions: it is iterated over, but not by its cells."""

    columns = ("ad", "telefon")
    ndim = 2

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


async def test_a_table_is_refused_with_a_hint() -> None:
    """Nobody knows which of its columns is meant."""
    sandbox = Sandbox()
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:
        with pytest.raises(RecipientError, match="one of its columns"):
            await client.send_bulk(TEXT, Table())  # type: ignore[arg-type]  # a user's mistake
    assert not sandbox.requests


@pytest.mark.parametrize(
    "wrong", [{"text": TEXT, "to": "5301234567"}, None, 5301234567, ("a", "b"), Message(float("nan"), "5301234599")]
)  # type: ignore[arg-type]  # users' mistakes
async def test_one_bad_message_ends_no_campaign(wrong: object) -> None:
    """It is listed with a reason that names what it is; all others go out."""
    sandbox = Sandbox()
    messages: list[object] = [*texts(50)]
    messages.insert(25, wrong)
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:
        result = await client.send_bulk_messages(messages, batch_size=10)  # type: ignore[arg-type]  # likewise
    assert (result.read, result.accepted) == (51, 50)
    (refused,) = result.refused
    kind = "float" if isinstance(wrong, Message) else type(wrong).__name__
    assert kind in refused.reason
    assert TEXT not in refused.number


# Sorted.


async def test_numbers_go_out_sorted_within_an_order() -> None:
    """The same set is the same order to a service that compares in sequence; each text's numbers are sorted as well."""
    sandbox = Sandbox()
    shuffled = [number for start in range(7) for number in numbers(70)[start::7]]
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:
        await client.send_bulk(TEXT, reversed(shuffled), batch_size=35)
        await client.send_bulk_messages([Message(number[-1], number) for number in shuffled])
        await client.send_sms("Tek", shuffled)
    for order in sandbox.orders:
        by_text: dict[str, list[str]] = {}
        for text, number in order.messages:
            by_text.setdefault(text, []).append(number)
        assert all(each == sorted(each) for each in by_text.values())
    assert sandbox.deliveries == Counter(dict.fromkeys(numbers(70), 3))


async def test_two_texts_to_one_number_are_in_one_order_whatever_their_sequence() -> None:
    """Of the texts that one number gets, too, there is one sequence."""
    bodies: list[str] = []
    for turn in (1, -1):
        sandbox = Sandbox()
        messages = [Message(text, number) for number in numbers(5) for text in ("Bir", "Iki", "Bir ve iki")][::turn]
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:
            await client.send_bulk_messages(messages)
        (order,) = sandbox.orders
        bodies.append(repr(order.messages))
    assert bodies[0] == bodies[1]


def result_of(error: BaseException) -> BulkResult:
    assert isinstance(error.__context__, BulkError)
    return error.__context__.result


async def test_cancelling_while_it_is_summed_up_names_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second cancellation, which on asyncio heeds no shield, comes while what was read is being named."""
    monkeypatch.setattr("iletimerkezi_async.orders.pieces._SLICE", 0.0)
    sandbox = Sandbox()
    sandbox.fail("send-sms", "stall", times=9)
    result: list[BulkResult] = []

    async def send() -> None:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF, rate=None) as client:
            try:
                await client.send_bulk_messages([Message(TEXT, numbers(10_000))], batch_size=1000, concurrency=2)
            except BaseException as error:
                result.append(result_of(error))
                raise

    if anyio.lowlevel.current_token().native_token.__class__.__module__.startswith("trio"):
        pytest.skip("asyncio's own cancellation")
    import asyncio

    task = asyncio.ensure_future(send())
    await until(lambda: len(sandbox.orders) == 2)
    task.cancel()
    for _ in range(3):
        await anyio.lowlevel.checkpoint()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (result[0].read, result[0].failures) == (10_000, 10_000)
