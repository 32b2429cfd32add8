"""Once, under a key: whatever is lost, cancelled or called again. The ledger of the sandbox is the judge."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from asking import interposed
from waiting import PATIENCE, until_told
from worlds import World

from iletimerkezi_async import (
    AsyncClient,
    ConfigurationError,
    DuplicateOrderError,
    InsufficientBalanceError,
    Iys,
    KeyConflictError,
    Message,
    Order,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
    Retry,
    SendInProgressError,
    SendState,
    StoreError,
)
from iletimerkezi_async.stores import Store
from iletimerkezi_async.stores.base import StoreLog
from iletimerkezi_async.stores.log import Answer, Change, KnownId

pytestmark = pytest.mark.anyio

ALI, VELI = "+905301234567", "+905301234568"
TEXT = "Siparisiniz yolda"


@pytest.fixture
async def client(world: World, store: Store) -> AsyncIterator[AsyncClient]:
    async with world.client(store) as client:
        yield client


def away(go_on: Callable[[], Answer], change: Change) -> Answer:
    raise StoreError("it is away")


async def state_of(client: AsyncClient, key: str = "k") -> SendState | None:
    found = await client.find_send(key)
    return None if found is None else found.state


async def test_a_second_call_gives_the_same_order(world: World, client: AsyncClient) -> None:
    """It is replayed, without any request; also by another client on another store of the same engine."""
    order = await client.send_sms(TEXT, ALI, key="k")
    assert order == Order(order.id, 1)
    async with world.engine.store() as other_store, world.client(other_store) as other:
        assert await other.send_sms(TEXT, ALI, key="k") == Order(order.id, 1, replayed=True)
    assert world.asked() == 1
    assert world.sent() == {ALI: 1}
    found = await client.find_send("k")
    assert found is not None
    assert (found.state, found.order_id, found.recipients) == (SendState.SENT, order.id, 1)
    assert found.first_attempt is not None
    assert abs(found.first_attempt - datetime.now(timezone.utc)) < timedelta(seconds=20)


async def test_spelling_and_sequence_make_no_difference(world: World, client: AsyncClient) -> None:
    """The numbers are what counts, and the messages as a whole."""
    order = await client.send_sms(TEXT, [ALI, VELI], key="k")
    assert await client.send_sms(TEXT, ["0530 123 45 68", 5301234567, ALI], key="k") == Order(
        order.id, 2, replayed=True
    )
    both = await client.send_messages([Message("a", ALI), Message("b", VELI)], key="two")
    again = await client.send_messages([Message("b", VELI), Message("a", ALI)], key="two")
    assert (again.id, again.replayed) == (both.id, True)
    assert world.asked() == 2


async def test_other_content_is_refused(world: World, client: AsyncClient) -> None:
    """Another text, sender, consent choice, schedule or recipient; nothing goes out."""
    await client.send_sms(TEXT, ALI, key="k")
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    for text, to, options in (
        (TEXT + "!", ALI, {}),
        (TEXT, VELI, {}),
        (TEXT, [ALI, VELI], {}),
        (TEXT, ALI, {"sender": "APITEST"}),
        (TEXT, ALI, {"iys": Iys.BIREYSEL}),
        (TEXT, ALI, {"send_at": later}),
    ):
        with pytest.raises(KeyConflictError) as caught:
            await client.send_sms(text, to, key="k", **options)  # type: ignore[arg-type]  # options of any type
        assert caught.value.key == "k"
    assert world.asked() == 1


async def test_a_key_needs_a_store(world: World) -> None:
    """Which is said before anything is sent."""
    async with world.client(None) as client:
        with pytest.raises(ConfigurationError, match="store"):
            await client.send_sms(TEXT, ALI, key="k")
        with pytest.raises(ConfigurationError, match="store"):
            await client.find_send("k")
    assert world.asked() == 0


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "a\0b", "\ud800", 5, b"k"])
async def test_what_can_be_no_key_is_refused(world: World, client: AsyncClient, key: object) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="`key`"):
        await client.send_sms(TEXT, ALI, key=key)  # type: ignore[arg-type]  # what is tested
    assert world.asked() == 0


async def test_a_question_about_no_key_is_refused(client: AsyncClient) -> None:
    """While a send may have none."""
    for ask in (client.find_send, client.mark_sent, client.mark_not_sent):
        with pytest.raises(ConfigurationError, match="`key`"):
            await ask(None)  # type: ignore[operator]  # what is tested


async def test_what_can_be_no_store_is_refused(world: World) -> None:
    """At construction, also a class instead of an object."""
    for wrong in ("sqlite:///x", type(world.engine.store())):
        with pytest.raises(ConfigurationError, match="`store`"):
            world.client(wrong)  # type: ignore[arg-type]  # what is tested


async def test_a_refusal_strikes_the_key_out(world: World, client: AsyncClient) -> None:
    """What was refused was not sent: the key is free, for other content as well."""
    world.sandbox.fail("send-sms", "402")
    with pytest.raises(InsufficientBalanceError):
        await client.send_sms(TEXT, ALI, key="k")
    assert await client.find_send("k") is None
    assert not (await client.send_sms(TEXT + "!", ALI, key="k")).replayed
    with pytest.raises(RecipientError):
        await client.send_sms(TEXT, "12", key="never")
    assert await client.find_send("never") is None


async def test_two_keys_with_one_text_are_one_message(world: World, client: AsyncClient) -> None:
    """Within the service's 10 minutes it refuses the second, which is then not sent; after them it is."""
    await client.send_sms(TEXT, ALI, key="k")
    with pytest.raises(DuplicateOrderError):
        await client.send_sms(TEXT, ALI, key="other")
    assert await client.find_send("other") is None
    world.later(minutes=11)
    assert not (await client.send_sms(TEXT, ALI, key="other")).replayed
    assert world.sent() == {ALI: 2}


