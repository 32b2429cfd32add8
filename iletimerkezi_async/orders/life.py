"""The life of an order: its states, and all decisions about it. Pure.

An order is a row in a log (`stores.log`). Its state and two times record its past: `first` and `last`, the first and
the last attempt that may have been taken. *Lost* means that the answer to an attempt is missing: either the row had a
`first` when it was claimed, or an answer was lost since. An owner is the call, or the run of a campaign, that has
claimed the row; no other call may change the row as long as the lease holds.

| state of the row | event | what follows |
|---|---|---|
| none, FREE, expired | claim | CLAIMED, as a new row |
| none, FREE, expired | claim by a call that lost the row after an attempt | as it had the row |
| CLAIMED, lease over | claim, any content | CLAIMED, as a new row (of a campaign: same content only) |
| CLAIMED, BEGUN, UNKNOWN, lease holds | claim, same content / other | busy / conflict |
| BEGUN, UNKNOWN, lease over | claim, same content / other | the same state, with a new owner / conflict |
| BEGUN, UNKNOWN, lease over | claim by a call that lost the row after an attempt | likewise, with both attempts |
| SENT | claim, same content / other | replay / conflict |
| CLAIMED | the owner gives up | FREE |
| BEGUN, UNKNOWN of an earlier owner | the owner gives up | UNKNOWN, lease over |
| CLAIMED; BEGUN, nothing lost | an attempt is about to leave | BEGUN; `first` and `last` are now |
| BEGUN, lost | another attempt is about to leave | BEGUN; `last` is now |
| any but SENT, same content; none, FREE | any owner, also an earlier one, finds it taken | SENT |
| SENT | any owner finds it taken | unchanged, but for an id if there was none |
| BEGUN, nothing lost | refused, or surely not sent | FREE (of a campaign: REFUSED or DUPLICATE) |
| BEGUN, lost | refused for its content | FREE |
| BEGUN, lost | refused for another reason; no attempts or no time left | UNKNOWN, lease over |
| BEGUN, UNKNOWN of an earlier owner | less than 9 minutes old, by both clocks | sent again; `last` is now |
| … older, or a clock is not known | the reports show it | SENT, with its id unless there are look-alikes |
| … | the reports surely lack it | sent again, as if new: `first` and `last` are now |
| … | the reports do not tell | UNKNOWN |
| CLAIMED, BEGUN, UNKNOWN, lease over | a person decides: sent / not sent | SENT / FREE |
| SENT without an id | a person decides: sent, as this order | SENT, with the id |
| SENT | a person decides: not sent, or another order | conflict |
| none, FREE, expired | a person decides | refused: nothing is known of it |

BEGUN and UNKNOWN do not expire before eleven days, however short `keep` is.

A call repeats its attempts (`http.transport`) within `SEND_WINDOW` of the first one that may have been taken. Before
each attempt leaves, `begin` records it.
"""

from __future__ import annotations

from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.stores.log import Change, KnownId, Scope, State
from iletimerkezi_async.wire.call import SEND_WINDOW

if TYPE_CHECKING:
    from iletimerkezi_async.stores.log import Row


#: Seconds for which a free row is kept: otherwise a late INSERT could bring back a version that others have read.
FREE_KEPT = 3600.0
#: Minimum seconds for which an order that may have been taken is kept.
DOUBT_KEPT = 11 * 86_400.0
#: Seconds of the longest lease. A longer one was written by a wrong clock.
LONGEST_LEASE = 300.0
#: Seconds of a lease that is over at once, even by a clock that is set back.
NO_LEASE = -1e9
# Seconds by which a clock may seem to go back, as the service gives whole seconds.
_GRAIN = 2.0
# Seconds by which two readings of a log's clock for one write may differ.
_SAME = 0.001
_IN_DOUBT = frozenset({State.BEGUN, State.UNKNOWN})


class Obstacle(Enum):
    """A reason why nothing is written."""

    REPLAY = "it was sent already"
    CONFLICT = "the name belongs to other content, or a person's decision contradicts the row"
    BUSY = "another call has it"
    UNUSED = "nothing is known of it"
    CHANGED = "it has changed since it was read"


#: The outcome of an event: a change to be written, or the reason why there is none.
Decision: TypeAlias = Change | Obstacle


def is_none(row: Row, now: float) -> bool:
    """Whether a row is as good as none: it is free or expired."""
    return row.state is State.FREE or row.expires_at <= now


def lease_left(row: Row, now: float) -> float:
    """Give the seconds that are left of a lease; 0 if it is over, or longer than any lease."""
    left = row.lease_until - now
    return left if 0 < left <= LONGEST_LEASE + _GRAIN else 0.0


def claim(row: Row | None, now: float, mine: Row, lease: float, keep: float) -> Decision:
    """Decide about a claim, which is the right to send.

    Args:
        row: The row in the log.
        now: The log's time.
        mine: The row to be inserted, with a new version and token: claimed and without times or, if this call was
            overtaken, as it had the row then.
        lease: Seconds.
        keep: Seconds.
    """
    # Not durable, as no attempt leaves before the next write.
    anew = Change(mine, lease, _kept(mine.state, keep), durable=False)
    if row is None or is_none(row, now):
        return anew
    left = lease_left(row, now)
    if row.content != mine.content:
        is_unused = row.state is State.CLAIMED and not left and row.name.scope is not Scope.CAMPAIGN
        return anew if is_unused else Obstacle.CONFLICT
    if row.state is State.SENT:
        return Obstacle.REPLAY
    if left:
        return Obstacle.BUSY
    if row.state is State.CLAIMED and row.name.scope is not Scope.CAMPAIGN:
        return anew
    ours = evolve(row, version=mine.version, token=mine.token)
    if mine.first is not None and mine.last is not None and row.first is not None and row.last is not None:
        # The log lost this call's row, and another call has attempts of its own: the span includes those of both.
        by_log = attrgetter("local")
        first, last = min(row.first, mine.first, key=by_log), max(row.last, mine.last, key=by_log)
        ours = evolve(ours, first=first, last=last)
    return Change(ours, lease, _kept(row.state, keep), durable=False)


