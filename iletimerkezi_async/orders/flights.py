"""Orders of this client that the reports may have and whose ids are not known, so that none is taken for another."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

__all__ = ["Flight", "Flights"]

# Orders whose first attempts are this many seconds apart are told from each other by the times in the reports.
RIVAL_SECONDS = 3600.0
# Of orders whose outcome stays unknown, so many are remembered.
_MOST_LOST = 10_000


@define(eq=False, repr=False)
class Flight:
    """An order on its way.

    Attributes:
        content: The draft's `hash_content`.
        owner: What keeps account of such orders by itself, such as a journal or a store.
        elsewhere: Counts those of other processes, so many seconds after it left, where these meet.
        began: When it left, by this machine's clock; `None` where it has not.
    """

    content: tuple[int, int]
    owner: Hashable = None
    elsewhere: Callable[[float], Awaitable[int]] | None = None
    began: float | None = None

    async def count_rivals_elsewhere(self) -> int:
        """How many orders of other processes may be in the reports that cannot be told from this one."""
        if self.elsewhere is None or self.began is None:
            return 0
        return await self.elsewhere(time.time() - self.began)


class Flights:
    """The orders on their way, and those that were lost on it."""

    def __init__(self) -> None:
        self._by_numbers: dict[int, list[Flight]] = {}
        self._lost: deque[Flight] = deque()

    def depart(self, flight: Flight) -> None:
        """From now on the reports may have it."""
        if flight.began is None:
            flight.began = time.time()
            self._by_numbers.setdefault(flight.content[1], []).append(flight)

    def land(self, flight: Flight) -> None:
        """Its id is known, or it was surely not taken."""
        alike = self._by_numbers.get(flight.content[1], [])
        if flight in alike:
            alike.remove(flight)
        if not alike:
            self._by_numbers.pop(flight.content[1], None)

    def lose(self, flight: Flight) -> None:
        """Nobody can tell which order it is, if it is any."""
        if flight.began is None:
            return
        self._lost.append(flight)
        if len(self._lost) > _MOST_LOST:
            self.land(self._lost.popleft())

    def count_rivals(self, content: tuple[int, int], began: float, *, owner: Hashable = None) -> int:
        """How many orders may be in the reports that cannot be told from one that is looked for.

        Args:
            content: Its `hash_content`.
            began: When it left, by this machine's clock.
            owner: Whose own account leaves out what is its own; of `None`, nothing is left out.
        """
        return sum(
            other.began is not None
            and abs(other.began - began) <= RIVAL_SECONDS
            and other.content[0] != content[0]
            and (owner is None or other.owner != owner)
            for other in self._by_numbers.get(content[1], ())
        )
