"""The service's clock beside this machine's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

from iletimerkezi_async.stores.records import Moment

if TYPE_CHECKING:
    from .transport import Transport

__all__ = ["Clocks"]

# This machine's clock was set where it and the monotonic clock, which is never set, differ by more seconds than before.
_JUMP = 5.0


class Clocks:
    """Tells the time by both clocks. The service is asked once, and again after this machine's clock was set.

    Args:
        transport: What asks.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._one_question_at_a_time = anyio.Lock()
        self._lead: float | None = None
        #: How far the service's clock is ahead, in seconds; `None` where it does not tell.
        self._offset: float | None = None

    async def now(self) -> Moment:
        """The present moment."""
        async with self._one_question_at_a_time:
            lead = time.time() - time.monotonic()
            if self._lead is None or abs(lead - self._lead) > _JUMP:
                offset = await self._transport.clock_offset()
                self._offset = None if offset is None else offset.total_seconds()
                self._lead = lead
        here = time.time()
        return Moment(here, None if self._offset is None else here + self._offset)
