"""The service's clock beside this machine's, learnt from the `Date` of any answer and never asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from iletimerkezi_async.stores.records import Moment

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Clocks"]

# This machine's clock was set where it and the monotonic clock, which is never set, differ by more seconds than before.
_JUMP = 5.0


class Clocks:
    """Tells the time by both clocks.

    What was heard is kept beside the monotonic clock. It is dropped when this machine's clock was set: from the inside
    that looks like a sleep of the machine, during which the monotonic clock stands still.
    """

    def __init__(self) -> None:
        self._heard: tuple[float, float] | None = None

    def hear(self, date: datetime | None) -> None:
        """An answer has come, with the time by the service's clock where it said so."""
        if date is not None:
            monotonic = time.monotonic()
            self._heard = date.timestamp() - monotonic, time.time() - monotonic

    def now(self) -> Moment:
        """The present moment."""
        here, monotonic = time.time(), time.monotonic()
        if self._heard is not None and abs(here - monotonic - self._heard[1]) > _JUMP:
            self._heard = None
        return Moment(here, None if self._heard is None else monotonic + self._heard[0])
