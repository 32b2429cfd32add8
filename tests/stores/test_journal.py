"""The journal: the same call after a crash sends what is missing, and nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path

import anyio
import httpx
import pytest
from canned import QUICK
from forked import python
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import until_told, wait_until

from iletimerkezi_async import (
    AsyncClient,
    BulkError,
    BulkResult,
    DuplicateOrderError,
    InsufficientBalanceError,
    Iys,
    JournalError,
    Message,
    OutcomeUnknownError,
    Progress,
    Retry,
    ScheduleError,
    TransportError,
)
from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.sandbox import Sandbox, Style
from iletimerkezi_async.stores.log import Answer, Change, Fence, Row, State
from iletimerkezi_async.stores.sqlite import JournalFile

pytestmark = pytest.mark.anyio
TEXT = "Kampanyamiz basladi"


def numbers(count: int) -> list[str]:
    return [f"+9053012{index:05}" for index in range(count)]


def personal(count: int) -> list[Message]:
    return [Message(f"Sayin {index % 7}", f"053012{index:05}") for index in range(count)]


def client_of(sandbox: Sandbox, **options: object) -> AsyncClient:
    settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "retry": QUICK, "rate": None}
    return sandbox.client(**(settings | options))  # type: ignore[arg-type]  # settings of any type


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kampanya.journal"


def comparable(result: BulkResult) -> tuple[object, ...]:
    return (
        set(result.orders), result.accepted, sorted(result.refused), result.duplicates, result.read,
        sorted(failure.recipients for failure in result.failed),
    )  # fmt: skip


async def stop_after(sandbox: Sandbox, path: Path, accepted: int, **call: object) -> None:
    """A campaign that breaks off in the middle."""

    def break_off(progress: Progress) -> None:
        if progress.accepted >= accepted:
            raise RuntimeError("power cut")

    async with client_of(sandbox) as client:
        with pytest.raises(RuntimeError):
            await client.send_bulk(TEXT, numbers(1000), batch_size=100, journal=path, on_progress=break_off, **call)  # type: ignore[arg-type]  # of all types


async def test_a_finished_campaign_sends_nothing_more(path: Path) -> None:
    """And gives the same result."""
    everybody = [*numbers(1000), "x", numbers(1)[0]]
    sandbox = Sandbox(blocked=[numbers(1000)[567]])
    async with client_of(sandbox) as client:
        first = await client.send_bulk(TEXT, everybody, batch_size=100, journal=path)
        sent = sum(operation == "send-sms" for operation, _ in sandbox.requests)
        second = await client.send_bulk(TEXT, everybody, batch_size=100, journal=path)
    assert sum(operation == "send-sms" for operation, _ in sandbox.requests) == sent
    assert (second.orders, sorted(second.refused), second.failed) == (first.orders, sorted(first.refused), first.failed)
    assert (first.accepted, len(first.refused), first.duplicates) == (999, 2, 1)
    assert (second.accepted, second.accepted_before, second.duplicates) == (999, 999, 1)
    assert "999 accepted in 10 orders (999 by earlier runs)" in repr(second)


async def test_a_stopped_campaign_goes_on(path: Path) -> None:
    """In orders of another size, from recipients in another order: what counts is who."""
    sandbox = Sandbox()
    await stop_after(sandbox, path, 300)
    assert 300 <= sum(sandbox.deliveries.values()) < 1000
    async with client_of(sandbox) as client:
        result = await client.send_bulk(TEXT, reversed(numbers(1000)), batch_size=70, journal=path)
    assert sandbox.deliveries == Counter(numbers(1000))
    assert (result.accepted, result.read, result.duplicates, result.failures) == (1000, 1000, 0, 0)
    assert {order.id for order in result.orders} == {order.id for order in sandbox.orders}


@pytest.mark.parametrize(
    ("fault", "minutes"),
    [*product(["drop-answer", "drop-request"], [0, 5, 61, 60 * 24]), ("drop-answer", 11)],
)
@pytest.mark.parametrize("kind", ["one text", "several texts"])
async def test_an_order_of_unknown_outcome_is_settled(
    path: Path, minutes: int, kind: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the 10 minutes by sending it again, and after that by the reports; taken or not, it is sent once.

    That it was not taken is told by a list that shows newer orders, or after an hour.
    """
    sandbox = Sandbox()
    retry = Retry(attempts=2, wait_initial=0)

    async def run() -> BulkResult:
        async with client_of(sandbox, retry=retry) as client:
            if kind == "one text":
                return await client.send_bulk(TEXT, numbers(300), batch_size=100, concurrency=1, journal=path)
            return await client.send_bulk_messages(personal(300), batch_size=100, concurrency=1, journal=path)

    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", fault, times=2)
    first = await run()
    assert [type(failure.error) for failure in first.failed] == [OutcomeUnknownError]
    assert first.accepted == 200
    sandbox.advance(minutes=minutes)
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + 60 * minutes)
    second = await run()
    assert (second.accepted, second.failures, second.read) == (300, 0, 300)
    assert set(sandbox.deliveries.values()) == {1}
    assert len(sandbox.deliveries) == 300
    assert {order.id for order in second.orders} == {order.id for order in sandbox.orders}


