"""Checks of single arguments of the public methods.

An error names the argument and says what is expected. It never shows the value: if arguments were mixed up, that may be
a number or a text.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple, SupportsIndex, cast

from iletimerkezi_async.errors import ConfigurationError, ConsentError, DateRangeError
from iletimerkezi_async.models import TURKISH_TIME, Order

if TYPE_CHECKING:
    from iletimerkezi_async.results import OnProgress

#: The most that the service takes in one order (source: its announcement of limits, in force since 2026-05-05).
MAX_RECIPIENTS = 50_000
# The largest integer that orjson writes; the service's ids are smaller.
_LARGEST_ID = 2**63 - 1
_LONGEST_DIGITS = 19
_DECISIONS = ("keep", "as_sent", "as_not_sent")
_QUARTER = timedelta(minutes=15)
# The ends of a range with one open side, as the service's filter needs both.
_EARLIEST = datetime(2000, 1, 1, tzinfo=TURKISH_TIME)
_LATEST = datetime(2099, 12, 31, 23, 59, 59, tzinfo=TURKISH_TIME)
_LAST_SECOND = time(23, 59, 59)
_REVERSED = "the range ends before it starts"


def name_type(value: object) -> str:
    """The name of a value's type, as it may be shown."""
    return "None" if value is None else type(value).__name__


