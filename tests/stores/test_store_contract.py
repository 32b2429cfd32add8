"""What every store does, on real servers: one contract, three engines."""

from __future__ import annotations

import math
import time

import anyio
import pytest
from engines import Engine

from iletimerkezi_async import SendState, StoreError
from iletimerkezi_async.stores import Store
from iletimerkezi_async.stores.claims import Claim, Resolved, Ticket, Verdict, account_of
from iletimerkezi_async.stores.threads import CALLS
from iletimerkezi_async.wire.credentials import Credentials

pytestmark = pytest.mark.anyio

LEASE = 60.0
DAY = 86_400.0


def ticket(account: str, key: str = "k", fingerprint: str = "f") -> Ticket:
    return Ticket.draw(account, key, fingerprint)


async def test_a_new_key_is_granted(store: Store, account: str) -> None:
    """Nothing was sent under it, and so nothing is known of an attempt."""
    assert await store.claim(ticket(account), 3, LEASE) == Claim(Verdict.GRANTED)
    found = await store.find(account, "k")
    assert found is not None
    assert (found.key, found.state, found.order_id, found.recipients) == ("k", SendState.CLAIMED, None, 3)
    assert found.first_attempt is None


async def test_a_key_under_a_lease_is_busy(store: Store, account: str) -> None:
    """And says for how long, before and after the attempt began."""
    first = ticket(account)
    await store.claim(first, 1, LEASE)
    busy = await store.claim(ticket(account), 1, LEASE)
    assert busy.verdict is Verdict.BUSY
    assert 50 < busy.lease_left <= LEASE
    assert await store.begin(first, 2 * LEASE, first=True)
    assert 110 < (await store.claim(ticket(account), 1, LEASE)).lease_left <= 2 * LEASE


async def test_the_same_claim_again_is_the_same_claim(store: Store, account: str) -> None:
    """As it happens where the answer to it was lost on the way."""
    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    assert (await store.claim(mine, 1, LEASE)).verdict is Verdict.GRANTED
    assert await store.begin(mine, LEASE, first=True)


async def test_what_was_sent_is_told(store: Store, account: str) -> None:
    """With its id, to whoever claims it with the same content; for good."""
    mine = ticket(account)
    await store.claim(mine, 7, LEASE)
    await store.begin(mine, LEASE, first=True)
    assert await store.settle(mine, SendState.SENT, 428)
    assert await store.claim(ticket(account), 7, LEASE) == Claim(Verdict.SENT, order_id=428, recipients=7)
    found = await store.find(account, "k")
    assert found is not None
    assert (found.state, found.order_id) == (SendState.SENT, 428)
    assert found.first_attempt is not None
    assert found.first_attempt.utcoffset() is not None


async def test_what_was_sent_without_an_id_is_told(store: Store, account: str) -> None:
    """It was taken all the same."""
    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    await store.begin(mine, LEASE, first=True)
    assert await store.settle(mine, SendState.SENT)
    assert await store.claim(ticket(account), 1, LEASE) == Claim(Verdict.SENT, order_id=None, recipients=1)


async def test_other_content_is_a_conflict(store: Store, account: str) -> None:
    """Under a lease, begun, unknown and sent."""
    mine, other = ticket(account), ticket(account, fingerprint="g")
    await store.claim(mine, 1, LEASE)
    assert (await store.claim(other, 1, LEASE)).verdict is Verdict.CONFLICT
    await store.begin(mine, LEASE, first=True)
    assert (await store.claim(other, 1, LEASE)).verdict is Verdict.CONFLICT
    await store.settle(mine, SendState.UNKNOWN)
    assert (await store.claim(other, 1, LEASE)).verdict is Verdict.CONFLICT
    await store.settle(mine, SendState.SENT, 5)
    assert (await store.claim(other, 1, LEASE)).verdict is Verdict.CONFLICT


async def test_a_claim_that_never_began_binds_nobody(engine: Engine, store: Store, account: str) -> None:
    """Its owner died before sending: the key was not used, and other content may take it."""
    await store.claim(ticket(account), 1, LEASE)
    engine.age(account, LEASE + 1)
    assert await store.claim(ticket(account, fingerprint="g"), 1, LEASE) == Claim(Verdict.GRANTED)


