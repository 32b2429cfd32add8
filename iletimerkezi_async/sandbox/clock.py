"""The sandbox's clock: the real one, moved forward by hand."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from iletimerkezi_async.sandbox.dates import TURKEY

__all__ = ["Clock"]


class Clock:
    """The wall clock plus what was added by ``advance``; it never goes back.

    Not locked: the service reads it under its own lock.

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
        # The orders are kept in order of time; a wall clock that is set back must not break that.
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
