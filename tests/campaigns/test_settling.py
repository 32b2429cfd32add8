"""Orders of earlier runs: what became of them is found out, whatever went wrong meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from canned import QUICK
from journaled import TEXT, TWICE, client_of, numbers, run
from waiting import give_up_once

from iletimerkezi_async import AsyncClient, BulkError, BulkResult, Iys, Message, OutcomeUnknownError, Progress, Retry
from iletimerkezi_async.orders.driver import Claim
from iletimerkezi_async.sandbox import Sandbox, Weather
from iletimerkezi_async.stores import SqliteStore
from iletimerkezi_async.stores.log import Change, State

pytestmark = pytest.mark.anyio


async def test_a_scheduled_campaign_is_not_held_up_by_its_own_orders(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """They are not due, and so have no report; but their ids are known."""
    sandbox = Sandbox()
    due = datetime.now(timezone.utc) + timedelta(hours=5)
    sandbox.fail("send-sms", "close-idle", times=2)
    sandbox.fail("send-sms", "drop-request", times=2)
    first = await run(sandbox, path, send_at=due)
    assert (first.accepted, first.failures) == (80, 20)
    pass_minutes(sandbox, 61)
    second = await run(sandbox, path, send_at=due)
    assert (second.accepted, second.failures) == (100, 0)
    assert len(sandbox.orders) == 5


@pytest.mark.parametrize("others", [{"sender": "APITEST"}, {"recipients": 3}, {}])
async def test_orders_of_others_hold_nothing_up(
    path: Path, others: dict[str, object], pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """Of another sender, of another size, and of the same: none is ours."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-request", times=2)
    await run(sandbox, path)
    sandbox.add_orders(5, **({"recipients": 20} | others))  # type: ignore[arg-type]  # of all types
    pass_minutes(sandbox, 61)
    result = await run(sandbox, path)
    assert (result.accepted, result.failures) == (100, 0)