async def test_an_attempt_of_an_earlier_owner_is_told(engine: Engine, store: Store, account: str) -> None:
    """With the seconds since it began, by the store's clock."""
    first = ticket(account)
    await store.claim(first, 1, LEASE)
    await store.begin(first, LEASE, first=True)
    engine.age(account, 500)
    claim = await store.claim(ticket(account), 1, LEASE)
    assert claim.verdict is Verdict.GRANTED
    assert claim.elapsed is not None
    assert 500 <= claim.elapsed < 510


async def test_whoever_lost_the_lease_is_fenced(engine: Engine, store: Store, account: str) -> None:
    """It can neither begin nor withdraw, nor say that it does not know."""
    first, second = ticket(account), ticket(account)
    await store.claim(first, 1, LEASE)
    engine.age(account, LEASE + 1)
    await store.claim(second, 1, LEASE)
    assert not await store.begin(first, LEASE, first=True)
    assert not await store.withdraw(first)
    assert not await store.settle(first, SendState.UNKNOWN)
    assert await store.begin(second, LEASE, first=True)


async def test_a_lease_that_nobody_took_over_is_renewed(engine: Engine, store: Store, account: str) -> None:
    """It was over, as its owner waited for long; and nobody else wanted it."""
    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    engine.age(account, LEASE + 1)
    assert await store.begin(mine, LEASE, first=True)
    assert (await store.claim(ticket(account), 1, LEASE)).verdict is Verdict.BUSY


async def test_the_truth_is_taken_from_anybody(engine: Engine, store: Store, account: str) -> None:
    """Whoever lost the lease, and was answered with an id after all, may say so; the next owner does not undo it."""
    first, second = ticket(account), ticket(account)
    await store.claim(first, 1, LEASE)
    await store.begin(first, LEASE, first=True)
    engine.age(account, LEASE + 1)
    await store.claim(second, 1, LEASE)
    assert await store.settle(first, SendState.SENT, 77)
    assert not await store.settle(second, SendState.UNKNOWN)
    assert not await store.withdraw(second)
    await store.settle(second, SendState.SENT)
    assert (await store.claim(ticket(account), 1, LEASE)).order_id == 77


async def test_what_an_earlier_owner_sent_is_not_begun_again(engine: Engine, store: Store, account: str) -> None:
    """Its answer came while the new owner was looking for the order: it is sent, and stays so."""
    first, second = ticket(account), ticket(account)
    await store.claim(first, 1, LEASE)
    await store.begin(first, LEASE, first=True)
    engine.age(account, LEASE + 1)
    assert (await store.claim(second, 1, LEASE)).verdict is Verdict.GRANTED
    await store.settle(first, SendState.SENT, 428)
    assert not await store.begin(second, LEASE, first=True)
    assert not await store.begin(second, LEASE, first=False)
    assert (await store.claim(ticket(account), 1, LEASE)).order_id == 428


async def test_what_was_not_taken_is_struck_out(store: Store, account: str) -> None:
    """The key is then free, for any content."""
    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    await store.begin(mine, LEASE, first=True)
    assert await store.withdraw(mine)
    assert await store.find(account, "k") is None
    assert (await store.claim(ticket(account, fingerprint="g"), 1, LEASE)).verdict is Verdict.GRANTED


async def test_the_first_attempt_that_counts_is_the_last_first(engine: Engine, store: Store, account: str) -> None:
    """One that was surely not taken does not count; one whose answer was lost stays the first."""
    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    await store.begin(mine, 900, first=True)
    engine.age(account, 300)
    await store.begin(mine, 900, first=True)
    engine.age(account, 100)
    await store.begin(mine, LEASE, first=False)
    engine.age(account, LEASE + 1)
    claim = await store.claim(ticket(account), 1, LEASE)
    assert claim.elapsed is not None
    assert 161 <= claim.elapsed < 170


async def test_unknown_is_claimed_again_at_once(store: Store, account: str) -> None:
    """With the time of the attempt: whoever claims it may find out."""
    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    await store.begin(mine, LEASE, first=True)
    await store.settle(mine, SendState.UNKNOWN)
    found = await store.find(account, "k")
    assert found is not None
    assert found.state is SendState.UNKNOWN
    claim = await store.claim(ticket(account), 1, LEASE)
    assert claim.verdict is Verdict.GRANTED
    assert claim.elapsed is not None