async def test_what_the_reports_do_not_tell_stays_unknown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent on a guess; the next run asks again."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer", times=2)
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        await client.send_bulk(TEXT, numbers(100), journal=path)
        sandbox.advance(minutes=30)
        real = time.time
        monkeypatch.setattr("time.time", lambda: real() + 60 * 30)
        sandbox.fail("get-reports", "401", times=2)
        result = await client.send_bulk(TEXT, numbers(100), journal=path)
        assert [type(failure.error) for failure in result.failed] == [OutcomeUnknownError]
        sandbox.heal()
        result = await client.send_bulk(TEXT, numbers(100), journal=path)
    assert (result.accepted, result.failures) == (100, 0)
    assert sandbox.deliveries == Counter(numbers(100))


async def test_a_wrong_clock_of_this_machine_is_no_harm(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks that contradict each other prove nothing: it stays unknown, until somebody decides."""
    sandbox = Sandbox()
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() - 3 * 3600)
    sandbox.fail("send-sms", "drop-answer", times=2)
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        await client.send_bulk(TEXT, numbers(100), journal=path)
        sandbox.advance(minutes=30)
        monkeypatch.setattr("time.time", lambda: real() - 3 * 3600 + 30 * 60)
        result = await client.send_bulk(TEXT, numbers(100), journal=path)
        assert (result.accepted, result.failures, len(result.unknown)) == (0, 100, 1)
        result = await client.send_bulk(TEXT, numbers(100), journal=path, unknown="as_sent")
    assert (result.accepted, result.failures, result.unidentified) == (100, 0, 100)
    assert sandbox.deliveries == Counter(numbers(100))


async def test_a_stop_over_the_balance_goes_on_when_it_is_filled(path: Path) -> None:
    """What was refused was surely not sent."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle", times=3)
    sandbox.fail("send-sms", "402", times=100)
    async with client_of(sandbox) as client:
        with pytest.raises(BulkError):
            await client.send_bulk(TEXT, numbers(1000), batch_size=100, journal=path)
        sandbox.heal()
        result = await client.send_bulk(TEXT, numbers(1000), batch_size=100, journal=path)
    assert (result.accepted, result.failures) == (1000, 0)
    assert sandbox.deliveries == Counter(numbers(1000))


@pytest.mark.parametrize("kind", ["one text", "several texts"])
async def test_a_duplicate_of_somebody_else_s_is_not_sent_by_a_later_run(path: Path, kind: str) -> None:
    """They have had it, also when the 10 minutes are over."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:

        async def run() -> BulkResult:
            if kind == "one text":
                return await client.send_bulk(TEXT, numbers(10), journal=path)
            return await client.send_bulk_messages(personal(10), journal=path)

        if kind == "one text":
            await client.send_sms(TEXT, numbers(10))
        else:
            await client.send_messages(personal(10))
        assert (await run()).failures == 10
        sandbox.advance(minutes=30)
        (failure,) = (await run()).failed
    assert isinstance(failure.error, DuplicateOrderError)
    assert {message.text for message in failure.messages} <= {TEXT, *(f"Sayin {n}" for n in range(7))}
    assert set(sandbox.deliveries.values()) == {1}


async def test_recipients_that_the_source_does_not_bring_again_are_accounted_for(path: Path) -> None:
    """They were read by the earlier run."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, numbers(100), journal=path)
        result = await client.send_bulk(TEXT, [*numbers(50), "+905309999999"], journal=path)
        assert (result.read, result.accepted) == (101, 101)


async def test_unsettled_personal_messages_that_are_not_read_again(path: Path) -> None:
    """Their texts are not in the journal: they are looked up, and never sent without."""
    sandbox = Sandbox()
    for fault in ("drop-answer", "drop-request"):
        sandbox.fail("send-sms", fault, times=2)
    retry = Retry(attempts=2, wait_initial=0)
    async with client_of(sandbox, retry=retry) as client:
        await client.send_bulk_messages(personal(20), batch_size=10, concurrency=1, journal=path)
        result = await client.send_bulk_messages(personal(5), batch_size=10, concurrency=1, journal=path)
    assert (result.read, result.accepted, result.failures) == (20, 10, 10)
    assert len(sandbox.deliveries) == 10


