"""Orders of which nobody can tell: settled in time, decided by a person, and nobody left out for ever."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from journaled import ONCE, TEXT, numbers
from journaled import client_of as client_with
from journaled import run as run_as_often
from waiting import PATIENCE

from iletimerkezi_async import (
    BulkError,
    BulkResult,
    ConfigurationError,
    Iys,
    JournalError,
    Message,
    OutcomeUnknownError,
    Progress,
    StoreError,
    fill_template,
)
from iletimerkezi_async.sandbox import Sandbox, Weather
from iletimerkezi_async.stores import SqliteStore
from iletimerkezi_async.stores.log import Answer, Change, Fence, Row, State
from iletimerkezi_async.stores.sqlite import JournalFile

pytestmark = pytest.mark.anyio

client_of = partial(client_with, retry=ONCE)


async def run(sandbox: Sandbox, path: Path, count: int = 40, **options: object) -> BulkResult:
    return await run_as_often(sandbox, path, count, retry=ONCE, **options)


async def test_a_blocked_number_in_an_order_that_was_lost_leaves_nobody_out_for_ever(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """Once the reports surely lack the order, a refusal of its repetition is one: it is narrowed, the others texted."""
    sandbox = Sandbox(blocked=[numbers(40)[7]])
    sandbox.fail("send-sms", "drop-request")
    first = await run(sandbox, path)
    assert isinstance(first.unknown[0].error, OutcomeUnknownError)
    at_once = await run(sandbox, path)
    assert at_once.unknown
    pass_minutes(sandbox, 61)
    last = await run(sandbox, path)
    assert (last.accepted, len(last.refused), last.failures) == (39, 1, 0)
    assert sandbox.deliveries == Counter(number for number in numbers(40) if number != numbers(40)[7])


async def test_newer_orders_settle_it_after_ten_minutes(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """They are sent before what is old is settled: that the list has them shows that it is not behind."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        await client.get_balance()
        sandbox.fail("send-sms", "drop-request")
        await client.send_bulk(TEXT, numbers(20), batch_size=20, journal=path)
        pass_minutes(sandbox, 11)
        await client.send_bulk(TEXT, numbers(40), batch_size=20, journal=path)
        pass_minutes(sandbox, 1)
        result = await client.send_bulk(TEXT, numbers(40), batch_size=20, journal=path)
    assert (result.accepted, result.failures) == (40, 0)
    assert sandbox.deliveries == Counter(numbers(40))


@pytest.mark.parametrize("fault", ["drop-answer", "drop-request"])
async def test_a_run_may_go_on_to_settle_what_is_unknown(path: Path, fault: str) -> None:
    """Its own orders and an earlier run's, until all are settled; it then ends before its time is up."""
    sandbox = Sandbox()
    real, late = time.time, 0.0
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", fault)

    def hour_passes(progress: Progress) -> None:
        nonlocal late
        if progress.failed and not late:
            late = 3660.0
            sandbox.advance(minutes=61)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: real() + late)
        patch.setattr("iletimerkezi_async.campaigns.campaign._LONGEST_PAUSE", 0.01)
        with anyio.fail_after(PATIENCE):
            result = await run(sandbox, path, settle_for=2 * PATIENCE, on_progress=hour_passes)
    assert (result.accepted, result.failures) == (40, 0)
    assert sandbox.deliveries == Counter(numbers(40))


