"""Once, under a key: what its other owners, or its store, do at the worst moment. The sandbox's ledger judges."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

import anyio
import anyio.to_thread
import httpx
import pytest
from asking import before_write, interposed
from attrs import evolve
from waiting import PATIENCE
from worlds import World

from iletimerkezi_async import AsyncClient, KeyConflictError, Order, OutcomeUnknownError, SendState, StoreError
from iletimerkezi_async.orders import rows
from iletimerkezi_async.stores import Store
from iletimerkezi_async.stores.base import StoreLog
from iletimerkezi_async.stores.log import Answer, Change, Name, Scope, State, draw

pytestmark = pytest.mark.anyio

ALI = "+905301234567"
MANY = [f"+9053012{index:05}" for index in range(1001)]
TEXT = "Siparisiniz yolda"


@pytest.fixture
async def client(world: World, store: Store) -> AsyncIterator[AsyncClient]:
    async with world.client(store) as client:
        yield client


def away(self: Store, *arguments: object) -> NoReturn:
    raise StoreError("it is away")


async def send_elsewhere(world: World) -> Order:
    async with world.engine.store() as store, world.client(store) as client:
        return await client.send_sms(TEXT, ALI, key="k")


async def test_a_large_order_has_a_key_as_well(world: World, client: AsyncClient) -> None:
    """It is replayed, and told from another; of more than a thousand recipients that is found out in a thread."""
    order = await client.send_sms(TEXT, MANY, key="k")
    assert await client.send_sms(TEXT, MANY[::-1], key="k") == Order(order.id, len(MANY), replayed=True)
    with pytest.raises(KeyConflictError):
        await client.send_sms(TEXT, [*MANY[1:], "+905309999999"], key="k")
    assert world.asked() == 1


async def test_a_key_that_is_taken_over_before_the_first_attempt(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent: the other's order is given."""
    others: list[Order] = []

    def taken_over() -> None:
        world.later(minutes=5)
        others.append(anyio.run(send_elsewhere, world))

    before_write(monkeypatch, store, "begin", taken_over)
    assert await client.send_sms(TEXT, ALI, key="k") == Order(others[0].id, 1, replayed=True)
    assert world.asked() == 1