@pytest.mark.parametrize(
    ("faults", "accepted"),
    [
        (["drop-request", "drop-answer"], 0),
        (["drop-answer", "drop-request"], 0),
        (["drop-answer", "drop-answer"], 20),
        (["drop-request", "drop-request"], 20),
    ],
)
async def test_two_texts_to_the_same_people_are_not_mixed_up(
    path: Path, faults: list[str], accepted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report shows no text: where it may be of either order, neither counts as sent, and neither is sent again."""
    sandbox = Sandbox()
    for fault in faults:
        sandbox.fail("send-sms", fault, times=2)
    messages = [Message("Bir", numbers(10)), Message("Iki", reversed(numbers(10)))]
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        await client.send_bulk_messages(messages, batch_size=10, concurrency=1, journal=path)
        sandbox.advance(minutes=61)
        real = time.time
        monkeypatch.setattr("time.time", lambda: real() + 60 * 61)
        for _ in range(2):
            result = await client.send_bulk_messages(messages, batch_size=10, concurrency=1, journal=path)
            assert (result.accepted, result.failures) == (accepted, 20 - accepted)
    assert {type(failure.error) for failure in result.failed} <= {OutcomeUnknownError}
    sent = [order.texts for order in sandbox.orders]
    assert len(sent) == len(set(sent))


async def test_an_order_without_an_id_does_not_stand_in_for_another(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in the reports may be the one that is known to be taken."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", "451")
    sandbox.fail("get-reports", "401", times=3)
    sandbox.fail("send-sms", "drop-request", times=2)
    messages = [Message("Bir", numbers(10)), Message("Iki", numbers(10))]
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        first = await client.send_bulk_messages(messages, batch_size=10, concurrency=1, journal=path)
        assert (first.unidentified, first.failures) == (10, 10)
        sandbox.advance(minutes=30)
        real = time.time
        monkeypatch.setattr("time.time", lambda: real() + 60 * 30)
        result = await client.send_bulk_messages(messages, batch_size=10, concurrency=1, journal=path)
    assert (result.accepted, result.failures) == (10, 10)


@pytest.mark.parametrize("blocked", [0, 1, 9])
async def test_reports_that_tell_little_are_no_proof(path: Path, blocked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing counts and times: an order that cannot be recognised is not sent again. Blocked numbers are no riddle."""
    style = Style() if blocked else Style(late_fields=False)
    sandbox = Sandbox(blocked=numbers(blocked), blocked_policy="skip", style=style)
    sandbox.fail("send-sms", "drop-answer", times=2)
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        await client.send_bulk(TEXT, numbers(10), journal=path)
        sandbox.advance(minutes=30)
        real = time.time
        monkeypatch.setattr("time.time", lambda: real() + 60 * 30)
        result = await client.send_bulk(TEXT, numbers(10), journal=path)
    assert [type(failure.error) for failure in result.failed] == ([] if blocked else [OutcomeUnknownError])
    assert set(sandbox.deliveries.values()) == {1}
    assert len(sandbox.orders) == 1


@pytest.mark.parametrize(("here", "there"), [(0, 11), (11, 0), (0, 60), (-60, 11), (60, 11)])
async def test_clocks_that_jump_between_two_runs(
    path: Path, here: int, there: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's or the service's: nothing is sent again on what one of them says."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer", times=2)
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        await client.send_bulk(TEXT, numbers(10), journal=path)
        sandbox.advance(minutes=there)
        real = time.time
        monkeypatch.setattr("time.time", lambda: real() + 60 * here)
        result = await client.send_bulk(TEXT, numbers(10), journal=path)
    assert (result.accepted, result.failures) == (0, 10)
    assert sandbox.deliveries == Counter(numbers(10))


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_in_the_middle_of_a_run(
    path: Path, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks that moved against each other prove nothing: the order stays unknown, and nobody is texted twice."""
    sandbox = Sandbox()
    real = time.time

    def set_clock(progress: Progress) -> None:
        if progress.accepted == 10:
            monkeypatch.setattr("time.time", lambda: real() + 3600 * hours)
            sandbox.fail("send-sms", "drop-answer", times=2)

    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        await client.send_bulk(TEXT, numbers(20), batch_size=10, concurrency=1, journal=path, on_progress=set_clock)
        sandbox.advance(minutes=30)
        monkeypatch.setattr("time.time", lambda: real() + 3600 * hours + 30 * 60)
        result = await client.send_bulk(TEXT, numbers(20), batch_size=10, journal=path)
    assert (result.accepted, result.failures, len(result.unknown)) == (10, 10, 1)
    assert sandbox.deliveries == Counter(numbers(20))


async def test_a_clock_that_was_set_back_lengthens_no_window(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order of 8 minutes ago may be sent again for one more minute, and not for what this machine's clock says."""
    sandbox = Sandbox()
    # The first answer tells the service's time.
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-answer", times=2)
    late = 0.0
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + late)

    class Slow:
        turns = 0

        async def acquire(self, n: int, /) -> None:
            nonlocal late
            self.turns += 1
            if self.turns == 2:
                late += 180
                sandbox.advance(minutes=3)

    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
        await client.send_bulk(TEXT, numbers(20), batch_size=10, concurrency=1, journal=path)
    sandbox.advance(minutes=8)
    late += 60
    sandbox.fail("send-sms", "drop-request")
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0), rate=Slow()) as client:
        result = await client.send_bulk(TEXT, numbers(20), batch_size=10, journal=path)
    assert [type(failure.error) for failure in result.failed] == [OutcomeUnknownError]
    assert sandbox.deliveries == Counter(numbers(20))


