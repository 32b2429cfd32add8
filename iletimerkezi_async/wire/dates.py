"""Days and times as callers have them, in the service's own time. Complaints are returned, as in `draft`."""

from __future__ import annotations

from datetime import date, datetime, time

from attrs import frozen

from iletimerkezi_async.errors import DateRangeError
from iletimerkezi_async.models import TURKISH_TIME

from .arguments import find_moment_flaw, name_type

__all__ = ["Window", "choose_days", "choose_window", "wire_time"]

# Where one side of a window is open. The filter on the wire has two sides.
_EARLIEST = datetime(2000, 1, 1, tzinfo=TURKISH_TIME)
_LATEST = datetime(2099, 12, 31, 23, 59, 59, tzinfo=TURKISH_TIME)
_LAST_SECOND = time(23, 59, 59)
_REVERSED = "the range ends before it starts"


@frozen(eq=False, repr=False)
class Window:
    """From when to when, both included; Turkish time."""

    start: datetime
    end: datetime


def choose_days(start: object, end: object, operation: str) -> tuple[date, date] | DateRangeError:
    """The Turkish days from `start` to `end`, or the complaint about one of them."""
    first, last = _read_day("start", start, operation), _read_day("end", end, operation)
    if isinstance(first, DateRangeError):
        return first
    if isinstance(last, DateRangeError):
        return last
    return DateRangeError(458, _REVERSED, operation) if last < first else (first, last)


def choose_window(start: object, end: object, operation: str) -> Window | DateRangeError | None:
    """The time from `start` to `end`: of a date its whole day; `None` where both sides are open."""
    if start is None and end is None:
        return None
    first = _EARLIEST if start is None else _read_moment("start", start, time(), operation)
    if isinstance(first, DateRangeError):
        return first
    last = _LATEST if end is None else _read_moment("end", end, _LAST_SECOND, operation)
    if isinstance(last, DateRangeError):
        return last
    return DateRangeError(458, _REVERSED, operation) if last < first else Window(first, last)


def _read_day(name: str, day: object, operation: str) -> date | DateRangeError:
    moment = _read_moment(name, day, time(), operation)
    return moment if isinstance(moment, DateRangeError) else moment.date()


def _read_moment(name: str, day: object, of_day: time, operation: str) -> datetime | DateRangeError:
    if isinstance(day, date) and not isinstance(day, datetime):
        return datetime.combine(day, of_day, TURKISH_TIME)
    if not isinstance(day, datetime):
        return DateRangeError(458, f"`{name}` must be a date or an aware datetime, not {name_type(day)}", operation)
    flaw = find_moment_flaw(day)
    if flaw is not None:
        return DateRangeError(458, f"`{name}` {flaw}", operation)
    try:
        return day.astimezone(TURKISH_TIME)
    except OverflowError:
        return DateRangeError(458, f"`{name}` is out of range", operation)


def wire_time(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS`, Turkish time."""
    return moment.astimezone(TURKISH_TIME).replace(tzinfo=None).isoformat(" ", "seconds")