async def test_what_cannot_be_settled_in_that_time_is_listed(path: Path) -> None:
    """Whatever was tried again is in the result once."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-request", times=999)
    result = await run(sandbox, path, settle_for=0.3)
    assert (result.accepted, result.failures, result.read) == (20, 20, 40)
    assert [failure.count for failure in result.unknown] == [20]
    assert not result.not_sent


async def test_cancelled_while_it_waits_to_settle_everybody_is_named(path: Path) -> None:
    """They are in the result that goes along, and the journal settles them later."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-request", times=999)
    caught: list[BaseException] = []
    lost = anyio.Event()

    async def go() -> None:
        try:
            await run(sandbox, path, settle_for=900, on_progress=lambda progress: progress.failed and lost.set())
        except anyio.get_cancelled_exc_class() as error:
            caught.append(error)
            raise

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go)
        await lost.wait()
        await anyio.sleep(0.1)
        tasks.cancel_scope.cancel()
    contexts = [error.__context__ for error in caught]
    results = [context.result for context in contexts if isinstance(context, BulkError)]
    assert [(result.accepted, result.failures) for result in results] == [(20, 20)]


@pytest.mark.parametrize(("unknown", "sent"), [("keep", 1), ("as_sent", 1), ("as_not_sent", 2)])
async def test_a_person_decides_what_nothing_can_tell(
    path: Path, pass_minutes: Callable[[Sandbox, float], None], unknown: str, sent: int
) -> None:
    """Of an order that was taken, and which the list does not show for hours: kept open, counted, or sent again."""
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(hours=5)))
    sandbox.fail("send-sms", "drop-answer")
    await run(sandbox, path, 20)
    pass_minutes(sandbox, 30)
    second = await run(sandbox, path, 20, unknown=unknown)
    assert (second.accepted, second.failures) == ((0, 20) if unknown == "keep" else (20, 0))
    assert second.unidentified == (20 if unknown == "as_sent" else 0)
    third = await run(sandbox, path, 20)
    assert (third.accepted, third.failures) == (second.accepted, second.failures)
    assert sandbox.deliveries == Counter(numbers(20) * sent)


