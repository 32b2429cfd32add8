"""The clock, and the dates in requests and answers, which are Turkish time without an offset."""

import re
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Final

__all__ = ["TURKEY", "Clock", "read_day", "read_minute", "read_second", "write_second"]

TURKEY: Final = timezone(timedelta(hours=3))
"""Turkish time: +03:00 all year since 2016."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SECOND: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_MINUTE: Final = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}")


class Clock:
    """The wall clock plus the time added by ``advance``; it never goes back.

    Not thread-safe: the service reads it under its own lock.

    Args:
        source: Seconds since the epoch, as ``time.time`` gives them.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._offset = timedelta()
        self._latest = datetime.min.replace(tzinfo=TURKEY)

    def now(self) -> datetime:
        """Return the time in Turkey (+03:00)."""
        read = datetime.fromtimestamp(self._source(), TURKEY) + self._offset
        # Orders are sorted by time; a wall clock that is set back must not break the sorting.
        self._latest = max(self._latest, read)
        return self._latest

    def advance(self, step: timedelta) -> None:
        """Move the clock forward.

        Raises:
            ValueError: ``step`` is negative.
        """
        if step < timedelta():
            raise ValueError("the sandbox's clock only moves forward")
        self._offset += step


def read_day(value: object) -> date | None:
    """Read ``YYYY-MM-DD``; anything else is None."""
    moment = _read(_DAY, "%Y-%m-%d", value)
    return None if moment is None else moment.date()


def read_second(value: object) -> datetime | None:
    """Read ``YYYY-MM-DD HH:MM:SS``; anything else is None."""
    return _read(_SECOND, "%Y-%m-%d %H:%M:%S", value)


def read_minute(value: object) -> datetime | None:
    """Read ``DD/MM/YYYY HH:MM``; anything else is None."""
    return _read(_MINUTE, "%d/%m/%Y %H:%M", value)


def write_second(moment: datetime) -> str:
    """Write ``YYYY-MM-DD HH:MM:SS`` in Turkish time."""
    return moment.astimezone(TURKEY).strftime("%Y-%m-%d %H:%M:%S")


def _read(form: re.Pattern[str], directives: str, value: object) -> datetime | None:
    # The directives alone would accept single digits and spaces, too.
    if not isinstance(value, str) or not form.fullmatch(value):
        return None
    try:
        return datetime.strptime(value, directives).replace(tzinfo=TURKEY)
    except ValueError:
        return None