async def test_a_clock_that_was_set_back_tells_nothing(engine: Engine, store: Store, account: str) -> None:
    """An attempt in the future may be of any age, so that it is not sent again within the service's 10 minutes."""
    mine = ticket(account)
    await store.claim(mine, 1, -7200)
    await store.begin(mine, -7200, first=True)
    engine.age(account, -3600)
    assert (await store.claim(ticket(account), 1, LEASE)).elapsed == math.inf


async def test_keys_are_kept_for_as_long_as_asked(engine: Engine, account: str) -> None:
    """30 days by default, and then the key is new again."""
    async with engine.store() as store:
        mine = ticket(account)
        await store.claim(mine, 1, LEASE)
        await store.begin(mine, LEASE, first=True)
        await store.settle(mine, SendState.SENT, 1)
        engine.age(account, 29.9 * DAY)
        assert (await store.claim(ticket(account), 1, LEASE)).verdict is Verdict.SENT
        engine.age(account, 0.2 * DAY)
        assert await store.find(account, "k") is None
        assert await store.resolve(account, "k", 1) == (Resolved.UNUSED, None)
        assert await store.claim(ticket(account, fingerprint="g"), 1, LEASE) == Claim(Verdict.GRANTED)


async def test_accounts_and_keys_are_apart(store: Store, account: str) -> None:
    """The same key of another account is another key; keys may hold any characters."""
    for key in ("k", "K", "k ", "sipariş:1234{x}", "%s %(key)s ' \" \\"):
        assert (await store.claim(ticket(account, key), 1, LEASE)).verdict is Verdict.GRANTED
        assert (await store.claim(ticket(account, key), 1, LEASE)).verdict is Verdict.BUSY
    assert (await store.claim(ticket(account + "x"), 1, LEASE)).verdict is Verdict.GRANTED


async def test_an_id_of_any_size_is_kept(store: Store, account: str) -> None:
    """Also one that no engine's integer holds."""
    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    await store.settle(mine, SendState.SENT, 2**70)
    assert (await store.claim(ticket(account), 1, LEASE)).order_id == 2**70
    assert await store.known(account, [2**70]) == {2**70}


async def test_a_person_decides_that_it_was_sent(store: Store, account: str) -> None:
    """Only once nobody is at it; a second decision for another order is refused, with what is known."""
    mine = ticket(account)
    assert await store.resolve(account, "k", 9) == (Resolved.UNUSED, None)
    await store.claim(mine, 2, LEASE)
    assert (await store.resolve(account, "k", 9))[0] is Resolved.BUSY
    await store.begin(mine, LEASE, first=True)
    await store.settle(mine, SendState.UNKNOWN)
    verdict, before = await store.resolve(account, "k", 9)
    assert verdict is Resolved.DONE
    assert before is not None
    assert before.state is SendState.UNKNOWN
    assert await store.claim(ticket(account), 2, LEASE) == Claim(Verdict.SENT, order_id=9, recipients=2)
    assert (await store.resolve(account, "k", 9))[0] is Resolved.DONE
    assert (await store.resolve(account, "k", 10))[0] is Resolved.SENT
    assert (await store.resolve(account, "k", None))[0] is Resolved.SENT
    assert await store.known(account, [9, 10]) == {9}


async def test_a_person_decides_that_it_was_not_sent(store: Store, account: str) -> None:
    """The key is then free; also where it was taken without an id, which a person may know better."""
    for state in (SendState.UNKNOWN, SendState.SENT):
        mine = ticket(account)
        await store.claim(mine, 2, LEASE)
        await store.begin(mine, LEASE, first=True)
        await store.settle(mine, state)
        assert (await store.resolve(account, "k", None))[0] is Resolved.DONE
        assert await store.find(account, "k") is None


async def test_known_ids_are_known_to_all(engine: Engine, store: Store, account: str) -> None:
    """Those noted, and those of settled sends; of this account alone."""
    await store.note(account, [1, 2, 2])
    await store.note(account, [])
    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    await store.settle(mine, SendState.SENT, 3)
    async with engine.store() as other:
        assert await other.known(account, [1, 2, 3, 4]) == {1, 2, 3}
        assert await other.known(account + "x", [1, 2, 3]) == frozenset()
        assert await other.known(account, []) == frozenset()


