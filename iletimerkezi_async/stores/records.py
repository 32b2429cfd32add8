"""A moment by two clocks."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Moment"]

# The service tells its time in whole seconds, so that two moments may be as far apart the other way round.
_GRAIN = 2.0


@frozen
class Moment:
    """A moment by two clocks, as either may be set between two runs.

    Attributes:
        here: By this machine's, in seconds since 1970.
        there: By the service's, where it is known.
    """

    here: float
    there: float | None

    def is_within(self, seconds: float, now: Moment) -> bool:
        """Whether less than so much time has passed since then, by each clock that is known."""
        if not 0 <= now.here - self.here < seconds:
            return False
        if self.there is None or now.there is None:
            # A service that never tells its time leaves this machine's; one that has stopped telling it, a doubt.
            return self.there == now.there
        return -_GRAIN <= now.there - self.there < seconds

    def age(self, now: Moment) -> float:
        """Seconds since then by the service's clock, or by this machine's where that is not known."""
        if self.there is None or now.there is None:
            return now.here - self.here
        return now.there - self.there

    def elapsed(self, now: Moment) -> float:
        """Seconds since then, by the clock that tells more."""
        here = now.here - self.here
        if self.there is None or now.there is None:
            return here
        return max(here, now.there - self.there)
