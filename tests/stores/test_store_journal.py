"""A campaign's journal in a store: one run at a time, wherever it runs, and nobody twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import anyio.lowlevel
import pytest
from asking import interposed
from worlds import World

from iletimerkezi_async import (
    AsyncClient,
    BulkError,
    ConfigurationError,
    JournalError,
    Message,
    OutcomeUnknownError,
    Progress,
)
from iletimerkezi_async.campaigns.journal import Journal
from iletimerkezi_async.stores import Store
from iletimerkezi_async.stores.log import Answer, Change
from iletimerkezi_async.stores.sql import SqlStore

pytestmark = pytest.mark.anyio

TEXT = "Kampanya"
NUMBERS = [f"+905301234{n}" for n in range(500, 530)]


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> object:
    """The engines that keep journals."""
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.fixture
async def client(world: World, store: Store) -> AsyncIterator[AsyncClient]:
    async with world.client(store) as client:
        yield client


async def stop_after(client: AsyncClient, store: Store, orders: int) -> None:
    """Begin the campaign, and die as a machine does: nothing is closed and no lease is left to others."""

    class Death(BaseException):
        pass

    done = 0

    def count(_: Progress) -> None:
        nonlocal done
        done += 1
        if done == orders:
            raise Death

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "aclose", lambda _: anyio.lowlevel.checkpoint())
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group, or not
            await client.send_bulk(
                TEXT, NUMBERS, batch_size=5, concurrency=1, on_progress=count, journal=store.journal("kis")
            )
    assert not isinstance(caught.value, JournalError)


async def test_a_campaign_goes_on_elsewhere(world: World, client: AsyncClient, store: Store) -> None:
    """A run that died is taken over by another machine when its lease is over; nobody is texted twice."""
    await stop_after(client, store, 2)
    world.later(minutes=3)
    async with world.engine.store() as other_store, world.client(other_store) as other:
        result = await other.send_bulk(TEXT, NUMBERS, batch_size=5, journal=other_store.journal("kis"))
        assert result.accepted == len(NUMBERS)
        again = await other.send_bulk(TEXT, NUMBERS, batch_size=5, journal=other_store.journal("kis"))
    assert world.sent() == dict.fromkeys(NUMBERS, 1)
    assert again.accepted == len(NUMBERS)


async def test_a_lost_order_is_no_look_alike_of_its_own(world: World, client: AsyncClient, store: Store) -> None:
    """Where the client's store is the journal's, too: it is counted once, and so its id is certain."""
    world.sandbox.fail("send-sms", "drop-answer")
    result = await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    assert [order.id for order in result.orders] == [world.sandbox.orders[0].id]


async def test_a_journal_that_was_deleted_under_way_stops_its_campaign(
    world: World, client: AsyncClient, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken is in the result that goes along."""

    def emptied(go_on: Callable[[], Answer], change: Change) -> Answer:
        store._transact(["DELETE FROM iletimerkezi_rows WHERE account = :account"], {"account": world.account}, False)
        return go_on()

    monkeypatch.setattr(type(store), "_write", interposed(type(store), "settle", emptied))
    with pytest.raises(JournalError, match="taken over") as caught:
        await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    assert caught.value.result is not None
    assert caught.value.result.accepted == len(NUMBERS)


async def test_two_runs_at_once_are_one_too_many(world: World, client: AsyncClient, store: Store) -> None:
    """The second is refused, with the name of what holds the journal."""
    await stop_after(client, store, 1)
    sent = world.asked()
    with pytest.raises(JournalError, match=r"in use by process \d+ on .*, which is this process"):
        await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    assert world.asked() == sent


async def test_a_run_that_was_cut_off_is_fenced(world: World, client: AsyncClient, store: Store) -> None:
    """It wrote nothing for longer than the lease, and another took the journal over: it sends nothing more."""
    progress = anyio.Event()
    go_on = anyio.Event()

    async def hang(_: Progress) -> None:
        progress.set()
        await go_on.wait()

    async def first() -> None:
        with pytest.raises(JournalError, match="taken over") as caught:
            await client.send_bulk(
                TEXT, NUMBERS, batch_size=5, concurrency=1, on_progress=hang, journal=store.journal("kis")
            )
        assert caught.value.result is not None
        assert caught.value.result.accepted == 5

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await progress.wait()
        world.later(minutes=3)
        async with world.engine.store() as other_store, world.client(other_store) as other:
            result = await other.send_bulk(TEXT, NUMBERS, batch_size=5, journal=other_store.journal("kis"))
        go_on.set()
    assert result.accepted == len(NUMBERS)
    assert world.sent() == dict.fromkeys(NUMBERS, 1)


