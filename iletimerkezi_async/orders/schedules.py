"""Whether an order in the reports waits, or waited, for another time than the one that is looked for. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iletimerkezi_async.models import OrderReport

__all__ = ["differs", "schedule_gap"]

# Two schedules are the same unless they differ by more: clocks, queues and rounding move them by minutes.
_SKEW = timedelta(minutes=45)
_NONE = timedelta()


def differs(gap: timedelta, lead: tuple[timedelta, timedelta] | None) -> bool:
    """Whether a gap proves another schedule.

    A queue makes the time between submission and sending shorter, and never longer. Where it is shorter, the times
    prove something only in a list that is known to run with our clock.

    Args:
        gap: What `schedule_gap` tells.
        lead: By how much, at least and at most, the list's times are ahead of our clock, as known orders show.
    """
    if gap < _NONE:
        return lead is not None and max(map(abs, lead)) <= _SKEW
    return gap > _NONE


def schedule_gap(entry: OrderReport, send_at: datetime | None, began: datetime | None) -> timedelta:
    """By how much longer an order was to wait than ours; nothing where its schedule may be the same.

    Two comparisons have to say that it is not, as the list's times may be shifted: that of the times themselves, and
    that of how far ahead of its submission each order was scheduled, which no shift of both changes.

    Args:
        entry: What the list says of the order.
        send_at: Our schedule.
        began: When ours was sent, by the service's clock; `None` where that is not known.
    """
    if entry.sent_at is None or entry.submitted_at is None:
        return _NONE
    gap = entry.sent_at - entry.submitted_at
    if send_at is None:
        return gap if gap > _SKEW else _NONE
    if began is None or abs(entry.sent_at - send_at) <= _SKEW:
        return _NONE
    gap -= send_at - began
    return gap if abs(gap) > _SKEW else _NONE