async def test_one_of_many_gets_the_key(engine: Engine, account: str) -> None:
    """Who comes first, of 40 calls of 4 stores that come at once and find no tables."""
    verdicts: list[Verdict] = []

    async def claim(store: Store) -> None:
        verdicts.append((await store.claim(ticket(account), 1, LEASE)).verdict)

    async with engine.store() as a, engine.store() as b, engine.store() as c, engine.store() as d:
        async with anyio.create_task_group() as tasks:
            for store in (a, b, c, d) * 10:
                tasks.start_soon(claim, store)
    assert sorted(verdicts) == [Verdict.BUSY] * 39 + [Verdict.GRANTED]


async def test_a_closed_store_says_so(engine: Engine, account: str) -> None:
    """Closing twice is closing once."""
    store = engine.store()
    await store.note(account, [1])
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreError, match="closed"):
        await store.find(account, "k")


async def test_a_store_that_was_never_used_can_be_closed(engine: Engine) -> None:
    """It has not even connected."""
    await engine.store().aclose()


async def test_a_claim_given_up_is_taken_back(engine: Engine, account: str) -> None:
    """A caller that is cancelled while it claims leaves no lease behind, whenever that is."""
    async with engine.store() as store:
        await store.note(account, [1])
        for step in range(12):
            key = f"k{step}"
            with anyio.move_on_after(step * 0.0005):
                await store.claim(ticket(account, key), 1, LEASE)
                continue
            with anyio.fail_after(5):
                while (await store.claim(ticket(account, key), 1, LEASE)).verdict is not Verdict.GRANTED:  # noqa: ASYNC110
                    await anyio.sleep(0.01)


async def test_a_claim_given_up_after_an_earlier_attempt_leaves_that_unknown(
    store: Store, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken back, and what the earlier owner began is still to be settled."""
    first = ticket(account)
    await store.claim(first, 1, LEASE)
    await store.begin(first, LEASE, first=True)
    await store.settle(first, SendState.UNKNOWN)
    quick = type(store)._claim

    def slowly(self: Store, *arguments: object) -> Claim:
        time.sleep(0.2)
        return quick(self, *arguments)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(type(store), "_claim", slowly)
    with anyio.move_on_after(0.05):
        await store.claim(ticket(account), 1, LEASE)
    monkeypatch.setattr(type(store), "_claim", quick)
    with anyio.fail_after(5):
        # Until the thread that was given up has taken it back.
        while (claim := await store.claim(ticket(account), 1, LEASE)).verdict is not Verdict.GRANTED:  # noqa: ASYNC110
            await anyio.sleep(0.01)
    assert claim.elapsed is not None
    found = await store.find(account, "k")
    assert found is not None
    assert found.state is SendState.UNKNOWN


def test_an_account_is_called_the_same_by_every_version() -> None:
    """What an earlier one has kept is found, and the name does not give the key away."""
    assert account_of(Credentials("demo", "demo")) == "de1d185a803c8d685a383983553a431d"


def test_it_is_used_in_loop_after_loop(engine: Engine, account: str, anyio_backend_name: str) -> None:
    """As `asyncio.run` is called again and again."""
    store = engine.store()
    for order_id in (1, 2):
        anyio.run(store.note, account, [order_id], backend=anyio_backend_name)
    assert anyio.run(store.known, account, [1, 2], backend=anyio_backend_name) == {1, 2}
    anyio.run(store.aclose, backend=anyio_backend_name)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("times", [1, 2])
async def test_what_became_of_a_send_is_noted_whatever_cancels(
    store: Store, account: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by asyncio's own cancellation, which heeds no shield, while all threads of the store are taken."""
    import asyncio

    mine = ticket(account)
    await store.claim(mine, 1, LEASE)
    await store.begin(mine, LEASE, first=True)
    known = type(store)._known

    def slowly(self: Store, account: str, order_ids: tuple[int, ...]) -> frozenset[int]:
        time.sleep(0.3)
        return known(self, account, order_ids)

    monkeypatch.setattr(type(store), "_known", slowly)
    async with anyio.create_task_group() as others:
        for _ in range(CALLS):
            others.start_soon(store.known, account, (1,))
        await anyio.sleep(0.1)
        task = asyncio.ensure_future(store.settle(mine, SendState.SENT, 428))
        for _ in range(times):
            await anyio.sleep(0.02)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    found = await store.find(account, "k")
    assert found is not None
    assert (found.state, found.order_id) == (SendState.SENT, 428)
