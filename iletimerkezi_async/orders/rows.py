"""Writes the decisions of `life` into a log, of any kind.

A row is read, `life` decides, and the row is written. If another call wrote the row in between, claims and settlements
are decided again; any other write then fails, as its owner was overtaken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve

from iletimerkezi_async.stores.log import Answer, Change, Scope, State, draw

from . import life

if TYPE_CHECKING:
    from collections.abc import Callable

    from iletimerkezi_async.stores.base import StoreLog
    from iletimerkezi_async.stores.log import Fence, KnownId, Name, Row


#: The outcome of a claim, or of a person's decision: what is in the log now, and the reason why nothing was written.
Outcome: TypeAlias = "tuple[Answer, life.Obstacle | None]"
#: Decides about a row, at the log's time.
Decide: TypeAlias = "Callable[[Row | None, float], life.Decision]"


async def claim(log: StoreLog, mine: Row, lease: float, keep: float) -> Outcome:
    """Claim the right to send. If the caller is cancelled, the claim is reverted.

    Args:
        log: The log.
        mine: The row to be inserted if there is none, as for `life.claim`.
        lease: Seconds for which no other call may claim it.
        keep: Seconds for which the row is kept.

    Raises:
        StoreError: The log is away.
    """

    def undo(answer: Answer) -> Change | None:
        row = answer.row
        # Compare the version: the token may be that of an earlier claim of this call.
        if row is None or row.version != mine.version:
            return None
        if row.name.scope is Scope.CAMPAIGN:
            return life.release(row, draw(), keep)
        return life.give_up(row, draw(), keep, lost=row.first is not None)

    answer = Answer(None, 0.0)
    while True:
        decision = life.claim(answer.row, answer.now, mine, lease, keep)
        if not isinstance(decision, Change):
            return answer, decision
        answer = await log.write(answer.row, decision, undo=undo)
        if answer.has(mine.version):
            return answer, None
        mine = evolve(mine, version=draw())


async def write_owned(
    log: StoreLog,
    held: Row,
    change: Change,
    fence: Fence | None = None,
    *,
    may_be_undone: bool = False,
    is_new: bool = False,
) -> Row | None:
    """Write as the owner of a row; `None` if another call has taken it over.

    Args:
        log: The log.
        held: The row as its owner has it.
        change: Its next version.
        fence: For a part of a campaign.
        may_be_undone: Whether to revert the write if the caller is cancelled meanwhile, as its attempt then does not
            leave.
        is_new: Whether the row is not in the log yet.

    Raises:
        StoreError: The log is away.
    """
    lost = held.first is not None and not change.first_now

    def undo(answer: Answer) -> Change | None:
        # This attempt has not left.
        return life.give_up(held, draw(), change.keep, lost=lost) if answer.has(change.row.version) else None

    back = undo if may_be_undone else None
    answer = await log.write(None if is_new else held, change, fence, undo=back)
    return answer.row if answer.has(change.row.version) else None


async def settle_taken(
    log: StoreLog,
    held: Row,
    order_id: int | None,
    keep: float,
    fence: Fence | None = None,
    *,
    note: KnownId | None = None,
) -> Row | None:
    """Record that an order was taken, even if another call has taken its row over.

    Args:
        log: The log.
        held: The row as its owner had it.
        order_id: The service's id, if it is known.
        keep: Seconds for which the row is kept.
        fence: For a part of a campaign.
        note: As for `life.taken`.

    Returns:
        The row that is in the log now; `None` if its name belongs to other content.

    Raises:
        StoreError: The log is away.
    """
    kept: Row | None = held
    while True:
        decision = life.taken(kept, evolve(held, version=draw()), order_id, keep, note=note)
        if not isinstance(decision, Change):
            return kept if decision is life.Obstacle.REPLAY else None
        answer = await log.write(kept, decision, fence)
        if answer.has(decision.row.version) or (fence is not None and answer.token != fence.token):
            return answer.row
        kept = answer.row


async def mark(log: StoreLog, name: Name, decide: Decide, seen: str = "") -> Outcome:
    """Record a person's decision.

    Args:
        log: The log.
        name: The order's name.
        decide: Decides about the row, at the log's time.
        seen: The version that the person saw, if it is known. If the row has changed since, nothing is written.

    Raises:
        StoreError: The log is away.
    """
    answer = await log.read(name)
    if seen and not answer.has(seen):
        is_free = answer.row is None or answer.row.state is State.FREE
        return answer, life.Obstacle.UNUSED if is_free else life.Obstacle.CHANGED
    decision = decide(answer.row, answer.now)
    if not isinstance(decision, Change):
        return answer, decision
    answer = await log.write(answer.row, decision)
    return answer, None if answer.has(decision.row.version) else life.Obstacle.CHANGED
