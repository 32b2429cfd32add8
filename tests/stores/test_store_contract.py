"""What every store does, on real servers, whatever it is used for: one contract, three engines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import anyio
import anyio.to_thread
import pytest
from asking import LEASE, Asking, interposed, note
from engines import Engine
from waiting import PATIENCE, give_up_once, until, until_told, wait_until
from worlds import World

from iletimerkezi_async import AsyncClient, IletimerkeziError, Order, StoreError
from iletimerkezi_async.orders import life, rows
from iletimerkezi_async.stores import RedisStore, Store
from iletimerkezi_async.stores.base import StoreLog
from iletimerkezi_async.stores.log import Answer, Change, KnownId, State, account_of
from iletimerkezi_async.stores.threads import CALLS, Threads, _Call
from iletimerkezi_async.wire.credentials import Credentials

pytestmark = pytest.mark.anyio

DAY = 86_400.0


async def test_accounts_and_keys_are_apart(store: Store, account: str) -> None:
    """Whose key it is, and which."""
    await Asking(store, account).granted()
    for other in (Asking(store, f"{account} another"), Asking(store, account, "another")):
        assert await other.obstacle("other") is None


@pytest.mark.parametrize(("url", "shown"), [
    ("redis://kasa:gizli@kasa.example:6380/2", "kasa.example:6380/2"), ("rediss://kasa.example", "kasa.example/0"),
    ("unix:///run/redis.sock", "/run/redis.sock/0"), ("redis://", "localhost/0"),
])  # fmt: skip
def test_a_store_is_shown_by_its_place_alone(url: str, shown: str) -> None:
    """Not by the user and the password in its address."""
    assert repr(RedisStore(url)) == f"<RedisStore {shown}>"


async def test_an_id_of_any_size_is_kept(store: Store, account: str) -> None:
    """Larger than an engine's integers."""
    asking = Asking(store, account)
    await asking.sent(await asking.granted(), 10**30)
    found = await asking.find()
    assert found is not None
    assert found.order_id == 10**30
    assert await asking.log.known(account, [10**30, 1]) == {10**30}


async def test_what_is_too_old_is_deleted(engine: Engine, account: str) -> None:
    """Rows that were struck out after an hour, all else some days after it expired; whatever the store is used for."""
    async with engine.store() as store:
        asking = Asking(store, account)
        row = await asking.granted()
        await rows.write_owned(asking.log, row, life.strike(row, "v"))
        await note(asking.log, account, KnownId(1))
        other = Asking(store, account, "sent")
        await other.sent(await other.granted(), 2)
    engine.age(account, 12 * DAY)
    async with engine.store() as store:
        await note(StoreLog(store), account, KnownId(3))
        assert await Asking(store, account).find() is None
        assert await StoreLog(store).known(account, [1, 2, 3]) == {3}
        assert await Asking(store, account, "sent").find() is not None
    engine.age(account, 30 * DAY)
    async with engine.store() as store:
        await StoreLog(store).known(account, [1])
        assert await Asking(store, account, "sent").find() is None


async def test_one_of_many_gets_the_key(engine: Engine, account: str) -> None:
    """Who comes first, of 40 calls of 4 stores that come at once and find no tables."""
    outcomes: list[life.Obstacle | None] = []

    async def claim(store: Store) -> None:
        outcomes.append(await Asking(store, account).obstacle())

    async with engine.store() as a, engine.store() as b, engine.store() as c, engine.store() as d:
        async with anyio.create_task_group() as tasks:
            for store in (a, b, c, d) * 10:
                tasks.start_soon(claim, store)
    assert (outcomes.count(None), outcomes.count(life.Obstacle.BUSY)) == (1, 39)


async def test_a_closed_store_says_so(engine: Engine, account: str) -> None:
    """Closing twice is closing once."""
    store = engine.store()
    await StoreLog(store).known(account, [1])
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreError, match="closed"):
        await Asking(store, account).find()


async def test_a_store_that_was_never_used_can_be_closed(engine: Engine) -> None:
    """It has not even connected."""
    await engine.store().aclose()


async def is_free(asking: Asking, lease: float = LEASE) -> bool:
    return await asking.obstacle(lease=lease) is None


async def test_a_claim_given_up_is_taken_back(engine: Engine, account: str) -> None:
    """A caller that is cancelled while it claims leaves no lease behind, whenever that is."""
    async with engine.store() as store:
        await StoreLog(store).known(account, [1])
        for step in range(12):
            asking = Asking(store, account, f"k{step}")
            with anyio.move_on_after(step * 0.0005):
                await asking.claim()
                continue
            await until_told(partial(is_free, asking))