async def test_a_finished_campaign_asks_for_nothing(path: Path) -> None:
    """Not even for the time."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, numbers(10), journal=path)
        requests = len(sandbox.requests)
        await client.send_bulk(TEXT, numbers(10), journal=path)
    assert len(sandbox.requests) == requests


@pytest.mark.parametrize("minutes", [5, 30, -30])
async def test_a_service_that_does_not_tell_its_time(path: Path, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's clock alone, which may have been set, proves nothing."""
    sandbox = Sandbox()
    answers = iter(["drop", "drop"])

    def relay(request: httpx.Request) -> httpx.Response:
        operation = request.url.path.removeprefix("/v1/").removesuffix("/json")
        if operation == "send-sms" and next(answers, None) == "drop":
            raise httpx.ReadError("lost before it was taken")
        reply = sandbox.handle(operation, request.content)
        return httpx.Response(reply.status, content=reply.body)

    http = httpx.AsyncClient(transport=httpx.MockTransport(relay))
    retry = Retry(attempts=2, wait_initial=0)
    client = AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, http_client=http, rate=None, retry=retry)
    await client.send_bulk(TEXT, numbers(10), journal=path)
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + 60 * minutes)
    result = await client.send_bulk(TEXT, numbers(10), journal=path)
    assert (result.accepted, result.failures) == (0, 10)
    assert not sandbox.deliveries


async def test_an_order_that_waited_long_for_its_turn_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written down when it leaves, not when its turn is asked for."""
    sandbox = Sandbox()
    late = 0.0
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + late)

    class Slow:
        async def acquire(self, n: int, /) -> None:
            nonlocal late
            if not late:
                late += 1800
                sandbox.advance(minutes=30)

    sandbox.fail("send-sms", "drop-answer", times=2)
    retry = Retry(attempts=2, wait_initial=0)
    async with client_of(sandbox, retry=retry, rate=Slow()) as client:
        await client.send_bulk(TEXT, numbers(10), journal=path)
        sandbox.advance(minutes=30)
        late += 1800
        result = await client.send_bulk(TEXT, numbers(10), journal=path)
    assert (result.accepted, result.failures) == (10, 0)
    assert sandbox.deliveries == Counter(numbers(10))


async def test_personal_messages_read_again_when_the_source_breaks(path: Path) -> None:
    """Each is in one list, with its text, and none is said to be not sent that may have been."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer", times=2)
    retry = Retry(attempts=2, wait_initial=0)

    def broken() -> Iterator[Message]:
        yield from personal(5)
        raise OSError("the disk is gone")

    async with client_of(sandbox, retry=retry) as client:
        await client.send_bulk_messages(personal(10), journal=path)
        with pytest.raises(OSError, match="the disk is gone") as caught:
            await client.send_bulk_messages(broken(), journal=path)
    assert isinstance(caught.value.__context__, BulkError)
    result = caught.value.__context__.result
    assert result.read == result.failures == 10
    assert {type(failure.error) for failure in result.failed} == {OutcomeUnknownError}