async def test_a_few_that_were_skipped_as_blocked_do_not_hide_an_order(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """It has one number less than it was sent with."""
    sandbox = Sandbox(blocked=numbers(1), blocked_policy="skip")
    sandbox.fail("send-sms", "drop-answer", times=2)
    await run(sandbox, path)
    pass_minutes(sandbox, 15)
    result = await run(sandbox, path)
    assert (result.accepted, result.failures) == (100, 0)
    assert sandbox.deliveries == Counter(numbers(100)[1:])


async def test_a_long_list_is_read_once(path: Path, pass_minutes: Callable[[Sandbox, float], None]) -> None:
    """Whether it is whole shows at its end; of the reports, a few at once."""
    sandbox = Sandbox()
    sandbox.add_orders(300)
    pass_minutes(sandbox, 300)
    sandbox.fail("send-sms", "drop-answer", times=2)
    assert (await run(sandbox, path, 20)).failures == 20
    pass_minutes(sandbox, 15)
    assert (await run(sandbox, path, 20)).accepted == 20
    assert sandbox.request_counts["get-reports"] <= 15
    assert sandbox.request_counts["get-report"] <= 8


async def test_an_order_that_two_runs_began_to_send(path: Path, pass_minutes: Callable[[Sandbox, float], None]) -> None:
    """The second run loses its answer as well; the duplicate that the third one meets is its own."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle", times=4)
    sandbox.fail("send-sms", "drop-request", times=2)
    await run(sandbox, path)
    pass_minutes(sandbox, 61)
    sandbox.fail("send-sms", "drop-answer", times=2)
    sandbox.weather = Weather(list_lag=timedelta(minutes=2))
    assert (await run(sandbox, path)).failures == 20
    pass_minutes(sandbox, 1)
    result = await run(sandbox, path)
    assert (result.accepted, result.failures) == (100, 0)
    assert sandbox.deliveries == Counter(numbers(100))


async def test_the_same_set_is_the_same_order_to_a_service_that_compares_in_sequence(path: Path) -> None:
    """Numbers go out sorted, whatever sequence they are read in."""
    sandbox = Sandbox(duplicates="sequence")
    sandbox.fail("send-sms", "drop-answer", times=2)
    everybody = numbers(20)
    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, everybody, journal=path)
        result = await client.send_bulk(TEXT, reversed(everybody), journal=path)
        assert (result.accepted, result.failures) == (20, 0)
        sandbox.fail("send-sms", "drop-answer")
        messages = [Message("Bir", everybody[::-1]), Message("Iki", everybody)]
        await client.send_messages(messages)
    assert all(order.numbers[:20] == tuple(everybody) for order in sandbox.orders)


async def test_the_service_is_never_asked_for_the_time(path: Path) -> None:
    """Whatever it answers tells that, and nobody waits for it."""
    sandbox = Sandbox()
    sandbox.fail("get-balance", "stall")
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-request", times=2)
    await run(sandbox, path)
    await run(sandbox, path)
    assert sandbox.request_counts["get-balance"] == 0
    assert sandbox.deliveries == Counter(numbers(100))


async def test_an_order_with_an_id_does_not_count_among_those_without(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """Of two texts to the same people one was lost; the other is sent now, and known: the lost one is found."""
    sandbox = Sandbox()
    two = [Message("Bir", numbers(20)), Message("Iki", numbers(20))]
    async with client_of(sandbox) as client:

        async def go(messages: list[Message]) -> BulkResult:
            return await client.send_bulk_messages(
                messages, batch_size=20, concurrency=1, journal=path, allow_new_texts=True
            )

        sandbox.fail("send-sms", "drop-answer", times=2)
        assert (await go(two[1:])).failures == 20
        pass_minutes(sandbox, 15)
        result = await go(two)
    assert (result.accepted, result.failures, result.unidentified) == (40, 0, 0)
    assert [order.texts[0][0] for order in sandbox.orders] == ["Iki", "Bir"]


async def test_cancelled_while_the_reports_are_read(path: Path, pass_minutes: Callable[[Sandbox, float], None]) -> None:
    """Everybody is in the result all the same, and in doubt."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer", times=2)
    await run(sandbox, path, 20)
    pass_minutes(sandbox, 15)
    sandbox.fail("get-reports", "stall")

    async def go() -> None:
        try:
            await run(sandbox, path, 20)
        except anyio.get_cancelled_exc_class() as error:
            context = error.__context__
            assert isinstance(context, BulkError)
            assert (context.result.read, context.result.failures) == (20, 20)
            assert isinstance(context.result.failed[0].error, OutcomeUnknownError)
            raise

    asked = sandbox.request_counts["get-reports"]
    assert await give_up_once(lambda: sandbox.request_counts["get-reports"] > asked, go)