async def test_a_lost_answer_is_settled(world: World, client: AsyncClient) -> None:
    """The id is found, and replayed from then on."""
    world.sandbox.fail("send-sms", "drop-answer")
    order = await client.send_sms(TEXT, ALI, key="k")
    assert order.id == world.sandbox.orders[0].id
    assert await client.send_sms(TEXT, ALI, key="k") == Order(order.id, 1, replayed=True)
    assert world.sent() == {ALI: 1}


async def test_taken_without_an_id_stays_taken(world: World, client: AsyncClient) -> None:
    """The list cannot be had: `OrderAcceptedError`, and again without a request; a person may only give the id."""
    world.sandbox.fail("send-sms", "drop-answer")
    world.sandbox.fail("get-reports", "400", times=99)
    with pytest.raises(OrderAcceptedError):
        await client.send_sms(TEXT, ALI, key="k")
    asked = sum(world.sandbox.request_counts.values())
    with pytest.raises(OrderAcceptedError):
        await client.send_sms(TEXT, ALI, key="k")
    assert sum(world.sandbox.request_counts.values()) == asked
    with pytest.raises(KeyConflictError):
        await client.mark_not_sent("k")
    await client.mark_sent("k", world.sandbox.orders[0].id)
    assert (await client.send_sms(TEXT, ALI, key="k")).replayed


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "lost"])
@pytest.mark.parametrize("minutes", [0, 8, 9.5, 11, 24 * 60])
async def test_an_unknown_outcome_is_settled_later(
    world: World, client: AsyncClient, minutes: float, arrives: bool
) -> None:
    """All answers lost, and the same call again: in the service's window it tells, after it the reports do."""
    world.sandbox.fail("send-sms", "drop-answer" if arrives else "drop-request")
    world.sandbox.fail("send-sms", "drop-request", times=2)
    with pytest.raises(OutcomeUnknownError, match="with its key cannot send twice"):
        await client.send_sms(TEXT, ALI, key="k")
    assert await state_of(client) is SendState.UNKNOWN
    world.sandbox.heal()
    world.later(minutes=minutes)
    try:
        order = await client.send_sms(TEXT, ALI, key="k")
    except OutcomeUnknownError:
        # No answer has told the service's time before it was lost, and no newer order shows that the list is fresh.
        assert not arrives
        assert minutes < 60
        assert await state_of(client) is SendState.UNKNOWN
    else:
        assert world.sent() == {ALI: 1}
        assert order.id == world.sandbox.orders[0].id
        assert await state_of(client) is SendState.SENT
    assert world.sent()[ALI] <= 1


