"""Asking a log about an order: claims, and what became of it. Written once, for all logs.

Each decision is `life`'s: a row is read, what follows is decided, and the row is swapped. Where somebody else has
swapped it in between, it is decided again, or the owner has been overtaken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, frozen

from iletimerkezi_async.stores.log import Change, Scope, State, draw

from . import life

if TYPE_CHECKING:
    from collections.abc import Callable

    from iletimerkezi_async.stores.log import Answer, Fence, KnownId, Log, Name, Row

__all__ = ["Decide", "Granted", "Outcome", "claim", "mark", "settle_taken", "write_owned"]


@frozen
class Granted:
    """A change was written.

    Attributes:
        row: The row that is there now.
        now: The log's time.
    """

    row: Row
    now: float


#: What became of an event.
Outcome: TypeAlias = Granted | life.Replay | life.Conflict | life.Busy | life.Nothing
#: What a person's decision makes of a row, at the log's time.
Decide: TypeAlias = "Callable[[Row | None, float], life.Decision]"


async def claim(log: Log, mine: Row, lease: float, keep: float) -> Outcome:
    """Ask for the right to send.

    A claim that is granted while its caller gives up is withdrawn.

    Args:
        log: Where the order is kept.
        mine: The row as it is inserted where there is none: claimed, with a version and a token of its own.
        lease: Seconds.
        keep: Seconds.

    Raises:
        StoreError: The log is away.
    """

    def undo(answer: Answer) -> Change | None:
        row = answer.row
        # By its version: whoever had the answer of an earlier attempt has kept the token.
        if row is None or row.version != mine.version:
            return None
        if row.name.scope is Scope.CAMPAIGN:
            return life.release(row, draw(), keep)
        return life.give_up(row, draw(), keep, lost=row.first is not None)

    answer = await log.insert(Change(mine, lease, keep, durable=False), undo=undo)
    while not answer.has(mine.version):
        mine = evolve(mine, version=draw())
        decision = life.claim(answer.row, answer.now, mine, lease, keep)
        if not isinstance(decision, Change):
            return decision
        if answer.row is None:
            answer = await log.insert(decision, undo=undo)
        else:
            answer = await log.swap(answer.row, decision, undo=undo)
    assert answer.row is not None
    return Granted(answer.row, answer.now)


async def write_owned(
    log: Log,
    held: Row,
    change: Change,
    fence: Fence | None = None,
    *,
    may_be_undone: bool = False,
    is_new: bool = False,
) -> Row | None:
    """Write as the owner of a row; `None` where another has taken it over.

    Args:
        log: Where it is kept.
        held: The row as its owner has it.
        change: What it is to become.
        fence: For a part of a campaign.
        may_be_undone: Whether it is taken back where the caller is cancelled meanwhile: an attempt is about to leave,
            and then does not.
        is_new: Whether it is not in the log yet.

    Raises:
        StoreError: The log is away.
    """
    lost = held.first is not None and not change.first_now

    def undo(answer: Answer) -> Change | None:
        # As it was before: this attempt has not left.
        return life.give_up(held, draw(), change.keep, lost=lost) if answer.has(change.row.version) else None

    back = undo if may_be_undone else None
    answer = await (log.insert(change, fence, undo=back) if is_new else log.swap(held, change, fence, undo=back))
    return answer.row if answer.has(change.row.version) else None


async def settle_taken(
    log: Log,
    held: Row,
    order_id: int | None,
    keep: float,
    fence: Fence | None = None,
    *,
    note: KnownId | None = None,
) -> Row | None:
    """Write down that the service has an order, also where another has taken its row over.

    Args:
        log: Where it is kept.
        held: The row as its owner had it.
        order_id: The service's id, where it is known.
        keep: Seconds.
        fence: For a part of a campaign.
        note: As for `life.taken`.

    Returns:
        The row that is there now; `None` where its name belongs to other content.

    Raises:
        StoreError: The log is away.
    """
    there: Row | None = held
    while True:
        decision = life.taken(there, evolve(held, version=draw()), order_id, keep, note=note)
        if not isinstance(decision, Change):
            return decision.row if isinstance(decision, life.Replay) else None
        answer = await (log.insert(decision, fence) if there is None else log.swap(there, decision, fence))
        if answer.has(decision.row.version) or (fence is not None and answer.token != fence.token):
            return answer.row
        there = answer.row


async def mark(log: Log, name: Name, decide: Decide, seen: str = "") -> Outcome:
    """Write down a person's decision.

    Args:
        log: Where the order is kept.
        name: Its name.
        decide: What the decision makes of a row, at the log's time.
        seen: The version that the person saw, if that is told: where it is another by now, nothing is decided.

    Raises:
        StoreError: The log is away.
    """
    answer = await log.read(name)
    if seen and not answer.has(seen):
        return life.Nothing.CHANGED if answer.row and answer.row.state is not State.FREE else life.Nothing.UNUSED
    decision = decide(answer.row, answer.now)
    if not isinstance(decision, Change):
        return decision
    assert answer.row is not None
    answer = await log.swap(answer.row, decision)
    return Granted(answer.row, answer.now) if answer.row and answer.has(decision.row.version) else life.Nothing.CHANGED
