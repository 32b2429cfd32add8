"""The dates of the wire, all of them Turkish time without saying so."""

import re
from datetime import date, datetime, timedelta, timezone
from typing import Final

__all__ = ["TURKEY", "read_day", "read_minute", "read_second", "write_second"]

TURKEY: Final = timezone(timedelta(hours=3))
"""Turkish time: +03:00 all year since 2016."""

_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_SECOND: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})")
_MINUTE: Final = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4}) ([0-9]{2}):([0-9]{2})")


def read_day(value: object) -> date | None:
    """Read ``YYYY-MM-DD``; anything else is None."""
    match = _DAY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day = map(int, match.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def read_second(value: object) -> datetime | None:
    """Read ``YYYY-MM-DD HH:MM:SS``; anything else is None."""
    match = _SECOND.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    return _moment((year, month, day), hour, minute, second)


def read_minute(value: str) -> datetime | None:
    """Read ``DD/MM/YYYY HH:MM``; anything else is None."""
    match = _MINUTE.fullmatch(value)
    if match is None:
        return None
    day, month, year, hour, minute = map(int, match.groups())
    return _moment((year, month, day), hour, minute, 0)


def write_second(moment: datetime) -> str:
    """Write ``YYYY-MM-DD HH:MM:SS`` in Turkish time."""
    return moment.astimezone(TURKEY).strftime("%Y-%m-%d %H:%M:%S")


def _moment(day: tuple[int, int, int], hour: int, minute: int, second: int) -> datetime | None:
    try:
        return datetime(*day, hour, minute, second, tzinfo=TURKEY)
    except ValueError:
        return None