async def test_cancelled_while_a_decision_is_written_down_everybody_is_named(
    path: Path, pass_minutes: Callable[[Sandbox, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every write: what is to be sent anew, what is not decided yet, and what cannot be told."""
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(hours=5)))
    sandbox.fail("send-sms", "drop-answer", times=3)
    await run(sandbox, path, 60)
    pass_minutes(sandbox, 30)
    kept, write, left = path.read_bytes(), JournalFile._write, 0
    told: list[BulkResult] = []

    def cancelling(self: JournalFile, old: Row | None, change: Change, fence: Fence | None) -> Answer:
        nonlocal left
        left -= 1
        if not left:
            anyio.from_thread.run_sync(tasks.cancel_scope.cancel)
        return write(self, old, change, fence)

    async def go() -> None:
        try:
            await run(sandbox, path, 60, unknown="as_not_sent")
        except anyio.get_cancelled_exc_class() as error:
            told.extend([error.__context__.result] if isinstance(error.__context__, BulkError) else [])
            raise

    monkeypatch.setattr(JournalFile, "_write", cancelling)
    for writes in range(1, 13):
        left = writes
        path.write_bytes(kept)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(go)
    assert len(told) > 6
    assert {result.accepted + result.failures for result in told} == {60}


def fill_disk(monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    """Let journals write no row of this state from now on."""
    write = JournalFile._write

    def full(self: JournalFile, old: Row | None, change: Change, fence: Fence | None) -> Answer:
        if change.row.state is state:
            raise StoreError("the disk is full")
        return write(self, old, change, fence)

    monkeypatch.setattr(JournalFile, "_write", full)


async def test_a_decision_that_cannot_be_written_down_is_none(
    path: Path, pass_minutes: Callable[[Sandbox, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order stays unknown, and counts as nothing else."""
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(hours=5)))
    sandbox.fail("send-sms", "drop-answer")
    await run(sandbox, path, 20)
    pass_minutes(sandbox, 30)
    fill_disk(monkeypatch, State.SENT)
    with pytest.raises(JournalError, match="the disk is full") as caught:
        await run(sandbox, path, 20, unknown="as_sent")
    assert caught.value.result is not None
    assert (caught.value.result.accepted, caught.value.result.failures) == (0, 20)


async def test_what_cannot_be_written_down_is_surely_not_sent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that is its first attempt; and nobody else is."""
    sandbox = Sandbox()
    fill_disk(monkeypatch, State.BEGUN)
    with pytest.raises(JournalError, match="the disk is full") as caught:
        await run(sandbox, path, 20)
    assert caught.value.result is not None
    assert [failure.count for failure in caught.value.result.not_sent] == [20]
    assert not sandbox.orders


async def test_a_refused_order_that_cannot_be_struck_out_is_in_the_journal_once(
    path: Path, pass_minutes: Callable[[Sandbox, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its blocked recipient is not written down a second time, and the next runs count each recipient once."""
    sandbox = Sandbox(blocked=[numbers(40)[7]])
    with monkeypatch.context() as full:
        fill_disk(full, State.FREE)
        with pytest.raises(JournalError, match="the disk is full"):
            await run(sandbox, path)
    sandbox.fail("send-sms", "drop-request")
    second = await run(sandbox, path)
    assert second.read == second.accepted + len(second.refused) + second.failures == 40
    pass_minutes(sandbox, 61)
    last = await run(sandbox, path)
    assert (last.accepted, len(last.refused), last.failures) == (39, 1, 0)
    assert sandbox.deliveries == Counter(number for number in numbers(40) if number != numbers(40)[7])


async def test_an_order_that_never_left_is_not_in_the_journal(path: Path) -> None:
    """Neither as open nor as freed: what asks for its turn in vain leaves nothing behind."""

    class Broken:
        async def acquire(self, n: int) -> None:
            raise RuntimeError

    async with Sandbox().client(sender="FIRMA", iys=Iys.OFF, retry=ONCE, rate=Broken()) as client:
        with pytest.raises(BulkError):
            await client.send_bulk(TEXT, numbers(20), journal=path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT part FROM iletimerkezi_rows").fetchall() == [(0,)]


async def test_a_decision_is_about_earlier_runs_alone(path: Path) -> None:
    """What this run lost may still be settled."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer")
    result = await run(sandbox, path, 20, unknown="as_not_sent")
    assert [failure.count for failure in result.unknown] == [20]
    assert sandbox.deliveries == Counter(numbers(20))


async def test_a_decision_is_not_about_an_attempt_of_the_run_itself(path: Path) -> None:
    """An order that did not arrive is sent again while that is safe; lost once more, it may have been taken by now."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-request")
    await run(sandbox, path, 20)
    sandbox.fail("send-sms", "drop-answer")
    result = await run(sandbox, path, 20, unknown="as_not_sent")
    assert [failure.count for failure in result.unknown] == [20]
    assert (await run(sandbox, path, 20)).accepted == 20
    assert sandbox.deliveries == Counter(numbers(20))


@pytest.mark.parametrize("fault", ["drop-answer", "drop-request", "html-502", "garbage"])
async def test_a_time_that_cannot_be_heard_anew_lets_nothing_go_out_again(path: Path, fault: str) -> None:
    """By the one that was heard before, an order of eleven minutes ago would be one of now."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        await client.get_balance()
        sandbox.fail("send-sms", "drop-answer")
        await client.send_bulk(TEXT, numbers(1), journal=path)
        sandbox.advance(minutes=11)
        sandbox.fail("get-reports", fault, times=99)
        result = await client.send_bulk(TEXT, numbers(1), journal=path)
    assert result.unknown
    assert sandbox.deliveries == Counter(numbers(1))


async def test_what_earlier_runs_had_is_told(path: Path) -> None:
    """Beside what this one has; the result is the same whoever sent it."""
    sandbox = Sandbox()
    first = await run(sandbox, path, 40)
    second = await run(sandbox, path, 60)
    assert (first.accepted, first.accepted_before) == (40, 0)
    assert (second.accepted, second.accepted_before) == (60, 40)


@pytest.mark.parametrize(
    ("name", "value"),
    [("unknown", "maybe"), ("unknown", None), ("settle_for", -1), ("settle_for", "900"), ("settle_for", float("nan"))],
)
async def test_what_is_no_decision_is_told(path: Path, name: str, value: object) -> None:
    """Before anything is read or written."""
    sandbox = Sandbox()
    with pytest.raises(ConfigurationError, match=name):
        await run(sandbox, path, **{name: value})
    assert not path.exists()
    assert not sandbox.requests


@pytest.mark.parametrize("options", [{"unknown": "as_sent"}, {"unknown": "as_not_sent"}, {"settle_for": 60.0}])
async def test_what_is_about_a_journal_needs_one(options: dict[str, object]) -> None:
    """Without one it would do nothing, and is refused before anything is sent."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        with pytest.raises(ConfigurationError, match="give a `journal`"):
            await client.send_bulk(TEXT, numbers(1), **options)  # type: ignore[arg-type]  # of all types
        with pytest.raises(ConfigurationError, match="give a `journal`"):
            await client.send_bulk_messages(dated(1), **options)  # type: ignore[arg-type]  # likewise
    assert not sandbox.requests


async def test_cancelled_while_its_journal_is_closed_a_result_is_not_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch, anyio_backend: str
) -> None:
    """By asyncio's own cancellation it goes along with the exception; a cancel scope's finds the call at its end."""
    closing, may_close = threading.Event(), threading.Event()
    close = JournalFile._close

    def slow(self: JournalFile) -> None:
        closing.set()
        may_close.wait(PATIENCE)
        close(self)

    monkeypatch.setattr(JournalFile, "_close", slow)
    told: list[BulkResult] = []
    running: list[asyncio.Task[object]] = []

    async def go() -> None:
        if anyio_backend == "asyncio":
            task = asyncio.current_task()
            assert task is not None
            running.append(task)
        try:
            told.append(await run(Sandbox(), path, 20))
        except anyio.get_cancelled_exc_class() as error:
            if isinstance(error.__context__, BulkError):
                told.append(error.__context__.result)
            raise

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go)
        await anyio.to_thread.run_sync(closing.wait, 30)
        tasks.cancel_scope.cancel()
        if anyio_backend == "asyncio":
            for task in running:
                task.cancel()
        may_close.set()
    assert [result.accepted for result in told] == [20]


