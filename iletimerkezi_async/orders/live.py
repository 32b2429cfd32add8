"""Looking for an order that was just lost."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import anyio
from attrs import evolve

from .evidence import SKEW, Attempt, fits_closely
from .lookup import LISTED, Budget, Catalogue, ListPage, Lookups
from .search import BATCH, Findings, Search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iletimerkezi_async.wire.draft import Draft

    from .flights import Flight

__all__ = ["LiveSearch"]

# What a look-up may take, beside so many requests: seconds.
_SECONDS = 10.0
# One look that shows nothing, or too much, may have come too soon.
_LOOKS = 2


class LiveSearch(Search):
    """Looks for an order that was just lost.

    Args:
        lookups: What the client's look-ups share.
        catalogue: The catalogue of those that go on now.
        draft: The order.
        attempt: When it may have been taken.
        flight: The order among those on their way.
        budget: What pays for it.
        began: When its first attempt began, by the monotonic clock.
        until: When its last attempt had ended, likewise.
    """

    def __init__(
        self,
        lookups: Lookups,
        catalogue: Catalogue,
        draft: Draft,
        attempt: Attempt,
        flight: Flight,
        *,
        budget: Budget,
        began: float,
        until: float,
    ) -> None:
        super().__init__(lookups, catalogue, draft, attempt, budget=budget)
        # Nothing is sent again because of what is found now.
        self._trusting = True
        # The only thing at stake is which id it is.
        self._nearest = 3 * BATCH
        self._flight = flight
        self._began = began
        self._until = until

    async def find(self) -> Findings:
        """Look until it is found, or the time or the requests are used up."""
        retry = self._lookups.transport.retry
        known = self._lookups.known
        fresh = self._until
        with anyio.move_on_after(_SECONDS):
            for look in range(1, max(_LOOKS, retry.attempts) + 1):
                # An attempt that was given up late was most likely taken early.
                rank = known.count_since(min(self._until, self._began + known.slowest))
                await self._look(_Tour(rank // LISTED + 1, self._sought.attempt), fresh)
                if self._is_found or (self.matches and look >= _LOOKS) or self._budget.left < 0:
                    break
                pause = retry.pause(look)
                # What another look-up reads by then is fresh enough.
                fresh = time.monotonic() + pause / 2
                await anyio.sleep(pause)
        findings = self.findings(whole=False)
        matches = self._narrowed(findings.matches)
        # Which of two orders of ours it is, nobody can tell.
        return evolve(findings, matches=() if len(matches) == 1 and self._has_rivals else matches)

    @property
    def _is_found(self) -> bool:
        return len(self.matches) == 1 and not self._has_rivals

    @property
    def _has_rivals(self) -> bool:
        flights, flight = self._lookups.known.flights, self._flight
        return flight.began is not None and flights.count_rivals(flight.content, flight.began) > 0

    async def find_all(self) -> Findings:
        """Look at all that is left of the whole list."""
        whole = self._trusting = False
        with anyio.move_on_after(_SECONDS):
            walk = self._catalogue.walk(self._until)
            index = 0
            while await walk.page(index, self._budget) is not None:
                index += 1
            await self.look_at(self._catalogue.unknown(), self._until)
            whole = walk.whole
        return self.findings(whole=whole)

    def _narrowed(self, matches: tuple[int, ...]) -> tuple[int, ...]:
        """Of several, the one that alone fits closely, where known orders have shown how the clocks run."""
        attempt, lead = self._sought.attempt, self.knowledge.lead
        times = {id: self._times[id] for id in matches}
        close = tuple(id for id, at in times.items() if at is not None and fits_closely(attempt, at, lead))
        return close if len(close) == 1 else matches

    async def _look(self, tour: _Tour, fresh: float) -> None:
        """Read pages from where it most likely stands, until it is found."""
        for number in tour:
            page = await self._catalogue.page(number, fresh, self._budget)
            if page is None or not page.had:
                break
            await self.look_at(self.near(page.orders), fresh)
            if self.matches:
                return
            tour.note(number, page)
        # At another time than it says, it is a candidate at the best.
        near = {entry.id for entry in self.near(self._catalogue.unknown())}
        far = [entry for entry in self._catalogue.unknown() if entry.id not in near]
        await self.look_at(far, fresh, most=2 * BATCH)


class _Tour:
    """In which sequence the pages of a list are read: from the likeliest one on, deeper and shallower in turn.

    It takes the list for one that begins with the newest, until a page shows that it begins with the oldest.
    """

    def __init__(self, start: int, attempt: Attempt) -> None:
        self._start = start
        self._attempt = attempt
        self._deeper, self._shallower = start, start - 1
        self._deepest = math.inf
        #: The last page, where the list begins with the oldest.
        self._last: int | None = None

    def __iter__(self) -> Iterator[int]:
        deeper = True
        while self._deeper <= self._deepest or self._shallower >= 1:
            if (deeper and self._deeper <= self._deepest) or self._shallower < 1:
                number, self._deeper = self._deeper, self._deeper + 1
            else:
                number, self._shallower = self._shallower, self._shallower - 1
            deeper = not deeper
            yield number if self._last is None else self._last + 1 - number

    def note(self, number: int, page: ListPage) -> None:
        """Take note of what a page shows of the list."""
        if not page.orders:
            self._deepest = 0
            return
        times = [order.submitted_at for order in page.orders if order.submitted_at is not None]
        if len(times) < len(page.orders) or self._last is not None:
            return
        first, last = (times[0], page.orders[0].id), (times[-1], page.orders[-1].id)
        if first < last and page.count is not None:
            self._turn(-(-page.count // len(page.orders)))
        elif times[-1] < self._attempt.began - SKEW:
            # Whatever is deeper is older still.
            self._deepest = min(self._deepest, number)

    def _turn(self, last: int) -> None:
        self._last = self._deepest = last
        self._deeper = min(self._start, last)
        self._shallower = self._deeper - 1
