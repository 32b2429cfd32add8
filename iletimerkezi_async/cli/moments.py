"""Days and times as they are typed."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from iletimerkezi_async.models import TURKISH_TIME

from .messages import WrongUsageError

__all__ = ["read_day", "read_days", "read_moment", "read_week"]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Stricter than `fromisoformat`: its newer versions accept a date without a time, and read it as midnight.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?")
# As people in Turkey write it.
_DAY_FIRST = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?![0-9])")
_REST_OF_WEEK = timedelta(days=6)


def read_moment(typed: str) -> datetime | None:
    """The time that was typed, Turkish if it has no offset; `None` if it is not a time."""
    typed = _year_first(typed)
    if not _MOMENT.fullmatch(typed):
        return None
    try:
        moment = datetime.fromisoformat(typed.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=TURKISH_TIME)


def _year_first(typed: str) -> str:
    return _DAY_FIRST.sub(lambda day: f"{day[3]}-{day[2]:0>2}-{day[1]:0>2}", typed, count=1)


def read_day(option: str, typed: str | None) -> date | None:
    """The day that an option names, if it is given.

    Raises:
        WrongUsageError: It is not a day.
    """
    if typed is None:
        return None
    try:
        day = _year_first(typed)
        if _DAY.fullmatch(day):
            return date.fromisoformat(day)
    except ValueError:
        pass
    raise WrongUsageError(f'{option} {typed!r} is not a day such as "2026-12-01" or "01.12.2026"')


def read_days(first: str | None, last: str | None) -> tuple[date | None, date | None]:
    """The days of `--from` and `--to`, if they are given.

    Raises:
        WrongUsageError: One is not a day, or the range ends before it starts.
    """
    start, end = read_day("--from", first), read_day("--to", last)
    if start and end and end < start:
        raise WrongUsageError(f"the range ends ({end}) before it starts ({start})")
    return start, end


def read_week(first: str | None, last: str | None, *, now: datetime) -> tuple[date, date]:
    """The days from `--from` to `--to`. By default `--to` is today, and `--from` is six days before `--to`.

    Raises:
        WrongUsageError: As `read_days`.
    """
    end = read_day("--to", last) or now.astimezone(TURKISH_TIME).date()
    start, _ = read_days(first, f"{end}")
    return start or date.fromordinal(max(1, end.toordinal() - _REST_OF_WEEK.days)), end
