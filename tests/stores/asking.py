"""What tests ask of a store's log, for one key of one account; and when they are in the way of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import anyio.to_thread
import pytest

from iletimerkezi_async.orders import life, rows
from iletimerkezi_async.stores import Store
from iletimerkezi_async.stores.base import StoreLog
from iletimerkezi_async.stores.log import Answer, Change, KnownId, Name, Row, Scope, State, draw

LEASE, KEEP = 60.0, 30 * 86_400.0


class Asking:
    """A key of an account, as one call after the other asks for it."""

    def __init__(self, store: Store, account: str, key: str = "k") -> None:
        self.log = StoreLog(store)
        self.name = Name(account, Scope.KEY, key)

    async def claim(self, content: str = "content", lease: float = LEASE) -> rows.Outcome:
        mine = Row(self.name, 0, draw(), draw(), State.CLAIMED, content, "mark", 1)
        return await rows.claim(self.log, mine, lease, KEEP)

    async def obstacle(self, content: str = "content", lease: float = LEASE) -> life.Obstacle | None:
        return (await self.claim(content, lease))[1]

    async def granted(self) -> Row:
        answer, obstacle = await self.claim()
        assert obstacle is None
        assert answer.row is not None
        return answer.row

    async def begin(self, row: Row) -> Row | None:
        return await rows.write_owned(self.log, row, life.begin(row, draw(), None, LEASE, KEEP, lost=False))

    async def give_up(self, row: Row) -> Row | None:
        return await rows.write_owned(self.log, row, life.give_up(row, draw(), KEEP, lost=True))

    async def sent(self, row: Row, order_id: int) -> Row | None:
        return await rows.settle_taken(self.log, row, order_id, KEEP, note=KnownId(order_id))

    async def find(self) -> Row | None:
        return (await self.log.read(self.name)).row


async def note(log: StoreLog, account: str, *known: KnownId) -> None:
    """Make ids known in the background, as clients do, and wait until they are."""
    for each in known:
        log.note_later(account, each)
    if isinstance(log, StoreLog):
        await anyio.to_thread.run_sync(log._store._late_ids.flush)


def phase_of(change: Change) -> str:
    """What a write is for: a claim, an attempt that begins, or what became of it."""
    return {State.CLAIMED: "claim", State.BEGUN: "begin"}.get(change.row.state, "settle")


def interposed(
    kind: type[Store], phase: str, act: Callable[[Callable[[], Answer], Change], Answer]
) -> Callable[..., Answer]:
    """A store's `_write` that hands those of one phase over to `act`, with what would do them."""
    real = kind._write

    def write(self: Store, old: Row | None, change: Change, fence: object) -> Answer:
        def go_on() -> Answer:
            return real(self, old, change, fence)  # type: ignore[arg-type]  # as it comes

        return act(go_on, change) if phase_of(change) == phase else go_on()

    return write


def before_write(
    patch: pytest.MonkeyPatch, store: Store, phase: str, happens: Callable[[], object], *, number: int = 1
) -> None:
    """Have something happen right before a store's write of a phase, the first one or a later one, and once."""
    writes = itertools.count(1)

    def act(go_on: Callable[[], Answer], change: Change) -> Answer:
        if next(writes) == number:
            happens()
        return go_on()

    patch.setattr(type(store), "_write", interposed(type(store), phase, act))