# Texts that changed.


async def send_messages(sandbox: Sandbox, path: Path, messages: Iterable[Message], **options: object) -> BulkResult:
    settings: dict[str, object] = {"batch_size": 2, "concurrency": 1, "journal": path}
    async with client_of(sandbox) as client:
        return await client.send_bulk_messages(messages, **(settings | options))  # type: ignore[arg-type]  # of all types


def dated(day: int, count: int = 6) -> list[Message]:
    return [Message(f"Randevunuz {day} Aralik", number) for number in numbers(count)]


@pytest.mark.parametrize("read_once", [False, True])
@pytest.mark.parametrize("fault", ["402", "drop-answer"])
async def test_texts_that_changed_stop_a_campaign_before_anything_more_goes_out(
    path: Path, fault: str, read_once: bool
) -> None:
    """Told how many it concerns: who was texted, or may have been."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle", times=2)
    sandbox.fail("send-sms", fault)
    with suppress(BulkError):
        await send_messages(sandbox, path, dated(1))
    sent = Counter(sandbox.deliveries)
    concerned = 4 if fault == "402" else 6
    with pytest.raises(JournalError, match=f"other texts for {concerned} recipients") as caught:
        await send_messages(sandbox, path, iter(dated(2)) if read_once else dated(2))
    assert sandbox.deliveries == sent
    result = caught.value.result
    assert result is not None
    assert result.read == result.accepted + result.failures


async def test_so_many_changed_texts_are_enough(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be read only once is not read to its end for their number."""
    monkeypatch.setattr("iletimerkezi_async.campaigns.intake._MOST_CHANGED", 3)
    sandbox = Sandbox()
    await send_messages(sandbox, path, dated(1, 6))
    left = iter(dated(2, 20))
    with pytest.raises(JournalError, match="other texts for 3 recipients"):
        await send_messages(sandbox, path, left)
    assert len([*left]) == 17