@pytest.mark.parametrize("fault", ["drop-answer", "drop-request"])
async def test_runs_that_are_broken_off_soon_get_forward(
    path: Path, fault: str, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """Each settles some orders before it ends, and what was settled stays so."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", fault, times=48)
    async with client_of(sandbox) as client:
        await client.send_bulk(
            TEXT,
            numbers(500),
            batch_size=25,
            concurrency=1,
            journal=path,
            on_progress=lambda _: pass_minutes(sandbox, 0.1),
        )
    sandbox.heal()
    pass_minutes(sandbox, 15 if fault == "drop-answer" else 61)
    settled = [25]
    while settled[-1] < 500:
        result = await _broken_off(sandbox, path, requests=45)
        assert result.accepted > settled[-1]
        settled.append(result.accepted)
        pass_minutes(sandbox, 15 if fault == "drop-answer" else 61)
    assert sandbox.deliveries == Counter(numbers(500))


async def _broken_off(sandbox: Sandbox, path: Path, requests: int) -> BulkResult:
    """A run that ends after so many requests."""
    before = sum(sandbox.request_counts.values())
    results: list[BulkResult] = []
    async with client_of(sandbox, QUICK) as client, anyio.create_task_group() as tasks:

        async def go() -> None:
            try:
                results.append(await client.send_bulk(TEXT, numbers(500), batch_size=25, journal=path))
            except anyio.get_cancelled_exc_class() as error:
                results.append(error.__context__.result)  # type: ignore[union-attr]  # a BulkError
                raise
            tasks.cancel_scope.cancel()

        tasks.start_soon(go)
        while sum(sandbox.request_counts.values()) < before + requests:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    return results[0]


@pytest.mark.parametrize("later", [1, 12, 30])
async def test_an_order_that_was_sent_again_is_found_at_its_own_time(
    path: Path, pass_minutes: Callable[[Sandbox, float], None], later: float
) -> None:
    """The reports surely lack the first attempt; the second one loses its answer, and the third run finds it."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-request", times=2)
    await run(sandbox, path, 20)
    pass_minutes(sandbox, 61)
    sandbox.fail("send-sms", "drop-answer", times=2)
    second = await run(sandbox, path, 20)
    assert (second.accepted, second.failures, len(sandbox.orders)) == (0, 20, 1)
    pass_minutes(sandbox, later)
    third = await run(sandbox, path, 20)
    assert (third.accepted, third.failures) == (20, 0)
    assert sandbox.deliveries == Counter(numbers(20))