async def test_a_claim_given_up_after_an_earlier_attempt_leaves_that_unknown(
    store: Store, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken back, and what the earlier owner began is still to be settled."""
    asking = Asking(store, account)
    begun = await asking.begin(await asking.granted())
    assert begun is not None
    await asking.give_up(begun)

    hangs, ends = threading.Event(), threading.Event()

    def hang(go_on: Callable[[], Answer], change: Change) -> Answer:
        hangs.set()
        ends.wait(PATIENCE)
        return go_on()

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "_write", interposed(type(store), "settle", hang))
        assert await give_up_once(hangs.is_set, asking.claim)
        ends.set()
    # Until the thread that was given up has taken it back.
    await until_told(partial(is_free, asking, lease=0))
    found = await asking.find()
    assert found is not None
    assert (found.state, found.first) == (State.UNKNOWN, begun.first)


async def is_in(asking: Asking, *states: State) -> bool:
    found = await asking.find()
    return found is not None and found.state in states


@pytest.mark.parametrize("phase", ["claim", "begin", "settle"])
async def test_a_caller_who_gives_up_is_out_at_once(
    store: Store, account: str, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the store hangs; what was under way is taken back behind it, or done, as it must be."""
    asking = Asking(store, account)
    row = await asking.granted() if phase != "claim" else None
    begun = await asking.begin(row) if row is not None and phase == "settle" else None

    hangs, ends = threading.Event(), threading.Event()

    def hang(go_on: Callable[[], Answer], change: Change) -> Answer:
        hangs.set()
        ends.wait(PATIENCE)
        return go_on()

    async def ask() -> object:
        if row is None:
            return await asking.claim()
        if begun is None:
            change = life.begin(row, "v", None, LEASE, DAY, lost=False)
            return await rows.write_owned(asking.log, row, change, may_be_undone=True)
        return await asking.sent(begun, 428)

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "_write", interposed(type(store), phase, hang))
        assert await give_up_once(hangs.is_set, ask)
        ends.set()
    end = State.SENT if phase == "settle" else State.FREE
    await until_told(partial(is_in, asking, State.FREE, State.SENT))
    assert await is_in(asking, end)


def test_an_account_is_called_the_same_by_every_version() -> None:
    """What an earlier one has kept is found, and the name does not give the key away."""
    account = account_of(Credentials("demo", "demo", "https://api.iletimerkezi.com/v1"))
    assert account == "5c799bdcdab86f36e5f222ab0dbf4a8a"


def test_it_is_used_in_loop_after_loop(engine: Engine, account: str, anyio_backend_name: str) -> None:
    """As `asyncio.run` is called again and again."""
    store = engine.store()
    log = StoreLog(store)
    for order_id in (1, 2):
        anyio.run(note, log, account, KnownId(order_id), backend=anyio_backend_name)
        assert anyio.run(log.known, account, [order_id], backend=anyio_backend_name) == {order_id}
    anyio.run(store.aclose, backend=anyio_backend_name)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("times", [1, 2])
async def test_what_became_of_a_send_is_noted_whatever_cancels(
    store: Store, account: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by asyncio's own cancellation, which heeds no shield, while all threads of the store are taken."""
    import asyncio

    asking = Asking(store, account)
    begun = await asking.begin(await asking.granted())
    assert begun is not None
    known = type(store)._known_ids

    hanging: list[str] = []
    ends = threading.Event()

    def slowly(self: Store, account: str, order_ids: tuple[int, ...]) -> frozenset[int]:
        hanging.append(account)
        ends.wait(PATIENCE)
        return known(self, account, order_ids)

    monkeypatch.setattr(type(store), "_known_ids", slowly)
    async with anyio.create_task_group() as others:
        for _ in range(CALLS):
            others.start_soon(asking.log.known, account, (1,))
        await until(lambda: len(hanging) == CALLS)
        task = asyncio.ensure_future(asking.sent(begun, 428))
        for _ in range(times):
            await anyio.sleep(0.02)
            task.cancel()
        ends.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    await until_told(partial(is_in, asking, State.SENT))
    found = await asking.find()
    assert found is not None
    assert found.order_id == 428


async def test_a_store_has_so_many_calls_at_once_and_no_more() -> None:
    """The others wait for a thread, and are called then."""
    threads = Threads(20.0, lambda _: None, str)
    under_way, ends = list[int](), threading.Event()

    def work() -> None:
        under_way.append(1)
        ends.wait(PATIENCE)

    async with anyio.create_task_group() as tasks:
        for _ in range(CALLS + 2):
            tasks.start_soon(threads.run, work)
        await until(lambda: len(under_way) >= CALLS)
        await anyio.sleep(0.02)
        at_once = len(under_way)
        ends.set()
    assert (at_once, len(under_way)) == (CALLS, CALLS + 2)


def test_what_failed_is_not_undone() -> None:
    """Of a caller who has left, too."""
    undone: list[object] = []

    def fail() -> None:
        raise StoreError("it is away")

    call = _Call(fail, undone.append)
    call.run()
    call.end()
    assert (call.error, undone) == ("it is away", [])


@pytest.mark.parametrize("phase", ["claim", "begin", "settle"])
async def test_closing_waits_for_what_is_under_way(world: World, phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose order was taken gives it, and one whose order was not is told that the store is closed."""
    store = world.engine.store()
    begun = threading.Event()

    def hang(go_on: Callable[[], Answer], change: Change) -> Answer:
        begun.set()
        wait_until(lambda: store._leaving)
        return go_on()

    outcomes: list[object] = []

    async def send(client: AsyncClient) -> None:
        try:
            outcomes.append(await client.send_sms("Kodunuz 1234", "5301234567", key="k"))
        except IletimerkeziError as error:
            outcomes.append(error)

    async with world.client(store) as client:
        await client.find_send("another")
        monkeypatch.setattr(type(store), "_write", interposed(type(store), phase, hang))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, client)
            await anyio.to_thread.run_sync(begun.wait)
            await store.aclose()
    (outcome,) = outcomes
    assert isinstance(outcome, Order if phase != "claim" else StoreError)
    assert len(world.sandbox.orders) == (phase != "claim")
