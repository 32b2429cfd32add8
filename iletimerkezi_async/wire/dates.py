"""Days and times as callers have them, in the service's own time."""

from __future__ import annotations

from datetime import date, datetime, time

from attrs import frozen

from iletimerkezi_async.errors import DateRangeError
from iletimerkezi_async.models import TURKISH_TIME

__all__ = ["Window", "choose_days", "choose_window", "wire_time"]

# Where one side of a window is open. The filter on the wire has two sides.
_EARLIEST = datetime(2000, 1, 1, tzinfo=TURKISH_TIME)
_LATEST = datetime(2099, 12, 31, 23, 59, 59, tzinfo=TURKISH_TIME)
_LAST_SECOND = time(23, 59, 59)


@frozen(eq=False, repr=False)
class Window:
    """From when to when, both included; Turkish time."""

    start: datetime
    end: datetime


def choose_days(start: date, end: date, operation: str) -> tuple[date, date]:
    """The Turkish days from `start` to `end`.

    Raises:
        DateRangeError: `end` is before `start`.
        ValueError: A datetime is naive.
    """
    first, last = _day(start, operation), _day(end, operation)
    if last < first:
        raise DateRangeError(458, "the range ends before it starts", operation)
    return first, last


def choose_window(start: date | None, end: date | None, operation: str) -> Window | None:
    """The time from `start` to `end`: of a date its whole day; `None` where both sides are open.

    Raises:
        DateRangeError: `end` is before `start`.
        ValueError: A datetime is naive.
    """
    if start is None and end is None:
        return None
    first = _EARLIEST if start is None else _moment(start, time(), operation)
    last = _LATEST if end is None else _moment(end, _LAST_SECOND, operation)
    if last < first:
        raise DateRangeError(458, "the range ends before it starts", operation)
    return Window(first, last)


def _day(day: date, operation: str) -> date:
    return _turkish(day, operation).date() if isinstance(day, datetime) else day


def _moment(day: date, of_day: time, operation: str) -> datetime:
    return _turkish(day, operation) if isinstance(day, datetime) else datetime.combine(day, of_day, TURKISH_TIME)


def _turkish(moment: datetime, operation: str) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("a datetime must have a time zone")
    try:
        return moment.astimezone(TURKISH_TIME)
    except OverflowError:
        pass
    raise DateRangeError(458, "a time is out of range", operation)


def wire_time(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS`, Turkish time."""
    return moment.astimezone(TURKISH_TIME).replace(tzinfo=None).isoformat(" ", "seconds")