async def test_a_refusal_in_doubt_leaves_open_what_was_before(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """Sent again within the ten minutes and refused for the balance, it may have been taken all the same."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-request", times=2)
    await run(sandbox, path, 40)
    pass_minutes(sandbox, 5)
    sandbox.fail("send-sms", "402")
    second = await run(sandbox, path, 40)
    assert (second.failures, type(second.failed[0].error)) == (20, OutcomeUnknownError)
    pass_minutes(sandbox, 61)
    third = await run(sandbox, path, 40)
    assert (third.accepted, third.failures) == (40, 0)
    assert sandbox.deliveries == Counter(numbers(40))


async def run_once(sandbox: Sandbox, path: Path, count: int = 20) -> BulkResult:
    """A run that knows the service's time, and sends nothing twice."""
    async with client_of(sandbox, Retry(attempts=1)) as client:
        await client.get_balance()
        return await client.send_bulk(TEXT, numbers(count), batch_size=20, concurrency=1, journal=path)


async def test_an_order_taken_long_after_it_was_begun_shows_nothing_of_the_times(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """It was sent again an hour later. By its beginning, the list's times seemed to be that far ahead."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-request")
    await run_once(sandbox, path)
    pass_minutes(sandbox, 61)
    assert (await run_once(sandbox, path)).accepted == 20
    sandbox.fail("send-sms", "drop-answer")
    assert (await run_once(sandbox, path, 40)).failures == 20
    pass_minutes(sandbox, 14)
    last = await run_once(sandbox, path, 40)
    assert (last.accepted, last.failures) == (40, 0)
    assert sandbox.deliveries == Counter(numbers(40))


async def test_what_was_sent_at_any_time_stays_so_after_a_refusal(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """Taken two hours after its beginning, not listed yet, and refused a minute later: it is found all the same."""
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(minutes=2)))
    await run_once(sandbox, path)
    for minutes, fault in ((0, "drop-request"), (61, "drop-request"), (61, "drop-answer"), (1, "402")):
        pass_minutes(sandbox, minutes)
        sandbox.fail("send-sms", fault)
        with suppress(BulkError):
            await run_once(sandbox, path, 40)
    pass_minutes(sandbox, 20)
    last = await run_once(sandbox, path, 40)
    assert (last.accepted, last.failures) == (40, 0)
    assert sandbox.deliveries == Counter(numbers(40))


async def test_a_machine_that_slept_is_not_misled_about_when_it_sent_what(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """The monotonic clock stood still: by it, what was answered before the sleep was sent a moment ago."""
    sandbox = Sandbox()
    async with client_of(sandbox, Retry(attempts=1)) as client:
        await client.send_sms(TEXT, "+905309999999")
        pass_minutes(sandbox, 60)
        await client.get_balance()
        sandbox.fail("send-sms", "drop-answer")
        await client.send_bulk(TEXT, numbers(20), journal=path)
        pass_minutes(sandbox, 14)
        result = await client.send_bulk(TEXT, numbers(20), journal=path)
    assert (result.accepted, result.failures) == (20, 0)
    assert all(sandbox.deliveries[number] == 1 for number in numbers(20))


async def test_a_list_that_was_read_before_a_sleep_is_read_again(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """It lags, and did not have the second order then; by the monotonic clock it was read a moment ago."""
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(minutes=2)))
    first = [Message("Bir", number) for number in numbers(20)]
    second = [Message("Iki", number) for number in numbers(40)[20:]]

    async def go(messages: list[Message], on_progress: Callable[[Progress], None] | None = None) -> BulkResult:
        async with client_of(sandbox, Retry(attempts=1)) as client:
            await client.get_balance()
            return await client.send_bulk_messages(
                messages, batch_size=20, concurrency=1, journal=path, on_progress=on_progress
            )

    def sleep(progress: Progress) -> None:
        if progress.accepted == 20:
            pass_minutes(sandbox, 30)

    sandbox.fail("send-sms", "drop-request")
    await go(first)
    pass_minutes(sandbox, 29)
    sandbox.fail("send-sms", "drop-answer")
    await go(second)
    pass_minutes(sandbox, 1)
    result = await go(first + second, sleep)
    assert (result.accepted, result.failures) == (40, 0)
    assert sandbox.deliveries == Counter(numbers(40))


@pytest.mark.parametrize(("then", "now"), [(-30, 0), (0, 30), (16, 0), (0, -16)])
async def test_a_clock_that_was_set_between_two_runs_makes_no_order_another(
    path: Path, pass_minutes: Callable[[Sandbox, float], None], then: int, now: int
) -> None:
    """What an order that is known of now shows of `Date` was not so when the lost one was sent."""
    sandbox = Sandbox(weather=Weather(date_offset=timedelta(minutes=then)))
    sandbox.fail("send-sms", "drop-answer")
    async with client_of(sandbox, Retry(attempts=1)) as client:
        await client.get_balance()
        await client.send_bulk(TEXT, numbers(40), journal=path)
    sandbox.weather = Weather(date_offset=timedelta(minutes=now))
    for minutes in (15, 5):
        pass_minutes(sandbox, minutes)
        async with client_of(sandbox) as client:
            await client.send_sms(f"Merhaba {minutes}", "+905309999999")
            await client.send_bulk(TEXT, numbers(40), journal=path)
        assert all(sandbox.deliveries[number] == 1 for number in numbers(40))


async def test_clocks_that_are_weeks_apart_leave_it_open(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """No list has all the days on which the order may have been taken."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer")
    async with client_of(sandbox, Retry(attempts=1)) as client:
        await client.send_bulk(TEXT, numbers(40), journal=path)
    pass_minutes(sandbox, 70)
    sandbox.weather = Weather(date_offset=timedelta(days=12))
    async with client_of(sandbox) as client:
        await client.get_balance()
        result = await client.send_bulk(TEXT, numbers(40), journal=path, settle_for=0)
    [failure] = result.failed
    assert "more days than a list can have" in str(failure.error)
    assert set(sandbox.deliveries.values()) <= {1}


@pytest.mark.parametrize(
    "weather",
    [
        Weather(queue=timedelta(minutes=35), time_zone=timezone.utc),
        Weather(date_offset=timedelta(minutes=35), time_zone=timezone.utc),
        Weather(queue=timedelta(minutes=50), time_zone=timezone.utc),
        Weather(queue=timedelta(hours=2), time_zone=timezone(timedelta(hours=4))),
    ],
    ids=["queue", "date", "long queue", "longer queue"],
)
async def test_a_zone_and_a_queue_make_no_other_schedule(
    path: Path, pass_minutes: Callable[[Sandbox, float], None], weather: Weather
) -> None:
    """The list's times are hours off, and a clock or a queue some minutes: the lost order may still be ours."""
    sandbox = Sandbox(weather=weather)
    due = datetime.now(timezone.utc) + timedelta(hours=3)
    sandbox.fail("send-sms", "drop-answer")
    for minutes in (0, 15, 5):
        pass_minutes(sandbox, minutes)
        async with client_of(sandbox, Retry(attempts=1)) as client:
            await client.get_balance()
            await client.send_bulk(TEXT, numbers(40), journal=path, send_at=due)
    assert len(sandbox.orders) == 1


async def test_an_id_that_a_look_up_told_rules_nothing_out_elsewhere(
    tmp_path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """Two campaigns to the same numbers, both lost, one taken: whichever finds the order, it is not sent again."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-answer")
    sandbox.fail("send-sms", "drop-request")
    async with SqliteStore(tmp_path / "store") as store:
        for texts in ("AB", "BAB"):
            for text in texts:
                async with sandbox.client(
                    sender="FIRMA", iys=Iys.OFF, retry=Retry(attempts=1), rate=None, store=store
                ) as client:
                    await client.send_bulk(text, numbers(40), journal=tmp_path / text)
            pass_minutes(sandbox, 11)
    assert sandbox.deliveries == Counter(numbers(40))


async def test_who_is_refused_in_doubt_is_named_although_it_is_cancelled(
    path: Path, pass_minutes: Callable[[Sandbox, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign is cancelled while a refusal in doubt is written: its result still lists the recipients."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", "drop-request", times=2)
    await run(sandbox, path, 20)
    pass_minutes(sandbox, 13)
    sandbox.fail("send-sms", "402")
    write = Claim.write
    caught: list[BaseException] = []
    with anyio.CancelScope() as scope:

        async def write_and_give_up(self: Claim, change: Change, *, may_be_undone: bool = False) -> bool:
            is_written = await write(self, change, may_be_undone=may_be_undone)
            if change.row.state is State.UNKNOWN:
                scope.cancel()
                await anyio.lowlevel.checkpoint()
            return is_written

        monkeypatch.setattr(Claim, "write", write_and_give_up)
        try:
            await run(sandbox, path, 20)
        except BaseException as error:
            caught.append(error)
            raise
    context = caught[0].__context__
    assert isinstance(context, BulkError)
    assert (context.result.read, context.result.failures) == (20, 20)


@pytest.mark.parametrize("several", [False, True])
async def test_cancelled_at_every_pause_of_its_beginning_everybody_is_named(
    path: Path, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an earlier run began and this one has read of it is in one list, also where it pauses in between."""
    monkeypatch.setattr("iletimerkezi_async.orders.pieces._SLICE", 0.0)
    sandbox = Sandbox()
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-request", times=99)
    messages = [Message(f"Sayin {number[-2:]}" if several else TEXT, number) for number in numbers(60)]

    async def go(client: AsyncClient) -> BulkResult:
        if several:
            return await client.send_bulk_messages(messages, batch_size=20, concurrency=1, journal=path)
        return await client.send_bulk(TEXT, numbers(60), batch_size=20, concurrency=1, journal=path)

    async with client_of(sandbox) as client:
        await go(client)
    for pauses in range(40):
        with anyio.CancelScope() as scope:
            async with client_of(sandbox) as client, anyio.create_task_group() as tasks:

                async def give_up(pauses: int = pauses, scope: anyio.CancelScope = scope) -> None:
                    for _ in range(pauses):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()

                tasks.start_soon(give_up)
                try:
                    await go(client)
                except anyio.get_cancelled_exc_class() as error:
                    if isinstance(error.__context__, BulkError):
                        result = error.__context__.result
                        named = result.accepted + len(result.refused) + result.duplicates + result.failures
                        assert named == result.read
                    raise


class Waits:
    """A rate for which minutes are waited, before an attempt of that number."""

    def __init__(self, attempt: int, wait: Callable[[], None]) -> None:
        self._left = attempt
        self._wait = wait

    async def acquire(self, n: int, /) -> None:
        self._left -= 1
        if self._left == 0:
            self._wait()


async def test_an_order_that_was_refused_is_no_rival(
    path: Path, pass_minutes: Callable[[Sandbox, float], None]
) -> None:
    """It went to the same numbers as the one that is looked for, and is surely not in the reports."""
    sandbox = Sandbox()
    second = [Message("Iki", number) for number in numbers(40)]
    async with client_of(sandbox, Retry(attempts=1)) as client:
        await client.get_balance()
        sandbox.fail("send-sms", "drop-answer")
        await client.send_bulk_messages(second, batch_size=40, concurrency=1, journal=path)
        await client.add_blacklist(numbers(1)[0])
        pass_minutes(sandbox, 11)
        messages = [Message("Bir", number) for number in numbers(40)] + second
        result = await client.send_bulk_messages(
            messages, batch_size=40, concurrency=1, journal=path, allow_new_texts=True
        )
    assert (result.accepted, len(result.refused), result.failures) == (79, 1, 0)


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("seems", [8.5, 20])
async def test_nobody_is_texted_twice_after_a_wait_in_doubt(
    path: Path, monkeypatch: pytest.MonkeyPatch, attempt: int, seems: float
) -> None:
    """The list lags behind, and the service forgets the first attempt, not the second one, after 10 minutes."""
    sandbox = Sandbox(weather=Weather(list_lag=timedelta(hours=1)))
    real, late = time.time, 0.0
    monkeypatch.setattr("time.time", lambda: real() + late)
    sandbox.fail("send-sms", "drop-answer", times=1 + attempt)
    async with client_of(sandbox, Retry(attempts=1)) as client:
        await client.send_bulk(TEXT, numbers(20), journal=path)
    sandbox.advance(minutes=8.5)
    # Where it seems to be longer, this machine's clock was set.
    late += 60 * seems

    def wait() -> None:
        nonlocal late
        late += 60 * 3
        sandbox.advance(minutes=3)

    async with sandbox.client(sender="FIRMA", iys=Iys.OFF, retry=TWICE, rate=Waits(attempt, wait)) as client:
        result = await client.send_bulk(TEXT, numbers(20), journal=path)
    assert sandbox.deliveries == Counter(numbers(20))
    assert [type(failure.error) for failure in result.failed] == [OutcomeUnknownError]


@pytest.mark.parametrize("place", [0, 1, 3000, 8999])
async def test_a_run_that_is_cancelled_at_its_start_tells_of_all_earlier_orders(path: Path, place: int) -> None:
    """As soon as anybody is read."""
    sandbox = Sandbox()
    everybody = numbers(9000)
    told: list[BaseException | None] = []
    async with client_of(sandbox) as client:
        await client.send_bulk(TEXT, everybody, batch_size=3000, journal=path)
        with anyio.CancelScope() as scope:

            async def source() -> AsyncIterator[str]:
                for index, number in enumerate(everybody):
                    if index == place:
                        scope.cancel()
                        await anyio.lowlevel.checkpoint()
                    yield number

            try:
                await client.send_bulk(TEXT, source(), batch_size=3000, journal=path)
            except anyio.get_cancelled_exc_class() as error:
                told.append(error.__context__)
                raise
    (error,) = told
    assert isinstance(error, BulkError)
    assert error.result.accepted == 9000