@pytest.mark.parametrize("begun", [False, True])
async def test_a_store_that_is_away_after_the_lease_was_lost(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    """Before an attempt nothing was sent, which is what `StoreError` says; after one nobody knows."""
    begins = 0

    def lost(go_on: Callable[[], Answer], change: Change) -> Answer:
        nonlocal begins
        begins += 1
        if begun and begins == 1:
            return go_on()
        monkeypatch.setattr(type(store), "_write", away)
        return Answer(None, time.time())

    monkeypatch.setattr(type(store), "_write", interposed(type(store), "begin", lost))
    world.sandbox.fail("send-sms", "drop-answer")
    with pytest.raises(OutcomeUnknownError if begun else StoreError) as caught:
        await client.send_sms(TEXT, ALI, key="k")
    assert isinstance(caught.value, StoreError) is not begun
    assert world.asked() == int(begun)


async def test_a_store_that_is_away_when_the_reports_are_to_tell(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many sends look like this one is not known: none is taken for it, and nothing is sent."""
    world.sandbox.fail("send-sms", "drop-request", times=3)
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, ALI, key="k")
    world.later(minutes=11)
    monkeypatch.setattr(type(store), "_alike", away)
    asked = world.asked()
    with pytest.raises(OutcomeUnknownError, match="the store is away"):
        await client.send_sms(TEXT, ALI, key="k")
    assert world.asked() == asked
    assert not world.sent()


async def test_reports_that_cannot_be_had_let_nothing_be_sent_again(world: World, client: AsyncClient) -> None:
    """After the 10 minutes nothing else tells that the first call's order was not taken."""
    world.sandbox.fail("send-sms", "drop-answer", times=3)
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, ALI, key="k")
    world.later(minutes=11)
    world.sandbox.fail("get-reports", "400", times=99)
    asked = world.asked()
    with pytest.raises(OutcomeUnknownError, match="the reports do not show whether it did"):
        await client.send_sms(TEXT, ALI, key="k")
    assert world.asked() == asked
    assert world.sent() == {ALI: 1}


async def test_a_turn_that_comes_too_late_is_not_used(world: World, store: Store) -> None:
    """If the wait for the rate outlasts the service's window, the order is not sent a second time."""

    class Slow:
        minutes = 0.0

        async def acquire(self, n: int, /) -> None:
            world.later(minutes=self.minutes)

    pacer = Slow()
    async with world.client(store, rate=pacer) as client:
        await client.get_balance()
        world.sandbox.fail("send-sms", "drop-request", times=3)
        with pytest.raises(OutcomeUnknownError):
            await client.send_sms(TEXT, ALI, key="k")
        world.later(minutes=8)
        asked, pacer.minutes = world.asked(), 2
        with pytest.raises(OutcomeUnknownError, match="the time in which it may be sent again has passed"):
            await client.send_sms(TEXT, ALI, key="k")
        assert world.asked() == asked
        assert await client.find_send("k") is not None


async def test_an_attempt_of_a_time_to_come_is_not_repeated(
    world: World, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock that the store goes by was set back since: the 10 minutes may be over, and the reports may lack it."""
    await client.get_balance()
    world.sandbox.fail("send-sms", "drop-request", times=3)
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, ALI, key="k")
    asked = world.asked()
    world.engine.shift(monkeypatch, -300)
    monkeypatch.setattr(time, "time", lambda real=time.time: real() - 300)
    with pytest.raises(OutcomeUnknownError, match="a clock was set back"):
        await client.send_sms(TEXT, ALI, key="k")
    assert world.asked() == asked
    assert (await client.find_send("k")).state is SendState.UNKNOWN  # type: ignore[union-attr]  # it is there


async def test_a_key_that_is_taken_over_after_an_attempt(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another call takes over the key after an attempt, the outcome is unknown, not a failure to send."""

    async def take_over() -> None:
        async with world.engine.store() as other:
            log = StoreLog(other)
            row = (await log.read(Name(world.account, Scope.KEY, "k"))).row
            assert row is not None
            _, obstacle = await rows.claim(log, evolve(row, version=draw(), token=draw()), 60, 3600)
            assert obstacle is None

    def lost() -> None:
        world.later(minutes=5)
        anyio.run(take_over)

    before_write(monkeypatch, store, "begin", lost, number=2)
    world.sandbox.fail("send-sms", "drop-answer")
    async with world.client(store, timeout=httpx.Timeout(PATIENCE, read=0.5)) as client:
        with pytest.raises(OutcomeUnknownError, match="another call holds the key now"):
            await client.send_sms(TEXT, ALI, key="k")
    assert world.asked() == 1


async def test_a_key_that_is_gone_before_a_surely_unsent_order_is_repeated(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the earlier attempt surely was not taken, there is no doubt: the order is sent as a new one."""
    before_write(monkeypatch, store, "begin", lambda: world.engine.lose(world.account), number=2)
    world.sandbox.fail("send-sms", "503")
    assert (await client.send_sms(TEXT, ALI, key="k")).replayed is False
    assert world.sent() == {ALI: 1}


async def test_a_key_that_is_freed_after_an_attempt(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is not sent as a new one, as its attempt may have been taken: the reports have it."""

    async def free() -> None:
        async with world.engine.store() as other_store, world.client(other_store) as other:
            await other.mark_not_sent("k")

    def freed() -> None:
        world.later(minutes=11)
        anyio.run(free)

    before_write(monkeypatch, store, "settle", freed)
    world.sandbox.fail("send-sms", "drop-answer", times=3)
    order = await client.send_sms(TEXT, ALI, key="k")
    assert [each.id for each in world.sandbox.orders] == [order.id]
    assert await client.send_sms(TEXT, ALI, key="k") == Order(order.id, 1, replayed=True)
    assert world.sent() == {ALI: 1}


async def test_a_row_that_a_store_loses_after_an_attempt(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call writes again that its attempt may have been taken: no later call with the key sends the order."""
    await client.get_balance()

    before_write(monkeypatch, store, "settle", lambda: world.engine.lose(world.account))
    world.sandbox.fail("send-sms", "drop-answer", times=99)
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, ALI, key="k")
    assert (await client.find_send("k")).state is SendState.UNKNOWN  # type: ignore[union-attr]  # it is there
    world.sandbox.heal()
    world.later(minutes=11)
    order = await client.send_sms(TEXT, ALI, key="k")
    assert [each.id for each in world.sandbox.orders] == [order.id]
    assert world.sent() == {ALI: 1}


async def test_a_row_that_a_store_loses_between_two_attempts(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal as a duplicate shows that the first attempt was taken, and not that nothing was sent."""
    await client.get_balance()

    before_write(monkeypatch, store, "begin", lambda: world.engine.lose(world.account), number=2)
    world.sandbox.fail("send-sms", "drop-answer")
    order = await client.send_sms(TEXT, ALI, key="k")
    world.later(minutes=11)
    assert await client.send_sms(TEXT, ALI, key="k") == Order(order.id, 1, replayed=True)
    assert world.sent() == {ALI: 1}


async def test_a_row_that_a_store_loses_and_another_call_begins_anew(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's attempt is younger: the order's age counts from the lost one, which was taken."""
    await client.get_balance()

    async def lose_elsewhere() -> None:
        async with world.engine.store() as other_store, world.client(other_store) as other:
            await other.get_balance()
            with pytest.raises(OutcomeUnknownError):
                await other.send_sms(TEXT, ALI, key="k")

    def lost() -> None:
        world.engine.lose(world.account)
        world.later(minutes=5)
        anyio.run(lose_elsewhere)

    before_write(monkeypatch, store, "settle", lost)
    world.sandbox.fail("send-sms", "drop-answer")
    world.sandbox.fail("send-sms", "drop-request", times=99)
    with pytest.raises(OutcomeUnknownError):
        await client.send_sms(TEXT, ALI, key="k")
    world.sandbox.heal()
    world.later(minutes=6)
    order = await client.send_sms(TEXT, ALI, key="k")
    assert [each.id for each in world.sandbox.orders] == [order.id]
    assert world.sent() == {ALI: 1}


async def test_a_row_that_a_store_loses_and_another_order_takes(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is another order's now, which does not mean that nothing was sent."""

    async def send_another() -> None:
        async with world.engine.store() as other_store, world.client(other_store) as other:
            await other.send_sms("another text", ALI, key="k")

    def lost() -> None:
        world.engine.lose(world.account)
        anyio.run(send_another)

    before_write(monkeypatch, store, "begin", lost, number=2)
    world.sandbox.fail("send-sms", "drop-answer")
    with pytest.raises(OutcomeUnknownError, match="another call holds the key now"):
        await client.send_sms(TEXT, ALI, key="k")
    assert world.sent() == {ALI: 2}


async def test_an_owner_whose_answer_comes_late_tells_one_who_got_none(
    world: World, store: Store, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reports tell the second one nothing, and right then the first one notes the id: it is that of both."""
    orders: list[Order] = []
    real = type(store)._write
    asked, go_on, noted = threading.Event(), threading.Event(), threading.Event()

    def late(do: Callable[[], Answer], change: Change) -> Answer:
        asked.set()
        go_on.wait(PATIENCE)
        return do()

    def after_that(do: Callable[[], Answer], change: Change) -> Answer:
        if change.row.state is State.SENT:
            # Decided again, as the other one has the key by now.
            done = do()
            noted.set()
            return done
        go_on.set()
        noted.wait(PATIENCE)
        return do()

    async def first() -> None:
        orders.append(await client.send_sms(TEXT, ALI, key="k"))

    async with anyio.create_task_group() as tasks:
        monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", late))
        tasks.start_soon(first)
        await anyio.to_thread.run_sync(asked.wait, PATIENCE)
        monkeypatch.setattr(type(store), "_write", real)
        monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", after_that))
        world.later(minutes=5)
        world.sandbox.fail("get-reports", "400", times=99)
        async with world.engine.store() as other_store, world.client(other_store) as other:
            orders.append(await other.send_sms(TEXT, ALI, key="k"))
            assert (await other.find_send("k")).state is SendState.SENT  # type: ignore[union-attr]  # it is there
    assert orders[0].id == orders[1].id
    assert sum(order.replayed for order in orders) == 1
    assert world.sent() == {ALI: 1}