def to_number(value: object) -> float:
    """A value as a float, also a number of NumPy's; NaN for anything else, such as `True` and `"100"`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        # NumPy's durations claim to be whole numbers.
        return math.nan


def check_whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """Check a whole number against its limits.

    Raises:
        ConfigurationError: It is not a whole number, or outside of the limits.
    """
    number = _read_whole(value)
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    if number is None:
        raise ConfigurationError(f"`{name}` must be a whole number {limits}, not {name_type(value)}")
    if number < least or (most is not None and number > most):
        raise ConfigurationError(f"`{name}` must be a whole number {limits}")
    return number


def _read_whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        # Integers of other libraries as well, such as NumPy's.
        return operator.index(cast("SupportsIndex", value))
    except TypeError:
        return None


class Terms(NamedTuple):
    """The settings of a campaign.

    Attributes:
        batch_size: Recipients in an order.
        concurrency: Orders sent at the same time.
        on_progress: Called after each order.
        unknown: The decision about orders of earlier runs whose outcome is not known.
        settle_for: Seconds for which the campaign goes on to settle unknown outcomes.
        allow_new_texts: Whether recipients who were texted may be texted again, with other texts.
    """

    batch_size: int
    concurrency: int
    on_progress: OnProgress | None
    unknown: str
    settle_for: float
    allow_new_texts: bool


def check_campaign(
    batch_size: object,
    concurrency: object,
    on_progress: OnProgress | None,
    journal: object,
    *,
    unknown: object,
    settle_for: object,
    allow_new_texts: object = True,
) -> Terms:
    """Check the settings of a campaign.

    Raises:
        ConfigurationError: One of them is invalid, or has no meaning without a journal.
    """
    size = check_whole("batch_size", batch_size, 1, MAX_RECIPIENTS)
    at_once = check_whole("concurrency", concurrency, 1)
    if on_progress is not None and not callable(cast("object", on_progress)):
        raise ConfigurationError("`on_progress` must be a function, sync or async, or None")
    if not isinstance(unknown, str) or unknown not in _DECISIONS:
        raise ConfigurationError(f"`unknown` must be one of {', '.join(map(repr, _DECISIONS))}")
    seconds = to_number(settle_for)
    if not 0 <= seconds < math.inf:
        raise ConfigurationError("`settle_for` must be a number of seconds, 0 or more")
    if journal is None and (unknown != _DECISIONS[0] or settle_for):
        raise ConfigurationError("`unknown` and `settle_for` work only with a journal: give a `journal`, too")
    if not isinstance(allow_new_texts, bool):
        raise ConfigurationError("`allow_new_texts` must be True or False")
    return Terms(size, at_once, on_progress, str(unknown), seconds, allow_new_texts)


def check_order_id(value: object) -> int:
    """Read an order's id: a whole number, its digits, as the service sometimes writes it, or the `Order`.

    Raises:
        ConfigurationError: It is not an id.
    """
    if isinstance(value, Order):
        value = value.id
    number = _read_whole(value)
    if isinstance(value, str):
        digits = value.strip()
        number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_DIGITS else 0
    if number is not None and 0 < number <= _LARGEST_ID:
        return number
    what = "" if number is not None else f", not {name_type(value)}"
    raise ConfigurationError(f"`order_id` must be the order's number (`order.id`), its digits, or the `Order`{what}")


def check_patience(value: object) -> float | None:
    """Read a number of seconds to wait; `None` for no limit.

    Raises:
        ConfigurationError: It is not a number.
    """
    if value is None:
        return None
    seconds = to_number(value)
    if math.isnan(seconds):
        raise ConfigurationError(f"`timeout` must be a number of seconds or None, not {name_type(value)}")
    return seconds


def check_brand_code(value: object, operation: str) -> str:
    """Read a brand code: text, or a whole number, as the service writes it in its answers.

    Raises:
        ConsentError: It is not a brand code.
    """
    number = _read_whole(value)
    if number is not None and 0 < number <= _LARGEST_ID:
        return str(number)
    if number is not None or not isinstance(value, str):
        what = "" if number is not None else f", not {name_type(value)}"
        raise ConsentError(422, f"`brand_code` must be text or a positive whole number{what}", operation)
    if not value or value != value.strip() or not value.isprintable():
        flaw = "must not be empty, nor have white space around it or characters that cannot be printed"
        raise ConsentError(422, f"`brand_code` {flaw}", operation)
    return value


def is_iterable(value: object) -> bool:
    """Whether a value can be iterated over; untyped callers pass anything."""
    return isinstance(value, Iterable)


def find_moment_flaw(value: object) -> str | None:
    """The flaw of a value that must be an aware datetime, in words to put after its name; `None` if there is none."""
    # pandas' NaT, a missing time in a table, is an instance of datetime, but not equal to itself.
    if not isinstance(value, datetime) or value != value:  # noqa: PLR0124
        return f"must be an aware datetime, not {name_type(value)}"
    offset = value.utcoffset()
    if not isinstance(offset, timedelta):
        return "has no time zone"
    if offset % _QUARTER:
        return "has an offset from UTC that is not a multiple of 15 minutes (with pytz, `localize` gives the right one)"
    return None


def choose_days(start: object, end: object, operation: str) -> tuple[date, date]:
    """The Turkish days from `start` to `end`.

    Raises:
        DateRangeError: One of them is not a day, or the range ends before it starts.
    """
    first = _read_moment("start", start, time(), operation).date()
    last = _read_moment("end", end, time(), operation).date()
    if last < first:
        raise DateRangeError(458, _REVERSED, operation)
    return first, last


def choose_times(start: object, end: object, operation: str) -> dict[str, str] | None:
    """The range from `start` to `end` in the service's format, a date as its whole day; `None` if both sides are open.

    Raises:
        DateRangeError: One of them is not a time, or the range ends before it starts.
    """
    if start is None and end is None:
        return None
    first = _EARLIEST if start is None else _read_moment("start", start, time(), operation)
    last = _LATEST if end is None else _read_moment("end", end, _LAST_SECOND, operation)
    if last < first:
        raise DateRangeError(458, _REVERSED, operation)
    return {"start": wire_time(first), "end": wire_time(last)}


def _read_moment(name: str, day: object, of_day: time, operation: str) -> datetime:
    if isinstance(day, date) and not isinstance(day, datetime):
        return datetime.combine(day, of_day, TURKISH_TIME)
    if not isinstance(day, datetime):
        raise DateRangeError(458, f"`{name}` must be a date or an aware datetime, not {name_type(day)}", operation)
    flaw = find_moment_flaw(day)
    if flaw is None:
        # pandas' own error is a `ValueError`.
        with suppress(OverflowError, ValueError):
            return day.astimezone(TURKISH_TIME)
        flaw = "is out of range"
    raise DateRangeError(458, f"`{name}` {flaw}", operation)


def wire_time(moment: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS`, Turkish time."""
    return moment.astimezone(TURKISH_TIME).replace(tzinfo=None).isoformat(" ", "seconds")