@pytest.mark.parametrize("minutes", [0, 8, 9.5, 11, 59])
async def test_what_was_lost_goes_out_again_where_that_is_safe(
    world: World, client: AsyncClient, minutes: float
) -> None:
    """A lost order is sent again within the service's window, or after ten minutes if the list has a newer order."""
    await client.send_sms("Baska metin", VELI, key="older")
    world.sandbox.fail("send-sms", "drop-request", times=3)
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, ALI, key="k")
    world.later(minutes=minutes)
    if minutes == 9.5:
        with pytest.raises(OutcomeUnknownError, match="may not have the order yet"):
            await client.send_sms(TEXT, ALI, key="k")
        return
    if minutes > 9.5:
        with pytest.raises(OutcomeUnknownError, match="may lag"):
            await client.send_sms(TEXT, ALI, key="k")
        await client.send_sms("Yeni metin", VELI, key="newer")
    assert not (await client.send_sms(TEXT, ALI, key="k")).replayed
    assert world.sent()[ALI] == 1


async def test_a_clock_that_is_a_month_off_keeps_nothing_from_going_out_again(
    world: World, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's time is asked for by a list of the service's days, not of all between the two clocks."""
    real, month = time.time, 30 * 86_400.0
    monkeypatch.setattr(time, "time", lambda: real() + month)
    world.engine.shift(monkeypatch, month)
    await client.get_balance()
    world.sandbox.fail("send-sms", "drop-answer", times=3)
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, ALI, key="k")
    assert (await client.send_sms(TEXT, ALI, key="k")).id == world.sandbox.orders[0].id
    assert world.sent() == {ALI: 1}


async def test_a_person_resolves(world: World, client: AsyncClient) -> None:
    """Sent as an order, or not sent at all; and not while nothing is known or nothing is said."""
    world.sandbox.fail("send-sms", "drop-request", times=3)
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, ALI, key="k")
    for wrong in ("abc", True, 0):
        with pytest.raises(ConfigurationError, match="must be"):
            await client.mark_sent("k", wrong)
    assert await state_of(client) is SendState.UNKNOWN
    with pytest.raises(ConfigurationError, match="nothing is known"):
        await client.mark_not_sent("another")
    assert (await client.mark_not_sent("k")).state is SendState.NOT_SENT
    assert await client.find_send("k") is None
    order = await client.send_sms(TEXT, ALI, key="k")
    with pytest.raises(KeyConflictError):
        await client.mark_sent("k", order.id + 1)
    assert (await client.mark_sent("k", order.id)).order_id == order.id
    assert (await client.mark_sent("k", str(order.id))).order_id == order.id


async def test_calls_at_once_wait_for_the_one_that_sends(world: World, client: AsyncClient) -> None:
    """All get its order."""
    orders: list[Order] = []

    async def send() -> None:
        orders.append(await client.send_sms(TEXT, ALI, key="k"))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(send)
    assert len({order.id for order in orders}) == 1
    assert sum(not order.replayed for order in orders) == 1
    assert world.asked() == 1


async def test_whoever_waits_too_long_is_told(world: World, store: Store) -> None:
    """Another call is sending, and is not done within `timeout`."""
    world.sandbox.fail("send-sms", "stall")
    async with world.client(store) as slow, world.client(store, timeout=0.2) as quick:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow_send, slow)
            await until_told(partial(is_in, slow, SendState.BEGUN))
            with pytest.raises(SendInProgressError) as caught:
                await quick.send_sms(TEXT, ALI, key="k")
            with pytest.raises(SendInProgressError):
                await quick.mark_not_sent("k")
            tasks.cancel_scope.cancel()
        assert 0 < caught.value.retry_after < 120
        assert caught.value.key == "k"
        # The one that was cancelled leaves its lease behind it.
        await until_told(partial(is_in, slow, SendState.UNKNOWN))
        order = await slow.send_sms(TEXT, ALI, key="k")
    assert world.sent() == {ALI: 1}
    assert order.id == world.sandbox.orders[0].id


async def is_in(client: AsyncClient, state: SendState) -> bool:
    return await state_of(client) is state


async def slow_send(client: AsyncClient) -> None:
    await client.send_sms(TEXT, ALI, key="k")


async def test_cancelled_at_any_moment_it_is_sent_once(world: World, client: AsyncClient) -> None:
    """Claiming, beginning, sending and settling: the same call again ends in one order."""
    for step in range(25):
        number = f"+9053012345{step:02}"
        with anyio.move_on_after(step * 0.0008):
            await client.send_sms(TEXT, number, key=f"k{step}")
        order = await client.send_sms(TEXT, number, key=f"k{step}")
        assert order.id == world.sandbox.orders[-1].id
        assert len(world.sandbox.orders) == step + 1


async def test_with_the_store_away_nothing_is_sent(world: World, client: AsyncClient, store: Store) -> None:
    """`StoreError`; an order without a key is none of the store's business."""
    await store.aclose()
    with pytest.raises(StoreError):
        await client.send_sms(TEXT, ALI, key="k")
    assert world.asked() == 0
    assert (await client.send_sms(TEXT, ALI)).id


async def test_with_the_store_away_afterwards_the_order_is_given(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a WARNING; the next call settles it."""
    store = world.engine.store()
    real = type(store)._write

    async with world.client(store) as client:
        monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", away))
        with caplog.at_level(logging.WARNING, "iletimerkezi_async"):
            order = await client.send_sms(TEXT, ALI, key="k")
        assert "away" in caplog.text
        assert str(order.id) in caplog.text
        monkeypatch.setattr(type(store), "_write", real)
        assert await state_of(client) is SendState.BEGUN
        world.later(minutes=5)
        again = await client.send_sms(TEXT, ALI, key="k")
        assert again == Order(order.id, 1, replayed=True)
        assert world.asked() == 1
        assert await state_of(client) is SendState.SENT
    await store.aclose()


async def test_calls_at_the_same_time_settle_it(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the store was away, each of several calls writes the order down, and each gives it."""
    real = type(store)._write
    monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", away))
    order = await client.send_sms(TEXT, ALI, key="k")
    monkeypatch.setattr(type(store), "_write", real)
    given: list[Order] = []

    async def call() -> None:
        given.append(await client.send_sms(TEXT, ALI, key="k"))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(call)
    assert given == [Order(order.id, 1, replayed=True)] * 3
    assert world.asked() == 1


async def test_a_call_while_an_answered_order_is_written_down(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both calls give the order, whichever is first to know that it is written."""
    is_written, go_on = threading.Event(), threading.Event()

    def slow(do: Callable[[], Answer], change: Change) -> Answer:
        done = do()
        if not is_written.is_set():
            is_written.set()
            go_on.wait(20)
        return done

    monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", slow))
    given: list[Order] = []

    async def call() -> None:
        given.append(await client.send_sms(TEXT, ALI, key="k"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await anyio.to_thread.run_sync(is_written.wait, 20)
        await call()
        go_on.set()
    assert given == [Order(given[0].id, 1, replayed=True), Order(given[0].id, 1)]
    assert world.asked() == 1


@pytest.mark.parametrize("key", ["k", None])
async def test_an_id_that_was_looked_up_is_noted_from_the_first_attempt_on(
    world: World, store: Store, key: str | None
) -> None:
    """The order may be that old: it is no proof that a list has what came after it."""
    began: list[float] = []

    class Slow:
        """Lets five minutes pass before the second attempt."""

        async def acquire(self, n: int) -> None:
            if began:
                world.later(minutes=5)
            began.append(time.time())

    world.sandbox.fail("send-sms", "drop-answer")
    async with world.client(store, rate=Slow()) as client:
        order = await client.send_sms(TEXT, ALI, key=key)
    known: list[KnownId] = []
    log = StoreLog(store)

    async def is_noted() -> bool:
        known.extend(await log.known_between(world.account, 0, 2**40))
        return bool(known)

    await until_told(is_noted)
    assert [each.order_id for each in known] == [order.id]
    assert abs(known[0].at.local - began[0]) < 120


async def test_a_process_that_knows_nothing_finds_out(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first could not note is found by another process, by the service's refusal and its list."""
    real = type(store)._write
    monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", away))
    order = await client.send_sms(TEXT, ALI, key="k")
    monkeypatch.setattr(type(store), "_write", real)
    world.later(minutes=5)
    async with world.client(store) as other:
        again = await other.send_sms(TEXT, ALI, key="k")
    assert again.id == order.id
    assert world.sent() == {ALI: 1}


@pytest.mark.parametrize("minutes", [0, 8, 11])
@pytest.mark.parametrize("apart", [-300, 300])
async def test_machines_whose_clocks_are_five_minutes_apart(
    world: World, apart: float, minutes: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one finds what the first one sent: all times are the store's (an SQLite file has one machine's)."""
    if world.engine.name == "sqlite":
        pytest.skip("one machine has one clock")
    world.sandbox.fail("send-sms", "drop-answer", times=3)
    async with world.engine.store() as store, world.client(store) as client:
        with pytest.raises((OutcomeUnknownError, OrderAcceptedError)):
            world.sandbox.fail("get-reports", "400", times=99)
            await client.send_sms(TEXT, ALI, key="k")
        state = await state_of(client)
    world.sandbox.heal()
    world.later(minutes=minutes)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + apart)
    async with world.engine.store() as store, world.client(store) as client:
        if state is SendState.UNKNOWN:
            assert (await client.send_sms(TEXT, ALI, key="k")).id == world.sandbox.orders[0].id
        else:
            with pytest.raises(OrderAcceptedError):
                await client.send_sms(TEXT, ALI, key="k")
    assert world.sent() == {ALI: 1}


@pytest.mark.parametrize("phase", ["claim", "begin", "settle"])
async def test_a_store_that_is_slow(
    world: World, client: AsyncClient, store: Store, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each phase: two calls at once give one order, and one message."""

    def slowly(go_on: Callable[[], Answer], change: Change) -> Answer:
        time.sleep(0.2)
        return go_on()

    monkeypatch.setattr(type(store), "_write", interposed(type(store), phase, slowly))
    orders: list[Order] = []

    async def send() -> None:
        orders.append(await client.send_sms(TEXT, ALI, key="k"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        tasks.start_soon(send)
    assert orders[0].id == orders[1].id
    assert world.sent() == {ALI: 1}


async def test_an_owner_that_is_late_tells_the_next(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease is over while the service takes its time; the next one's repetition is refused: both get the order."""
    orders: list[Order] = []
    real = type(store)._write
    asked, go_on = threading.Event(), threading.Event()

    def slow(do: Callable[[], Answer], change: Change) -> Answer:
        asked.set()
        go_on.wait(PATIENCE)
        return do()

    async def first() -> None:
        orders.append(await client.send_sms(TEXT, ALI, key="k"))

    async with anyio.create_task_group() as tasks:
        monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", slow))
        tasks.start_soon(first)
        await anyio.to_thread.run_sync(asked.wait, 20)
        monkeypatch.setattr(type(store), "_write", real)
        world.later(minutes=5)
        async with world.engine.store() as other_store, world.client(other_store) as other:
            orders.append(await other.send_sms(TEXT, ALI, key="k"))
            go_on.set()
    assert len({order.id for order in orders}) == 1
    assert world.sent() == {ALI: 1}


async def test_an_owner_whose_key_was_given_away_has_its_order_all_the_same(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person took it for not sent, and the key is another order's by now: that is kept."""
    real = type(store)._write
    others: list[Order] = []

    async def give_away() -> None:
        async with world.engine.store() as other_store, world.client(other_store) as other:
            await other.mark_not_sent("k")
            others.append(await other.send_sms("Baska metin", ALI, key="k"))

    def late(go_on: Callable[[], Answer], change: Change) -> Answer:
        monkeypatch.setattr(type(store), "_write", real)
        world.later(minutes=5)
        anyio.run(give_away)
        return go_on()

    monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", late))
    order = await client.send_sms(TEXT, ALI, key="k")
    found = await client.find_send("k")
    assert found is not None
    assert (order.id, found.order_id) == (world.sandbox.orders[0].id, others[0].id)


async def test_with_the_store_away_under_way_it_is_not_sent_again(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer was lost, and the lease cannot be renewed: what cannot be written down does not leave."""
    begun = 0

    def away_again(go_on: Callable[[], Answer], change: Change) -> Answer:
        nonlocal begun
        begun += 1
        if begun > 1:
            raise StoreError("it is away")
        return go_on()

    monkeypatch.setattr(type(store), "_write", interposed(type(store), "begin", away_again))
    world.sandbox.fail("send-sms", "drop-request")
    with pytest.raises(OutcomeUnknownError, match="the store is away"):
        await client.send_sms(TEXT, ALI, key="k")
    assert world.asked() == 1
    assert not world.sent()


async def test_a_lease_that_was_lost_under_way_stops_the_repetition(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another has taken the key over, and finds out: the first one waits for it, and gets its order."""
    real = type(store)._write
    others: list[Order] = []
    begun = 0

    def taken_over(go_on: Callable[[], Answer], change: Change) -> Answer:
        nonlocal begun
        begun += 1
        if begun == 2:
            monkeypatch.setattr(type(store), "_write", real)
            world.later(minutes=5)
            others.append(anyio.run(send_elsewhere, world))
        return go_on()

    monkeypatch.setattr(type(store), "_write", interposed(type(store), "begin", taken_over))
    world.sandbox.fail("send-sms", "drop-answer")
    order = await client.send_sms(TEXT, ALI, key="k")
    assert order == Order(others[0].id, 1, replayed=True)
    assert world.sent() == {ALI: 1}


async def send_elsewhere(world: World) -> Order:
    async with world.engine.store() as store, world.client(store) as client:
        return await client.send_sms(TEXT, ALI, key="k")


async def test_a_sent_schedule_is_told_when_it_is_past(world: World, client: AsyncClient) -> None:
    """A task that is delivered again after its time is not refused for it."""
    send_at = datetime.now(timezone.utc) + timedelta(minutes=3)
    order = await client.send_sms(TEXT, ALI, key="k", send_at=send_at)
    world.later(minutes=10)
    assert await client.send_sms(TEXT, ALI, key="k", send_at=send_at) == Order(order.id, 1, replayed=True)


async def test_the_store_holds_no_number_and_no_text(world: World, client: AsyncClient) -> None:
    """Nor a credential; and the fingerprint is of no use without the API key."""
    await client.send_sms("gizli 123456", ALI, key="k")
    kept = world.engine.dump(world.account)
    assert "5301234567" not in kept
    assert "123456" not in kept.replace(world.account, "")
    assert world.key not in kept
    assert "demo" not in kept


async def test_accounts_share_a_store(world: World, client: AsyncClient, store: Store) -> None:
    """The same key of another account is another key."""
    await client.send_sms(TEXT, ALI, key="k")
    async with AsyncClient("another", "demo", sender="FIRMA", iys=Iys.OFF, base_url=world.url, store=store) as stranger:
        assert await stranger.find_send("k") is None


@pytest.mark.parametrize("taken", [1, 2])
async def test_two_texts_to_one_number_are_not_taken_for_each_other(world: World, store: Store, taken: int) -> None:
    """Both are lost, and a report shows no text: neither gets the other's id, and nothing is sent a second time."""
    texts = {"a": "Kodunuz 1", "b": "Kodunuz 2"}
    world.sandbox.fail("send-sms", "drop-answer", times=taken)
    world.sandbox.fail("send-sms", "drop-request", times=3 - taken)
    async with world.client(store, retry=Retry(attempts=1)) as client:
        for key, text in texts.items():
            with pytest.raises(OutcomeUnknownError):
                await client.send_sms(text, ALI, key=key)
        # Somebody else's, who does not stand in the way of it.
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, VELI, key="c")
    world.later(minutes=61)
    async with world.engine.store() as other_store, world.client(other_store) as other:
        for key in ("b", "a", "b"):
            with pytest.raises(OutcomeUnknownError if taken == 1 else OrderAcceptedError):
                await other.send_sms(texts[key], ALI, key=key)
        assert not (await other.send_sms(TEXT, VELI, key="c")).replayed
        if taken == 1:
            # A person has looked, and the other one can be settled then.
            await other.mark_sent("a", world.sandbox.orders[0].id)
            assert (await other.send_sms(texts["b"], ALI, key="b")).id != world.sandbox.orders[0].id
    assert world.sent() == {ALI: 2, VELI: 1}
    assert len({order.messages for order in world.sandbox.orders}) == len(world.sandbox.orders)


async def test_an_id_that_the_reports_alone_told_is_not_another_s_for_a_campaign(
    world: World, store: Store, tmp_path: Path
) -> None:
    """It lost its answer, and the key was never sent: the order is taken for the key's, and nobody is texted twice."""
    world.sandbox.fail("send-sms", "drop-answer")
    world.sandbox.fail("send-sms", "drop-request")
    journal = tmp_path / "journal"
    async with world.client(store, retry=Retry(attempts=1)) as client:
        assert (await client.send_bulk("Kampanya", [ALI], journal=journal)).failures == 1
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, ALI, key="k")
    world.later(minutes=30)
    async with world.engine.store() as other_store:
        async with world.client(other_store) as other:
            order = await other.send_sms(TEXT, ALI, key="k")
        assert not await StoreLog(other_store).known(world.account, [order.id])
        async with world.client(other_store) as other:
            await other.send_bulk("Kampanya", [ALI], journal=journal)
    assert [sent.texts[0][0] for sent in world.sandbox.orders] == ["Kampanya"]


async def test_an_id_that_was_looked_up_of_what_was_surely_taken_is_another_s(
    world: World, store: Store, client: AsyncClient, tmp_path: Path
) -> None:
    """Refused as a duplicate, the key's order was taken: a campaign to the same number that was not is sent again."""
    world.sandbox.fail("send-sms", "drop-request")
    world.sandbox.fail("send-sms", "drop-answer")
    journal = tmp_path / "journal"
    async with world.client(store, retry=Retry(attempts=1)) as one:
        await one.get_balance()
        assert (await one.send_bulk("Kampanya", [ALI], journal=journal)).failures == 1
    order = await client.send_sms(TEXT, ALI, key="k")
    assert await StoreLog(store).known(world.account, [order.id])
    world.later(minutes=61)
    async with world.engine.store() as other_store, world.client(other_store) as other:
        assert (await other.send_bulk("Kampanya", [ALI], journal=journal)).accepted == 1
    assert [sent.texts[0][0] for sent in world.sandbox.orders] == [TEXT, "Kampanya"]


async def test_the_id_of_one_key_is_not_another_s(world: World, store: Store) -> None:
    """The reports alone have told it, and that is enough among keys: each knows of the others."""
    world.sandbox.fail("send-sms", "drop-answer")
    async with world.client(store, retry=Retry(attempts=1)) as one:
        with pytest.raises(OutcomeUnknownError):
            await one.send_sms("Bir", ALI, key="a")
        world.later(minutes=11)
        first = await one.send_sms("Bir", ALI, key="a")
        world.sandbox.fail("send-sms", "drop-request")
        with pytest.raises(OutcomeUnknownError):
            await one.send_sms("Iki", ALI, key="b")
    world.later(minutes=61)
    async with world.engine.store() as other_store, world.client(other_store) as other:
        second = await other.send_sms("Iki", ALI, key="b")
    assert [sent.id for sent in world.sandbox.orders] == [first.id, second.id]


async def test_two_keys_whose_time_has_come_of_which_one_was_taken(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By two processes, to the same number: neither is sent again, and the one order in the reports may be either."""
    late = 0.0
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + late)
    lost = 0
    all_lost = anyio.Event()

    class Slow:
        def __init__(self) -> None:
            self.turns = 0

        async def acquire(self, n: int, /) -> None:
            nonlocal lost, late
            self.turns += 1
            if self.turns == 1:
                return
            lost += 1
            if lost == 2:
                late += 600
                world.sandbox.advance(minutes=10)
                all_lost.set()
            await all_lost.wait()

    world.sandbox.fail("send-sms", "drop-answer")
    world.sandbox.fail("send-sms", "drop-request")
    due = datetime.now(timezone.utc) + timedelta(minutes=5)
    retry = Retry(attempts=2, wait_initial=0)
    unknown: list[str] = []
    async with world.engine.store() as other_store:
        one = world.client(store, retry=retry, rate=Slow())
        async with one, world.client(other_store, retry=retry, rate=Slow()) as other:

            async def send(client: AsyncClient, text: str) -> None:
                await client.get_balance()
                try:
                    await client.send_sms(text, ALI, key=text, send_at=due)
                except OutcomeUnknownError:
                    unknown.append(text)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send, one, "Bir")
                tasks.start_soon(send, other, "Iki")
    assert sorted(unknown) == ["Bir", "Iki"]
