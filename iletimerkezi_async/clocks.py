"""Time by two clocks: this machine's (or the log's) and the service's. Either may be wrong or be set.

The service's time is read from the `Date` of its own answers; no request is made for it.
"""

from __future__ import annotations

import math
import time
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import NamedTuple

from .models import TURKISH_TIME

#: Seconds: clocks that differ by more, or have moved against each other by more, contradict each other.
CONTRADICTION = 30 * 60.0
# Seconds. A larger change of the difference between wall clock and monotonic clock counts as a jump.
_JUMP = 5.0


class Moment(NamedTuple):
    """A moment by both clocks, in seconds since 1970.

    Attributes:
        local: By this machine's clock, or by the clock of the log that keeps it.
        service: By the service's clock, from the `Date` of an answer with its own JSON; `None` without such an answer.
    """

    local: float
    service: float | None = None

    def ages(self, now: Moment) -> tuple[float, ...]:
        """Seconds from this moment to `now`, by each clock known at both; negative if that clock was set back."""
        local = now.local - self.local
        return (local,) if self.service is None or now.service is None else (local, now.service - self.service)

    def by_service(self, now: Moment) -> float | None:
        """The service's time of this moment; if unknown, it is calculated back from both clocks' times now."""
        if self.service is not None or now.service is None:
            return self.service
        return self.local + (now.service - now.local)


class Span(NamedTuple):
    """The time within which an order may have been taken.

    Attributes:
        first: When the first attempt that may have been taken began.
        last: When the last one began.
    """

    first: Moment
    last: Moment


class Days(NamedTuple):
    """Days of a list, in Turkish time; the first and the last are included."""

    first: date
    last: date

    @property
    def begin(self) -> float:
        """The start of the first day, in seconds since 1970."""
        return datetime.combine(self.first, time_of_day(), TURKISH_TIME).timestamp()

    @property
    def end(self) -> float:
        """The end of the last day, likewise."""
        return datetime.combine(self.last + timedelta(days=1), time_of_day(), TURKISH_TIME).timestamp()


def contradict(*moments: Moment) -> bool:
    """Whether the clocks differ too much at any of these moments, or have moved too much in between.

    Times prove nothing then, as either clock may be the wrong one.
    """
    return drift(Moment(0.0, 0.0), *moments) > CONTRADICTION


def drift(*moments: Moment) -> float:
    """Seconds by which the clocks have moved against each other between these moments, as far as known."""
    ahead = [each.service - each.local for each in moments if each.service is not None]
    return max(ahead) - min(ahead) if ahead else 0.0


class Stopwatch:
    """Measures the seconds since it was made, including those in which the machine slept.

    The monotonic clock stops while a laptop sleeps, and the service's 10 minutes do not; the wall clock may be set
    back. The larger of the two times counts, so that no repetition leaves too late.
    """

    def __init__(self, since: float | None = None) -> None:
        """Start it now, or at a time of the wall clock in the past."""
        self._wall = time.time() if since is None else since
        self._monotonic = time.monotonic() - max(0.0, time.time() - self._wall)

    @property
    def elapsed(self) -> float:
        """Seconds."""
        return max(time.monotonic() - self._monotonic, time.time() - self._wall)


class Clocks:
    """Tells the time by both clocks.

    Between answers, the monotonic clock carries the service's time on. It is forgotten if the wall clock has moved
    against the monotonic one: either this machine slept, when the monotonic clock stops, or its wall clock was set.
    """

    def __init__(self) -> None:
        # The service's time in its last answer, and this machine's time when it came.
        self._service: float | None = None
        self._wall = 0.0
        #: The same by the monotonic clock.
        self.heard_at = -math.inf

    def hear(self, date: datetime | None) -> None:
        """Note the service's time from an answer that has just come; `None` if the answer has none."""
        if date is not None:
            self._service, self._wall, self.heard_at = date.timestamp(), time.time(), time.monotonic()

    def now(self) -> Moment:
        """The present moment."""
        wall, since = time.time(), time.monotonic() - self.heard_at
        if self._service is None or abs(wall - self._wall - since) > _JUMP:
            self._service = None
            return Moment(wall)
        return Moment(wall, self._service + since)
