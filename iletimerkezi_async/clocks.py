"""Time by two clocks, of which either may be wrong or be set: this machine's (or the log's) and the service's. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from .models import TURKISH_TIME

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CONTRADICTION", "Days", "Moment", "Span", "contradict", "drift"]

#: Seconds: clocks that differ by more, or have moved against each other by more, contradict each other.
CONTRADICTION = 30 * 60.0


@frozen
class Moment:
    """A moment by both clocks, in seconds since 1970.

    Attributes:
        local: By this machine's clock, or by that of the log where it is kept.
        service: By the service's, as the `Date` of an answer of its own JSON has told it; `None` where none has.
    """

    local: float
    service: float | None = None

    def ages(self, now: Moment) -> tuple[float, ...]:
        """Seconds from this moment to `now`, by each clock that tells both; negative by a clock that was set back."""
        local = now.local - self.local
        return (local,) if self.service is None or now.service is None else (local, now.service - self.service)

    def by_service(self, now: Moment) -> float | None:
        """The service's time of this moment; where it is not known, reckoned back from what both clocks tell now."""
        if self.service is not None or now.service is None:
            return self.service
        return self.local + (now.service - now.local)


@frozen
class Span:
    """When an order may have been taken.

    Attributes:
        first: When the first attempt that may have been taken began.
        last: When the last one began.
    """

    first: Moment
    last: Moment


@frozen
class Days:
    """Days of a list, in Turkish time; the first and the last are included."""

    first: date
    last: date

    @property
    def begin(self) -> float:
        """When they begin, in seconds since 1970."""
        return datetime.combine(self.first, time(), TURKISH_TIME).timestamp()

    @property
    def end(self) -> float:
        """When they end, likewise."""
        return datetime.combine(self.last + timedelta(days=1), time(), TURKISH_TIME).timestamp()


def contradict(*moments: Moment) -> bool:
    """Whether the clocks differ too much at any of these moments, or have moved too much in between.

    Times prove nothing then, as there is no telling which clock is right.
    """
    ahead = [0.0, *_find_ahead(moments)]
    return max(ahead) - min(ahead) > CONTRADICTION


def drift(*moments: Moment) -> float:
    """By how many seconds the clocks have moved against each other between these moments, as far as that is known."""
    ahead = _find_ahead(moments) or [0.0]
    return max(ahead) - min(ahead)


def _find_ahead(moments: Iterable[Moment]) -> list[float]:
    return [each.service - each.local for each in moments if each.service is not None]
