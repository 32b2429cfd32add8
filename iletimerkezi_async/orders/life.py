"""What may become of an order, and what follows: all decisions about it. Pure.

An order is a row in a log (`stores.log`). What happened to it is told by its state and by two moments: its first and
its last attempt that may have been taken.

| now | event | then |
|---|---|---|
| none, free, expired | claim | claimed, all anew |
| claimed, lease over | claim, any content | claimed, all anew (of a campaign: the same content alone) |
| claimed, begun, unknown; lease holds | claim: same content / other | busy / conflict |
| begun, unknown; lease over | claim: same content / other | the same, ours / conflict |
| sent | claim: same content / other | replay / conflict |
| claimed, not begun | given up | free |
| begun, unknown of an earlier owner | given up | unknown, lease over |
| claimed; begun, nothing lost | an attempt is about to leave | begun; first and last are now |
| begun, something lost | again | begun; last is now |
| any but sent, same content; none, free | taken, whoever says it | sent; inserted where the row is gone |
| sent | taken, whoever says it | the same; an id only where there is none |
| begun, nothing lost | refused, or surely never left | free (of a campaign: refused, or duplicate) |
| begun, something lost | refused for its content alone | free |
| begun, something lost | refused otherwise; attempts or time are over | unknown, lease over |
| begun, unknown of an earlier owner | younger than 9 minutes by both clocks | sent again: last is now |
| … older, or a clock is not known | the reports show it | sent, with its id where there are no look-alikes |
| … | the reports surely lack it | sent again, as a new life: first and last are now |
| … | they do not tell | unknown |
| claimed, begun, unknown; lease over | a person: sent / not sent | sent / free |
| sent without an id | a person: this order | sent, with its id |
| sent | a person: not sent, or another order | conflict |
| none, free, expired | a person | nothing is known of it |

*Lost* means that an attempt's answer did not come: the row was claimed with a first attempt, or an answer of this
owner's was lost since. A row that is begun or unknown does not expire before eleven days, however short `keep` is.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, frozen

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.stores.log import Change, KnownId, Scope, State
from iletimerkezi_async.wire.call import SEND_WINDOW

if TYPE_CHECKING:
    from iletimerkezi_async.stores.log import Row

__all__ = [
    "DOUBT_KEPT",
    "FREE_KEPT",
    "LONGEST_LEASE",
    "NO_LEASE",
    "SEND_WINDOW",
    "Busy",
    "Conflict",
    "Decision",
    "Nothing",
    "Replay",
    "Step",
    "begin",
    "claim",
    "give_up",
    "mark_not_sent",
    "mark_sent",
    "next_step",
    "refuse",
    "release",
    "settle_sent",
    "strike",
    "taken",
]

#: Seconds for which a row that was struck out stays, so that nothing that comes late can bring back another.
FREE_KEPT = 3600.0
#: Seconds for which an order that may have been taken is kept at the least.
DOUBT_KEPT = 11 * 86_400.0
#: Seconds: no lease is longer. One that is over later than that was written by a clock that was wrong.
LONGEST_LEASE = 300.0
#: Seconds from now until a lease that nobody has: long ago, so that a clock that is set back does not bring it back.
NO_LEASE = -1e9
# Seconds: the service tells its time in whole ones, so that a clock may seem to have gone back.
_GRAIN = 2.0
# Seconds: a log may look at its clock twice for one write.
_SAME = 0.001
_IN_DOUBT = frozenset({State.BEGUN, State.UNKNOWN})


@frozen
class Replay:
    """It was sent already.

    Attributes:
        row: As it is kept.
    """

    row: Row


@frozen
class Conflict:
    """The name belongs to other content; or it was sent, and a person says otherwise.

    Attributes:
        row: As it is kept.
    """

    row: Row


@frozen
class Busy:
    """Somebody else has it.

    Attributes:
        lease_left: Seconds until the lease is over.
    """

    lease_left: float


class Nothing(Enum):
    """Why there is nothing to write."""

    UNUSED = "nothing is known of it"
    CHANGED = "it is another by now"


#: What follows from an event: a change to be written, or why there is none.
Decision: TypeAlias = Change | Replay | Conflict | Busy | Nothing


class Step(Enum):
    """What to do about an order that was claimed."""

    SEND = "send it"
    SEND_AGAIN = "send it again, as the service would refuse it if it has it"
    LOOK_UP = "look into the reports"


def is_none(row: Row | None, now: float) -> bool:
    """Whether a row is as good as none."""
    return row is None or row.state is State.FREE or row.expires_at <= now


def lease_left(row: Row, now: float) -> float:
    """Seconds for which a row is still its owner's alone; 0 where the lease is over, or longer than any can be."""
    left = row.lease_until - now
    return left if 0 < left <= LONGEST_LEASE + _GRAIN else 0.0


def claim(row: Row | None, now: float, mine: Row, lease: float, keep: float) -> Decision:
    """Ask for the right to send.

    Args:
        row: What is there.
        now: The log's time.
        mine: The row as it would be inserted: claimed, without times, with a version and a token of its own.
        lease: Seconds.
        keep: Seconds.
    """
    # What a crash of the log may undo here was not begun yet.
    anew = Change(mine, lease, keep, durable=False)
    if row is None or is_none(row, now):
        return anew
    left = lease_left(row, now)
    if row.content != mine.content:
        is_unused = row.state is State.CLAIMED and not left and row.name.scope is not Scope.CAMPAIGN
        return anew if is_unused else Conflict(row)
    if row.state is State.SENT:
        return Replay(row)
    if left:
        return Busy(left)
    if row.state is State.CLAIMED and row.name.scope is not Scope.CAMPAIGN:
        return anew
    ours = evolve(row, version=mine.version, token=mine.token)
    return Change(ours, lease, _kept(row.state, keep), durable=False)