async def test_no_number_of_changed_texts_passes_in_silence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is counted whole before it is read: then nothing of it is read, and the campaign stops all the same."""
    monkeypatch.setattr("iletimerkezi_async.campaigns.intake._MOST_CHANGED", 3)
    sandbox = Sandbox()
    await send_messages(sandbox, path, dated(1, 6))
    sent = Counter(sandbox.deliveries)
    with pytest.raises(JournalError, match="other texts for 6 recipients"):
        await send_messages(sandbox, path, dated(2, 6))
    assert sandbox.deliveries == sent


async def test_a_list_is_looked_through_before_anything_goes_out(path: Path) -> None:
    """New recipients who stand before a changed text do not get the new one."""
    sandbox = Sandbox()
    await send_messages(sandbox, path, dated(1, 4))
    sent = Counter(sandbox.deliveries)
    with pytest.raises(JournalError, match="other texts for 4 recipients"):
        await send_messages(sandbox, path, [*dated(2, 12)[4:], Message("", "5301234567"), *dated(2, 4), *dated(2, 1)])
    assert sandbox.deliveries == sent


async def test_new_texts_go_out_where_that_is_meant(path: Path) -> None:
    """To those who had the old ones, too."""
    sandbox = Sandbox()
    await send_messages(sandbox, path, dated(1, 4))
    result = await send_messages(sandbox, path, dated(2, 6), allow_new_texts=True)
    assert (result.accepted, result.accepted_before, result.failures) == (10, 4, 0)
    assert sandbox.deliveries == Counter(numbers(4) * 2 + numbers(6)[4:])


@pytest.mark.parametrize("again", [list, lambda messages: messages[::-1], iter])
async def test_a_further_text_for_somebody_is_no_changed_one(
    path: Path, again: Callable[[list[Message]], Iterable[Message]]
) -> None:
    """Two reminders each, and the first ones went out: the same messages again send the rest, lists in any order."""
    sandbox = Sandbox()
    messages = [Message(text, number) for text in ("Bir", "Iki") for number in numbers(4)]
    sandbox.fail("send-sms", "close-idle", times=2)
    sandbox.fail("send-sms", "402")
    with pytest.raises(BulkError):
        await send_messages(sandbox, path, messages)
    result = await send_messages(sandbox, path, again(messages))
    assert (result.accepted, result.failures) == (8, 0)
    assert sandbox.deliveries == Counter(numbers(4) * 2)


async def test_who_was_refused_may_come_with_another_text(path: Path) -> None:
    """Nobody texted them."""
    sandbox = Sandbox(blocked=numbers(1))
    await send_messages(sandbox, path, dated(1, 1))
    result = await send_messages(sandbox, path, dated(2, 1))
    assert (len(result.refused), result.failures) == (2, 0)
    assert not sandbox.deliveries


# Sources.


class Connection:
    """What a generator keeps open."""

    def __init__(self) -> None:
        self.closed = 0

    async def rows(self) -> AsyncIterator[dict[str, str]]:
        try:
            for number in numbers(40):
                yield {"telefon": number, "ad": "Ada"}
        finally:
            self.closed += 1

    def plain_rows(self) -> Iterator[dict[str, str]]:
        try:
            for number in numbers(40):
                yield {"telefon": number, "ad": "Ada"}
        finally:
            self.closed += 1


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("kind", ["rows", "plain_rows"])
async def test_a_generator_is_closed_before_the_call_ends(stops: bool, kind: str) -> None:
    """Also behind `fill_template`, and where the campaign stops in the middle."""
    sandbox = Sandbox()
    connection = Connection()
    if stops:
        sandbox.fail("send-sms", "402")
    messages = fill_template("Sayin {ad}", getattr(connection, kind)())
    async with client_of(sandbox) as client:
        with suppress(BulkError):
            await client.send_bulk_messages(messages, batch_size=10, concurrency=1)
        assert connection.closed == 1


@pytest.mark.parametrize("options", [{"journal": "other"}, {"batch_size": 0}, {"iys": "HAYIR"}])
@pytest.mark.parametrize("kind", ["rows", "plain_rows"])
async def test_a_generator_is_closed_also_if_the_campaign_cannot_begin(
    path: Path, kind: str, options: dict[str, object]
) -> None:
    """Its caller may have read a first row of it, so that it has a connection open."""
    connection = Connection()
    options = options | ({"journal": path} if "journal" in options else {})
    async with client_of(Sandbox()) as client:
        await client.send_bulk(TEXT, numbers(1), journal=path)
        for send in (partial(client.send_bulk, "Baska bir metin"), client.send_bulk_messages):
            connection.closed = 0
            source = getattr(connection, kind)()
            await anext(source) if kind == "rows" else next(source)
            with pytest.raises((JournalError, ConfigurationError)):
                await send(source, **options)  # type: ignore[operator]  # one of two methods
            assert connection.closed == 1


@pytest.mark.parametrize("kind", ["rows", "plain_rows"])
async def test_a_generator_is_closed_if_the_journal_does_not_fit(tmp_path: Path, kind: str) -> None:
    """Although nothing of it was read by the campaign: the caller had begun it, to look at its first row."""
    sandbox = Sandbox()
    connection = Connection()
    rows = getattr(connection, kind)()
    await anext(rows) if kind == "rows" else next(rows)
    async with client_of(sandbox) as client:
        await client.send_bulk("Kampanya", numbers(1), journal=tmp_path / "journal")
        with pytest.raises(JournalError, match="another kind of campaign"):
            await client.send_bulk_messages(fill_template("Sayin {ad}", rows), journal=tmp_path / "journal")
        assert connection.closed == 1


async def test_an_error_is_kept_if_its_source_cannot_be_closed() -> None:
    """The caller gets the first error, which is the reason."""

    class Source:
        def __aiter__(self) -> Source:
            return self

        async def __anext__(self) -> str:
            raise ValueError("first")

        async def aclose(self) -> None:
            raise ValueError("second")

    async with client_of(Sandbox()) as client:
        with pytest.raises(ValueError, match="first"):
            await client.send_bulk("Kampanya", Source())


@pytest.mark.parametrize("journal", [False, True])
async def test_the_result_is_told_if_only_the_source_cannot_be_closed(path: Path, journal: bool) -> None:
    """All were texted: the error is chained to the result, so that nobody has to guess."""

    class Source:
        def __init__(self) -> None:
            self.rows = iter(numbers(10))

        def __aiter__(self) -> Source:
            return self

        async def __anext__(self) -> str:
            for number in self.rows:
                return number
            raise StopAsyncIteration

        async def aclose(self) -> None:
            raise OSError("the connection is gone")

    async with client_of(Sandbox()) as client:
        with pytest.raises(OSError, match="the connection is gone") as caught:
            await client.send_bulk("Kampanya", Source(), journal=path if journal else None)
    told = caught.value.__context__
    assert isinstance(told, BulkError)
    assert told.result.accepted == 10


async def test_a_key_and_a_campaign_of_one_store_know_of_each_other(
    tmp_path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """Both lost an order to the same person, and one was taken: neither is sent again, and none gets its id."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", "drop-request")
    async with SqliteStore(tmp_path / "store") as store, client_of(sandbox, store=store) as client:
        await client.send_bulk("Kampanya", numbers(1), journal=store.journal("kis"))
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Kodunuz 1234", numbers(1), key="k")
        pass_minutes(sandbox, 61)
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms("Kodunuz 1234", numbers(1), key="k")
        result = await client.send_bulk("Kampanya", numbers(1), journal=store.journal("kis"))
    assert result.unknown
    assert sandbox.deliveries == Counter(numbers(1))