async def test_asyncio_s_own_cancellation_spares_the_journal(path: Path, anyio_backend: str) -> None:
    """It leaves a worker thread running, whom the next one must not meet."""
    if anyio_backend != "asyncio":
        pytest.skip("asyncio's own cancellation")
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        for step in range(40):
            task = asyncio.ensure_future(client.send_bulk(TEXT, numbers(100), batch_size=10, journal=path))
            await asyncio.sleep(step / 4000)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        results: list[BulkResult] = []

        async def goes_on() -> bool:
            with suppress(JournalError):
                results.append(await client.send_bulk(TEXT, numbers(100), batch_size=10, journal=path))
            return bool(results)

        await until_told(goes_on)
    (result,) = results
    assert (result.accepted, result.failures) == (100, 0)
    assert sandbox.deliveries == Counter(numbers(100))


async def test_a_refused_second_run_does_not_open_the_door_to_a_third(path: Path) -> None:
    """Of another process: the lock of the first holds on."""
    sandbox = Sandbox()
    code = (
        "import sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], timeout=0)\n"
        "try: database.execute('BEGIN IMMEDIATE'); print('open')\n"
        "except sqlite3.OperationalError as error: print(error)\n"
    )
    said: list[str] = []

    async def second(_: Progress) -> None:
        with pytest.raises(JournalError, match="in use"):
            await client.send_bulk(TEXT, numbers(10), journal=path)
        done = await anyio.run_process([*python(), "-c", code, str(path)])
        said.append(done.stdout.decode().strip())

    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, numbers(10), journal=path, on_progress=second)
    assert said == ["database is locked"]


# The file.


async def test_the_file_is_its_owner_s_alone_and_holds_no_text(path: Path) -> None:
    """Numbers must be in it; credentials and texts are not."""
    os.umask(0o022)
    sandbox = Sandbox(key="gizli-anahtar", hash="gizli-ozet")
    modes: set[int] = set()

    def look(_: Progress) -> None:
        modes.update(stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir())

    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, numbers(300), batch_size=100, journal=path, on_progress=look)
    assert modes == {0o600}
    content = b"".join(each.read_bytes() for each in path.parent.iterdir())
    for secret in ("gizli", TEXT, "Kampanya"):
        assert secret.encode() not in content


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"text": "Baska"}, "another text"),
        ({"sender": "APITEST"}, "another sender"),
        ({"iys": Iys.TACIR}, "another consent choice"),
        ({"send_at": datetime(2099, 1, 1, tzinfo=timezone.utc)}, "another schedule"),
    ],
)
async def test_a_journal_of_another_campaign_is_refused(path: Path, other: dict[str, object], named: str) -> None:
    """By name, and before anything is sent."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, numbers(10), journal=path)
        requests = len(sandbox.requests)
        arguments: dict[str, object] = {"text": TEXT, "to": numbers(10), "journal": path} | other
        with pytest.raises(JournalError, match=named):
            await client.send_bulk(**arguments)  # type: ignore[arg-type]  # of all types
        with pytest.raises(JournalError, match="another kind of campaign"):
            await client.send_bulk_messages(personal(1), journal=path)
    assert len(sandbox.requests) == requests


def corrupt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:8192] = os.urandom(4096)
    path.write_bytes(data)


def make_other_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE guests (name TEXT)")
        database.commit()


def edit(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as database:
            database.execute(statement)
            database.commit()

    return damage


def change_a_number(path: Path) -> None:
    """As a bit that rots: SQLite does not notice it."""
    data = path.read_bytes()
    number = (905301200005).to_bytes(8, sys.byteorder)
    assert data.count(number) == 1
    path.write_bytes(data.replace(number, (905301209995).to_bytes(8, sys.byteorder)))


DAMAGES: list[Callable[[Path], object]] = [
    corrupt,
    change_a_number,
    make_other_database,
    edit("UPDATE iletimerkezi_rows SET state = 'done' WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET state = 'refused' WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET first_at = 'dun' WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET first_at = 1e300 WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET last_at = -1 WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET first_service = -1e300 WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET last_service = 5 WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET entries = 5 WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET entries = x'0102' WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET entries = NULL WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET order_id = 'x' WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET order_id = '17' WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET token = 'x' WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET recipients = 7 WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET mark = '' WHERE part > 0"),
    edit("UPDATE iletimerkezi_rows SET content = '' WHERE part > 0"),
    edit("DELETE FROM iletimerkezi_rows WHERE part = 0"),
    edit("UPDATE iletimerkezi_rows SET entries = replace(entries, 'salt', 'sale') WHERE part = 0"),
    edit("UPDATE iletimerkezi_rows SET content = 'x' WHERE part = 0"),
    lambda path: path.write_bytes(b"not a database at all, but long enough to be looked at" * 100),
    lambda path: path.write_bytes(path.read_bytes()[:5000]),
]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_journal_is_refused(path: Path, damage: Callable[[Path], object]) -> None:
    """Nothing is sent that might have been sent before."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, numbers(2000), batch_size=1000, journal=path)
        requests = len(sandbox.requests)
        damage(path)
        with pytest.raises(JournalError, match=r"damaged|not a journal"):
            await client.send_bulk(TEXT, numbers(2000), journal=path)
    assert len(sandbox.requests) == requests


