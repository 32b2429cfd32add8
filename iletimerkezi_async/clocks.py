"""Time by two clocks, of which either may be wrong or be set: this machine's (or the log's) and the service's. Pure."""

from __future__ import annotations

from attrs import frozen

__all__ = ["CONTRADICTION", "Moment", "Span", "contradict"]

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


def contradict(*moments: Moment) -> bool:
    """Whether the clocks differ too much at any of these moments, or have moved too much in between.

    Times prove nothing then, as nobody can tell which clock is right.
    """
    ahead = [each.service - each.local for each in moments if each.service is not None]
    return max(0.0, *ahead) - min(0.0, *ahead) > CONTRADICTION if ahead else False