async def test_a_lost_answer_is_settled_by_the_next_run(world: World, client: AsyncClient, store: Store) -> None:
    """As with a file."""
    world.sandbox.fail("send-sms", "drop-answer")
    world.sandbox.fail("send-sms", "drop-request", times=2)
    first = await client.send_bulk(TEXT, NUMBERS, batch_size=10, concurrency=1, journal=store.journal("kis"))
    assert first.accepted == 20
    world.sandbox.heal()
    world.later(minutes=5)
    second = await client.send_bulk(TEXT, NUMBERS, batch_size=10, journal=store.journal("kis"))
    assert second.accepted == 30
    assert world.sent() == dict.fromkeys(NUMBERS, 1)


async def test_an_order_that_is_sent_again_is_found_at_its_new_time(
    world: World, client: AsyncClient, store: Store
) -> None:
    """The reports surely do not have the first attempt; the second one's answer is lost, and the next run finds it."""
    await client.get_balance()
    for fault in ("drop-request", "drop-answer"):
        world.sandbox.fail("send-sms", fault, times=3)
        result = await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
        assert (result.accepted, result.failures) == (0, len(NUMBERS))
        world.later(minutes=61)
    result = await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    assert result.accepted == len(NUMBERS)
    assert world.sent() == dict.fromkeys(NUMBERS, 1)


async def test_a_refusal_of_what_the_reports_surely_lack_is_a_refusal(
    world: World, client: AsyncClient, store: Store
) -> None:
    """The order was not taken before, nor now: it is not unknown any more, and goes out once the balance is filled."""
    world.sandbox.fail("send-sms", "drop-request", times=3)
    await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    world.later(minutes=13)
    second = await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    assert type(second.failed[0].error) is OutcomeUnknownError
    world.later(minutes=61)
    world.sandbox.fail("send-sms", "402")
    with pytest.raises(BulkError) as caught:
        await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    assert not caught.value.result.unknown
    third = await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    assert third.accepted == len(NUMBERS)
    assert world.sent() == dict.fromkeys(NUMBERS, 1)


async def test_refused_recipients_are_remembered(world: World, client: AsyncClient, store: Store) -> None:
    """An order that is refused over some of its recipients is struck out, and its halves are written down."""
    await client.add_blacklist(NUMBERS[3])
    for _ in range(2):
        result = await client.send_bulk(TEXT, NUMBERS[:8], journal=store.journal("kis"))
        assert [refusal.number for refusal in result.refused] == [NUMBERS[3]]
        assert result.accepted == 7


async def test_another_campaign_is_refused(client: AsyncClient, store: Store, world: World) -> None:
    """Another text, or several."""
    await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    sent = world.asked()
    with pytest.raises(JournalError, match="another text"):
        await client.send_bulk(TEXT + "!", NUMBERS, journal=store.journal("kis"))
    with pytest.raises(JournalError, match="kind of campaign"):
        await client.send_bulk_messages([Message(TEXT, NUMBERS[0])], journal=store.journal("kis"))
    assert world.asked() == sent
    await client.send_bulk(TEXT + "!", NUMBERS, journal=store.journal("yaz"))


async def test_damage_is_noticed(client: AsyncClient, store: Store, world: World) -> None:
    """An order's seal does not fit."""
    await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))
    world.engine.damage(world.account)
    with pytest.raises(JournalError, match="damaged"):
        await client.send_bulk(TEXT, NUMBERS, journal=store.journal("kis"))


async def test_it_holds_no_text(client: AsyncClient, store: Store, world: World) -> None:
    """Of several texts their fingerprints alone."""
    await client.send_bulk_messages(
        [Message(f"kod {n}", number) for n, number in enumerate(NUMBERS)], journal=store.journal("kis")
    )
    assert "kod" not in world.engine.dump(world.account)


async def test_with_the_store_away_nothing_more_is_sent(client: AsyncClient, store: Store, world: World) -> None:
    """What cannot be written down is not sent."""

    async def close(_: Progress) -> None:
        await store.aclose()

    with pytest.raises(JournalError) as caught:
        await client.send_bulk(
            TEXT, NUMBERS, batch_size=5, concurrency=1, on_progress=close, journal=store.journal("kis")
        )
    assert caught.value.result is not None
    assert caught.value.result.accepted == 5
    assert sum(world.sent().values()) == 5


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", 5])
async def test_what_can_be_no_name_is_refused(store: Store, name: object) -> None:
    """When it is given."""
    with pytest.raises(ConfigurationError, match="name"):
        store.journal(name)  # type: ignore[arg-type]  # what is tested
    assert repr(store.journal("x" * 200)) == f"<StoreJournal {'x' * 200!r} in {store!r}>"


async def test_redis_keeps_no_journals(redis_engine: object) -> None:
    """And says which stores do."""
    async with redis_engine.store() as store:  # type: ignore[attr-defined]  # an engine
        with pytest.raises(ConfigurationError, match="PostgresStore"):
            store.journal("kis")