async def test_all_that_was_written_down_is_in_the_one_file(path: Path) -> None:
    """Whoever carries a journal to another machine, in the middle of a campaign, leaves nothing behind."""
    sandbox = Sandbox()
    copy = path.with_name("copy")

    def cut_the_power(progress: Progress) -> None:
        if progress.accepted >= 300:
            copy.write_bytes(path.read_bytes())
            raise RuntimeError

    async with client_of(sandbox) as client:
        with pytest.raises(RuntimeError):
            await client.send_bulk(TEXT, numbers(1000), batch_size=100, journal=path, on_progress=cut_the_power)
        sandbox.advance(minutes=30)
        result = await client.send_bulk(TEXT, numbers(1000), batch_size=70, journal=copy)
    assert result.accepted + sum(failure.count for failure in result.unknown) == 1000
    assert set(sandbox.deliveries.values()) == {1}


async def test_a_journal_that_comes_back_to_what_it_left_behind(path: Path) -> None:
    """The log of a power cut lies where the file, finished elsewhere meanwhile, is put back: it undoes nothing."""
    sandbox = Sandbox()
    few = numbers(100)
    options = {"batch_size": 10, "concurrency": 1}
    left: dict[Path, bytes] = {}
    elsewhere = path.with_name("elsewhere")

    def cut_the_power(progress: Progress) -> None:
        if progress.accepted >= 30 and not left:
            left.update((file, file.read_bytes()) for file in path.parent.iterdir())
            raise RuntimeError

    async with client_of(sandbox) as client:
        with pytest.raises(RuntimeError):
            await client.send_bulk(TEXT, few, on_progress=cut_the_power, journal=path, **options)
        elsewhere.write_bytes(left.pop(path))
        await client.send_bulk(TEXT, few, journal=elsewhere, **options)
        sandbox.advance(minutes=30)
        left[path] = elsewhere.read_bytes()
        for file, content in left.items():
            file.write_bytes(content)
        await client.send_bulk(TEXT, few, journal=path, **options)
    assert set(sandbox.deliveries.values()) == {1}


@pytest.mark.parametrize("where", ["missing/folder.journal", "."])
async def test_a_journal_that_cannot_be_made_is_refused(tmp_path: Path, where: str) -> None:
    """With the system's reason."""
    sandbox = Sandbox()
    async with client_of(sandbox) as client:
        with pytest.raises(JournalError, match=r"cannot be (opened|written)"):
            await client.send_bulk(TEXT, numbers(10), journal=tmp_path / where)
    assert not sandbox.requests


async def test_a_full_disk_stops_before_anything_unwritten_is_sent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent is in the result, and the next run, with room again, finishes."""
    sandbox = Sandbox()
    real = sqlite3.connect

    def small(*arguments: object, **options: object) -> sqlite3.Connection:
        database: sqlite3.Connection = real(*arguments, **options)  # type: ignore[call-overload]  # handed through
        database.execute("PRAGMA max_page_count = 12")
        return database

    monkeypatch.setattr("sqlite3.connect", small)
    async with client_of(sandbox) as client:
        with pytest.raises(JournalError, match="cannot be written: database or disk is full") as caught:
            await client.send_bulk(TEXT, numbers(10_000), batch_size=1000, journal=path)
        result = caught.value.result
        assert result is not None
        assert 0 < result.accepted == sum(sandbox.deliveries.values()) < 10_000
        assert result.accepted + result.failures == result.read
        monkeypatch.setattr("sqlite3.connect", real)
        result = await client.send_bulk(TEXT, numbers(10_000), batch_size=1000, journal=path)
    assert (result.accepted, result.failures) == (10_000, 0)
    assert set(sandbox.deliveries.values()) == {1}


@pytest.mark.parametrize(
    ("state", "calls", "accepted", "refused"),
    [(State.SENT, 1, 5, 0), (State.FREE, 1, 0, 1), (State.BEGUN, 2, 0, 1)],
)
async def test_a_journal_that_breaks_after_an_answer_loses_nobody(
    path: Path, monkeypatch: pytest.MonkeyPatch, state: State, calls: int, accepted: int, refused: int
) -> None:
    """What the service has said counts: who was taken, or refused. Nothing more is sent."""
    sandbox = Sandbox(blocked=[] if accepted else numbers(1))
    real, called = JournalFile._write, 0

    def broken(self: JournalFile, old: Row | None, change: Change, fence: Fence | None) -> Answer:
        nonlocal called
        called += change.row.state is state
        if called == calls:
            raise StoreError("the disk is full")
        return real(self, old, change, fence)

    monkeypatch.setattr(JournalFile, "_write", broken)
    async with client_of(sandbox) as client:
        with pytest.raises(JournalError, match="full") as caught:
            await client.send_bulk(TEXT, numbers(20), batch_size=5, concurrency=1, journal=path)
    result = caught.value.result
    assert result is not None
    assert (result.accepted, len(result.refused)) == (accepted, refused)
    assert result.accepted + len(result.refused) + result.failures == result.read
    assert sum(sandbox.deliveries.values()) == accepted


# Crashes.

RUN = """
import sys, anyio
from iletimerkezi_async import AsyncClient, BulkError, Iys, Message, Retry, TransportError

