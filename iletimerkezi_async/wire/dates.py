"""Days and times as callers have them, in the service's own time."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time

from attrs import frozen

from iletimerkezi_async.errors import DateRangeError
from iletimerkezi_async.models import TURKISH_TIME

from .arguments import find_moment_flaw, name_type

__all__ = ["TimeRange", "choose_days", "choose_window", "wire_time"]

# Where one side of a window is open. The filter on the wire has two sides.
_EARLIEST = datetime(2000, 1, 1, tzinfo=TURKISH_TIME)
_LATEST = datetime(2099, 12, 31, 23, 59, 59, tzinfo=TURKISH_TIME)
_LAST_SECOND = time(23, 59, 59)
_REVERSED = "the range ends before it starts"


@frozen(eq=False, repr=False)
class TimeRange:
    """From when to when, both included; Turkish time."""

    start: datetime
    end: datetime


def choose_days(start: object, end: object, operation: str) -> tuple[date, date]:
    """The Turkish days from `start` to `end`.

    Raises:
        DateRangeError: One of them is no day, or the range ends before it starts.
    """
    first = _read_moment("start", start, time(), operation).date()
    last = _read_moment("end", end, time(), operation).date()
    if last < first:
        raise DateRangeError(458, _REVERSED, operation)
    return first, last


def choose_window(start: object, end: object, operation: str) -> TimeRange | None:
    """The time from `start` to `end`: of a date its whole day; `None` where both sides are open.

    Raises:
        DateRangeError: One of them is no time, or the range ends before it starts.
    """
    if start is None and end is None:
        return None
    first = _EARLIEST if start is None else _read_moment("start", start, time(), operation)
    last = _LATEST if end is None else _read_moment("end", end, _LAST_SECOND, operation)
    if last < first:
        raise DateRangeError(458, _REVERSED, operation)
    return TimeRange(first, last)


def _read_moment(name: str, day: object, of_day: time, operation: str) -> datetime:
    if isinstance(day, date) and not isinstance(day, datetime):
        return datetime.combine(day, of_day, TURKISH_TIME)
    if not isinstance(day, datetime):
        raise DateRangeError(458, f"`{name}` must be a date or an aware datetime, not {name_type(day)}", operation)
    flaw = find_moment_flaw(day)
    if flaw is None:
        with suppress(OverflowError):
            return day.astimezone(TURKISH_TIME)
        flaw = "is out of range"
    raise DateRangeError(458, f"`{name}` {flaw}", operation)


def wire_time(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS`, Turkish time."""
    return moment.astimezone(TURKISH_TIME).replace(tzinfo=None).isoformat(" ", "seconds")