def next_step(row: Row, now: Moment, *, may_go: bool = True) -> Step:
    """What to do about an order that was claimed.

    Args:
        row: As it was claimed.
        now: The log's time, and the service's.
        may_go: Whether it could be sent: its texts are known, and its schedule is not past.
    """
    if row.first is None:
        return Step.SEND
    ages = row.first.ages(now)
    # By one clock alone nobody knows how long ago it was: either may have been set.
    is_known = row.first.service is not None and now.service is not None
    if may_go and is_known and all(-_GRAIN <= age < SEND_WINDOW for age in ages):
        return Step.SEND_AGAIN
    return Step.LOOK_UP


def begin(held: Row, version: str, service: float | None, lease: float, keep: float, *, lost: bool) -> Change:
    """An attempt is about to leave.

    Args:
        held: The row as its owner has it.
        version: A new one.
        service: The service's time, where it is known.
        lease: Seconds.
        keep: Seconds.
        lost: Whether an earlier attempt may have been taken.
    """
    now = Moment(0.0, service)
    first = held.first if lost else now
    row = evolve(held, version=version, state=State.BEGUN, first=first, last=now)
    return Change(row, lease, _kept(State.BEGUN, keep), first_now=not lost, last_now=True)


def give_up(held: Row, version: str, keep: float, *, lost: bool, service: float | None = None) -> Change:
    """Nobody can tell what became of it; or, where nothing was lost, it surely was not taken.

    Args:
        held: The row as its owner has it.
        version: A new one.
        keep: Seconds.
        lost: Whether an attempt may have been taken.
        service: The service's time of the last attempt, where it was learnt since.
    """
    if not lost:
        return strike(held, version)
    first, last = held.first, held.last
    if service is not None and first is not None and last is not None and last.service is None:
        last = Moment(last.local, service)
        first = last if last.local - first.local < _SAME else first
    row = evolve(held, version=version, state=State.UNKNOWN, first=first, last=last)
    return Change(row, NO_LEASE, _kept(State.UNKNOWN, keep))


def release(held: Row, version: str, keep: float) -> Change:
    """Of a campaign: its run has ended, and another may have it."""
    return Change(evolve(held, version=version), NO_LEASE, keep)


def strike(held: Row, version: str) -> Change:
    """It surely was not taken."""
    row = evolve(held, version=version, state=State.FREE, first=None, last=None, order_id=None, entries=None)
    return Change(row, NO_LEASE, FREE_KEPT)


def refuse(held: Row, version: str, keep: float, *, duplicate: bool) -> Change:
    """Of a campaign: it surely was not taken, and is not to be sent by a later run."""
    state = State.DUPLICATE if duplicate else State.REFUSED
    return Change(evolve(held, version=version, state=state, first=None, last=None), NO_LEASE, keep)


def taken(row: Row | None, mine: Row, order_id: int | None, keep: float, *, note: KnownId | None = None) -> Decision:
    """The service has it: that is true whoever says it, and an id that is there stays.

    Args:
        row: What is there.
        mine: The row as its owner had it, with a new version.
        order_id: The service's id, where it is known.
        keep: Seconds.
        note: The id, where it becomes known: not where the reports alone have told it, as it may be a look-alike's.
    """
    if row is None or row.state is State.FREE:
        # Lost by the log, struck out, or swept.
        return Change(evolve(mine, state=State.SENT, order_id=order_id), NO_LEASE, keep, note=note)
    if row.content != mine.content:
        return Conflict(row)
    if row.state is State.SENT and (row.order_id is not None or order_id is None):
        return Replay(row)
    changed = evolve(row, version=mine.version, state=State.SENT, order_id=row.order_id or order_id)
    return Change(changed, NO_LEASE, keep, note=note)


def mark_sent(row: Row | None, now: float, version: str, order_id: int | None, keep: float) -> Decision:
    """A person decides that it was sent.

    Args:
        row: What is there.
        now: The log's time.
        version: A new one.
        order_id: The order that it was sent as, where that is known.
        keep: Seconds.
    """
    if row is None or is_none(row, now):
        return Nothing.UNUSED
    if row.state is State.SENT and (order_id is None or row.order_id is not None):
        return Replay(row) if order_id in {None, row.order_id} else Conflict(row)
    left = lease_left(row, now)
    if left:
        return Busy(left)
    return settle_sent(row, now, version, keep, order_id)


def settle_sent(row: Row, now: float, version: str, keep: float, order_id: int | None = None) -> Change:
    """What makes a person's decision that it was sent."""
    sent = evolve(row, version=version, state=State.SENT, order_id=order_id)
    note = None
    if order_id is not None and row.first is not None:
        # It may have been taken at its first attempt.
        note = KnownId(order_id, scheduled=True, age=max(0.0, now - row.first.local))
    return Change(sent, NO_LEASE, keep, note=note)


def mark_not_sent(row: Row | None, now: float, version: str) -> Decision:
    """A person decides that it was not sent.

    Args:
        row: What is there.
        now: The log's time.
        version: A new one.
    """
    if row is None or is_none(row, now):
        return Nothing.UNUSED
    if row.state is State.SENT:
        return Conflict(row)
    left = lease_left(row, now)
    return Busy(left) if left else strike(row, version)


def _kept(state: State, keep: float) -> float:
    """Seconds for which a row in this state is kept."""
    return max(keep, DOUBT_KEPT) if state in _IN_DOUBT else keep