async def main():
    url, path, kind = sys.argv[1:]
    numbers = [f"053012{index:05}" for index in range(2000)]
    retry = Retry(attempts=3, wait_initial=0.001)
    async with AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, retry=retry, rate=None) as client:
        if kind == "one":
            result = await client.send_bulk("Kampanya", numbers, batch_size=50, journal=path)
        else:
            messages = (Message(f"Sayin {index % 5}", number) for index, number in enumerate(numbers))
            result = await client.send_bulk_messages(messages, batch_size=50, journal=path)
    print(result.accepted, result.read, result.failures)

anyio.run(main, backend="asyncio")
"""
FAULTS = ["drop-answer", "drop-request", "html-502", "half-answer", "empty-503", "402"]


@pytest.mark.parametrize("kind", ["one", "several"])
def test_killed_many_times_and_everybody_is_texted_once(path: Path, kind: str) -> None:
    """SIGKILL at random moments, with faults in between."""
    draw = random.Random(kind)
    sandbox = Sandbox()
    command = [*python(), "-c", RUN]
    with sandbox.serve() as url:
        killed = 0
        for _ in range(7):
            for _ in range(draw.randrange(5)):
                sandbox.fail("send-sms", draw.choice(FAULTS))
            before = len(sandbox.orders)
            run = subprocess.Popen([*command, url, str(path), kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            orders = before + draw.randrange(4)
            wait_until(lambda orders=orders, run=run: len(sandbox.orders) >= orders or run.poll() is not None)  # type: ignore[misc]
            time.sleep(draw.random() * 0.02)
            run.send_signal(signal.SIGKILL)
            run.communicate()
            killed += run.returncode == -signal.SIGKILL
        sandbox.heal()
        for _ in range(3):
            last = subprocess.run([*command, url, str(path), kind], capture_output=True, text=True, check=False)
            if last.stdout == "2000 2000 0\n":
                break
    assert killed >= 4
    assert last.stdout == "2000 2000 0\n", last.stderr
    assert sandbox.deliveries == Counter(f"+9053012{index:05}" for index in range(2000))


@settings(max_examples=settings().max_examples // 5, suppress_health_check=list(HealthCheck))
@given(
    runs=st.lists(
        st.tuples(st.integers(0, 80), st.lists(st.sampled_from(FAULTS), max_size=3), st.integers(0, 75), st.booleans()),
        min_size=2,
        max_size=6,
    ),
    several=st.booleans(),
    batch_size=st.integers(1, 20),
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_cancelled_at_random_moments_and_resumed(
    runs: list[tuple[int, list[str], int, bool]],
    several: bool,
    batch_size: int,
    backend: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Runs that are broken off anywhere, faults, and minutes asleep in between: at last, everybody once."""
    path = tmp_path_factory.mktemp("journal") / "journal"
    sandbox = Sandbox()
    clock = {"minutes": 0}
    real = time.time

    def pass_minutes(minutes: int) -> None:
        sandbox.advance(minutes=minutes)
        clock["minutes"] += minutes

    async def run(client: AsyncClient) -> BulkResult:
        if several:
            return await client.send_bulk_messages(personal(60), batch_size=batch_size, journal=path)
        return await client.send_bulk(TEXT, numbers(60), batch_size=batch_size, journal=path)

    async def main() -> BulkResult:
        async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:
            for steps, faults, minutes, anew in runs:
                for fault in faults:
                    sandbox.fail("send-sms", fault)
                sending = client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) if anew else client
                with anyio.CancelScope() as scope:
                    async with anyio.create_task_group() as tasks:

                        async def give_up(steps: int = steps, scope: anyio.CancelScope = scope) -> None:
                            for _ in range(steps):
                                await anyio.sleep(0.0002)
                            scope.cancel()

                        tasks.start_soon(give_up)
                        with suppress(BulkError):
                            await run(sending)
                        scope.cancel()
                if anew:
                    await sending.aclose()
                pass_minutes(minutes)
            sandbox.heal()
            await run(client)
            # A list without newer orders does not show that an order may go out again, before an hour is over.
            pass_minutes(61)
            return await run(client)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: real() + 60 * clock["minutes"])
        result = anyio.run(main, backend=backend)
    assert (result.accepted, result.read, result.failures) == (60, 60, 0)
    assert len(sandbox.deliveries) == 60
    assert set(sandbox.deliveries.values()) == {1}