def may_repeat(row: Row, now: Moment) -> bool:
    """Whether to send again an order that may have been taken: the service still refuses it as a duplicate.

    Args:
        row: The row as it was claimed.
        now: The log's time, and the service's.
    """
    first = row.first
    # One clock alone does not tell the age, as it may have been set.
    if first is None or first.service is None or now.service is None:
        return False
    return all(-_GRAIN <= age < SEND_WINDOW for age in first.ages(now))


def begin(held: Row, version: str, service: float | None, lease: float, keep: float, *, lost: bool) -> Change:
    """Begin an attempt.

    Args:
        held: The row as its owner has it.
        version: A new version.
        service: The service's time, if it is known.
        lease: Seconds.
        keep: Seconds.
        lost: Whether an earlier attempt may have been taken.
    """
    now = Moment(0.0, service)
    first = held.first if lost else now
    row = evolve(held, version=version, state=State.BEGUN, first=first, last=now)
    return Change(row, lease, _kept(State.BEGUN, keep), first_now=not lost, last_now=True)


def give_up(held: Row, version: str, keep: float, *, lost: bool, service: float | None = None) -> Change:
    """Give up an order: its outcome is unknown, or, if nothing was lost, it was not taken.

    Args:
        held: The row as its owner has it.
        version: A new version.
        keep: Seconds.
        lost: Whether an attempt may have been taken.
        service: The service's time of the last attempt, if it was learnt since.
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
    """End a run's lease of its campaign."""
    return Change(evolve(held, version=version), NO_LEASE, keep)


def strike(held: Row, version: str) -> Change:
    """Free the row of an order that surely was not taken."""
    row = evolve(held, version=version, state=State.FREE, first=None, last=None, order_id=None, entries=None)
    return Change(row, NO_LEASE, FREE_KEPT)


def refuse(held: Row, version: str, keep: float, *, duplicate: bool) -> Change:
    """Record that an order of a campaign was refused, so that no later run sends it."""
    state = State.DUPLICATE if duplicate else State.REFUSED
    return Change(evolve(held, version=version, state=state, first=None, last=None), NO_LEASE, keep)


def taken(row: Row | None, mine: Row, order_id: int | None, keep: float, *, note: KnownId | None = None) -> Decision:
    """Record that an order was taken, even if its owner was overtaken meanwhile; keep an id that the row has.

    Args:
        row: The row in the log.
        mine: The row as its owner had it, with a new version.
        order_id: The service's id, if it is known.
        keep: Seconds.
        note: The id to be noted as known. Not one that only the reports showed: it may be a look-alike's.
    """
    if row is None or row.state is State.FREE:
        # The log has lost, freed or deleted the row.
        return Change(evolve(mine, state=State.SENT, order_id=order_id), NO_LEASE, keep, note=note)
    if row.content != mine.content:
        return Obstacle.CONFLICT
    if row.state is State.SENT and (row.order_id is not None or order_id is None):
        return Obstacle.REPLAY
    changed = evolve(row, version=mine.version, state=State.SENT, order_id=order_id)
    return Change(changed, NO_LEASE, keep, note=note)


def mark_sent(row: Row | None, now: float, version: str, order_id: int | None, keep: float) -> Decision:
    """Decide about a person's statement that an order was sent.

    Args:
        row: The row in the log.
        now: The log's time.
        version: A new version.
        order_id: The service's id, if it is known.
        keep: Seconds.
    """
    if row is None or is_none(row, now):
        return Obstacle.UNUSED
    if row.state is State.SENT and (order_id is None or row.order_id is not None):
        return Obstacle.REPLAY if order_id in {None, row.order_id} else Obstacle.CONFLICT
    if lease_left(row, now):
        return Obstacle.BUSY
    sent = evolve(row, version=version, state=State.SENT, order_id=order_id)
    note = None
    if order_id is not None and row.first is not None:
        # It may have been taken at the first attempt.
        note = KnownId(order_id, scheduled=True, age=max(0.0, now - row.first.local))
    return Change(sent, NO_LEASE, keep, note=note)


def mark_not_sent(row: Row | None, now: float, version: str) -> Decision:
    """Decide about a person's statement that an order was not sent.

    Args:
        row: The row in the log.
        now: The log's time.
        version: A new version.
    """
    if row is None or is_none(row, now):
        return Obstacle.UNUSED
    if row.state is State.SENT:
        return Obstacle.CONFLICT
    return Obstacle.BUSY if lease_left(row, now) else strike(row, version)


def _kept(state: State, keep: float) -> float:
    """Give the seconds for which a row in a state is kept."""
    return max(keep, DOUBT_KEPT) if state in _IN_DOUBT else keep
