"""The service's clock beside this machine's, learnt from the `Date` of its own answers and never asked for."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from iletimerkezi_async.clocks import Moment

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Clocks", "Jumps"]

# This machine's clock was set where it and the monotonic clock, which is never set, differ by more seconds than before.
_JUMP = 5.0


class Jumps:
    """Notices that this machine slept, or that its clock was set: from the inside the two look alike.

    During a sleep the monotonic clock stands still.
    """

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def __bool__(self) -> bool:
        """Whether that has happened since this was made."""
        return abs(time.time() - time.monotonic() - self._ahead) > _JUMP


class Clocks:
    """Tells the time by both clocks.

    What was heard is kept beside the monotonic clock. It is dropped when this machine slept or its clock was set.
    """

    def __init__(self) -> None:
        #: By how much the service's clock is ahead of the monotonic one, and what would make that void.
        self._heard: tuple[float, Jumps] | None = None
        #: When that was, by the monotonic clock.
        self.heard_at = -math.inf

    def hear(self, date: datetime | None) -> None:
        """An answer has come, with the time by the service's clock where it said so."""
        if date is not None:
            self.heard_at = time.monotonic()
            self._heard = date.timestamp() - self.heard_at, Jumps()

    def now(self) -> Moment:
        """The present moment."""
        if self._heard is not None and self._heard[1]:
            self._heard = None
        return Moment(time.time(), None if self._heard is None else time.monotonic() + self._heard[0])