async def test_schedules_are_part_of_a_campaign(path: Path) -> None:
    """The same moment, in whatever zone, is the same schedule."""
    sandbox = Sandbox()
    due = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=1)
    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, numbers(10), journal=path, send_at=due)
        result = await client.send_bulk(
            TEXT, numbers(10), journal=path, send_at=due.astimezone(timezone(timedelta(hours=5)))
        )
    assert result.accepted == 10
    assert len(sandbox.orders) == 1


@pytest.fixture
def hours_pass(pass_minutes: Callable[[Sandbox, float], None]) -> Callable[[Sandbox, float], None]:
    """Let the time go by for everybody."""
    return lambda sandbox, hours: pass_minutes(sandbox, 60 * hours)


def soon() -> datetime:
    return datetime.now(timezone.utc) + timedelta(hours=1)


async def test_a_finished_schedule_gives_its_result_when_its_time_has_come(
    path: Path, hours_pass: Callable[[Sandbox, float], None]
) -> None:
    """Nothing is left to be sent, so that nothing comes too late."""
    sandbox = Sandbox()
    past = datetime(2020, 1, 1, tzinfo=timezone.utc)
    due = soon()
    async with client_of(sandbox) as client:
        first = await client.send_bulk(TEXT, numbers(300), batch_size=100, journal=path, send_at=due)
        hours_pass(sandbox, 2)
        second = await client.send_bulk(TEXT, numbers(300), batch_size=100, journal=path, send_at=due)
        with pytest.raises(JournalError, match="another schedule"):
            await client.send_bulk(TEXT, numbers(300), journal=path, send_at=past)
        with pytest.raises(ScheduleError, match="past"):
            await client.send_bulk(TEXT, numbers(300), journal=path.with_name("new"), send_at=past)
    assert comparable(first) == comparable(second)
    assert sandbox.deliveries == Counter(numbers(300))


async def test_a_stopped_schedule_is_settled_when_its_time_has_come(
    path: Path, hours_pass: Callable[[Sandbox, float], None]
) -> None:
    """What is unknown is looked up; what was not sent is named, and does not go out at once instead."""
    sandbox = Sandbox()
    due = soon()
    sandbox.fail("send-sms", "drop-answer", times=2)
    sandbox.fail("send-sms", "402")
    async with client_of(sandbox, retry=Retry(attempts=2, wait_initial=0)) as client:

        async def run() -> BulkResult:
            with pytest.raises(BulkError) as caught:
                await client.send_bulk(TEXT, numbers(300), batch_size=100, concurrency=1, journal=path, send_at=due)
            assert isinstance(caught.value.error, (InsufficientBalanceError, ScheduleError))
            return caught.value.result

        assert (await run()).accepted == 0
        hours_pass(sandbox, 2)
        result = await run()
    assert (result.accepted, result.failures) == (100, result.read - 100)
    assert {type(failure.error) for failure in result.failed} <= {ScheduleError, TransportError}
    assert sandbox.deliveries == Counter(numbers(100))


async def test_a_schedule_whose_time_comes_in_the_middle_stops(
    path: Path, hours_pass: Callable[[Sandbox, float], None]
) -> None:
    """Its last orders might go out at once."""
    sandbox = Sandbox()

    def dawdle(progress: Progress) -> None:
        if progress.accepted == 200:
            hours_pass(sandbox, 2)

    async with client_of(sandbox) as client:
        with pytest.raises(BulkError) as caught:
            await client.send_bulk(
                TEXT, numbers(300), batch_size=100, concurrency=1, on_progress=dawdle, send_at=soon()
            )
    assert isinstance(caught.value.error, ScheduleError)
    assert caught.value.error.http_status is None
    assert (caught.value.result.accepted, caught.value.result.failures) == (200, 100)
