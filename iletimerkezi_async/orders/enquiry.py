"""Looking for orders that earlier runs may have sent."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from iletimerkezi_async.http.clocks import Jumps
from iletimerkezi_async.wire.sending import MEMORY

from .evidence import SKEW, Attempt, Witness, moment
from .lookup import Budget, Catalogue, Lookups, days_around
from .search import Findings, Search

if TYPE_CHECKING:
    from datetime import date

    from iletimerkezi_async.http.retry import Stopwatch
    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.stores.records import Moment
    from iletimerkezi_async.wire.draft import Draft

    from .evidence import Knowledge

__all__ = ["Earlier", "Enquiry"]


# Seconds by which times that are told in whole ones, on both sides, cannot be told apart.
_GRAIN = 2.0


@frozen
class Earlier:
    """An attempt of an earlier run, with an order that the reports do not have.

    Attributes:
        began: When it began.
        since: Where that is not certain: runs since then at the earliest, so that the order goes out in time for the
            service to refuse it if it has it; `None` where it is.
    """

    began: Moment
    since: Stopwatch | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the service surely does not have it."""
        return self.since is None


class Enquiry:
    """Looks for orders that earlier runs may have sent, in lists that are read once for all of them.

    Args:
        lookups: What the client's look-ups share.
    """

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._known: dict[int, Witness] = {}
        self._catalogues: dict[tuple[date, date], Catalogue] = {}
        self._begin()

    def _begin(self) -> None:
        self._catalogues.clear()
        self._since, self._jumps = time.monotonic(), Jumps()

    def learn(self, order_id: int, sender: str, recipients: int, sent: Moment | None) -> None:
        """Note the id of an order, of any run, so that it is not taken for one that is looked for."""
        self._known[order_id] = Witness(sender, recipients, sent)

    async def find(self, draft: Draft, began: Moment, *, alike: int = 1, open_ended: bool = False) -> Findings:
        """Look for an order.

        The caller has to judge whether the list can show the order by now, and whether it was looked for on the right
        days, which nobody knows without the service's time.

        Args:
            draft: The order.
            began: When the attempt that may have been taken began.
            alike: How many orders may be in the reports that cannot be told from this one, itself included.
            open_ended: Whether there were attempts since then, at times that nobody knows.
        """
        if self._jumps:
            # By the monotonic clock, what was read before a sleep of the machine was read a moment ago.
            self._begin()
        await self.hear_clock(began)
        catalogue, attempt = self._catalogue(began, open_ended=open_ended)
        now = self._lookups.transport.clocks.now()
        past = began.age(now) - MEMORY
        # Whatever was read since the service must have had it in its list.
        fresh = time.monotonic() - past if past >= 0 else -math.inf
        if open_ended:
            # Those attempts were made before this run began to look.
            fresh = max(fresh, self._since)
        search = _EarlierSearch(self._lookups, catalogue, draft, attempt, budget=Budget(math.inf), alike=alike)
        return await search.find(fresh)

    async def hear_clock(self, began: Moment) -> None:
        """Read the beginning of the list, where nothing has told the service's time yet: it tells that as well."""
        if self._lookups.transport.clocks.now().there is None:
            await self._catalogue(began)[0].walk(-math.inf).page(0, Budget(1))

    def _catalogue(self, began: Moment, *, open_ended: bool = False) -> tuple[Catalogue, Attempt]:
        """The days around an attempt, or from it until now."""
        exact = began.there is not None
        since = began.here if began.there is None else began.there
        now = self._lookups.transport.clocks.now()
        shift = 0.0 if exact or now.there is None else now.there - now.here
        steady = _is_steady(began, now)
        last = max(since, (now.there if exact else None) or now.here) if open_ended else since
        attempt = Attempt(moment(since), moment(last + MEMORY), exact, timedelta(seconds=shift), steady)
        # By this machine's clock alone, which may have been set, it may have been at any time since.
        until = attempt.until if exact else max(attempt.until, moment(time.time()))
        days = days_around(attempt.began, until)
        if days not in self._catalogues:
            self._catalogues[days] = Catalogue(self._lookups, days, self._known)
        return self._catalogues[days], attempt


def _is_steady(began: Moment, now: Moment) -> bool:
    """Whether the service's clock and this machine's ran beside each other then as they do now."""
    if began.there is None or now.there is None:
        return False
    return abs((began.there - began.here) - (now.there - now.here)) <= SKEW.total_seconds()


class _EarlierSearch(Search):
    """Looks for an order that an earlier run may have sent."""

    async def find(self, fresh: float) -> Findings:
        """Read the list until it is found, or to its end."""
        walk = self._catalogue.walk(fresh)
        near: list[OrderReport] = []
        index = 0
        while (page := await walk.page(index, self._budget)) is not None:
            index += 1
            near += self.near(page.orders)
            # Not before all that are near were listed: the likeliest one is looked at first.
            if near and self._is_past(page.orders[-1]):
                await self.look_at(near, fresh)
                near.clear()
            if len(self.matches) >= self._alike:
                return self.findings(whole=False)
        await self.look_at([order for order in self._catalogue.unknown() if order.id not in self._judgements], fresh)
        return self.findings(whole=walk.whole)

    def _is_past(self, last: OrderReport) -> bool:
        """Whether an order stands outside of the time in question, so that those behind it do so as well."""
        return last.submitted_at is not None and not self.near([last])

    def _likelihood(self, entry: OrderReport, knowledge: Knowledge) -> tuple[float, ...]:
        """Those that were submitted right after the attempt began come first, and of these the oldest: so do ours."""
        distance = super()._likelihood(entry, knowledge)[0]
        after = 0.0 if entry.submitted_at is None else (entry.submitted_at - self._sought.attempt.began).total_seconds()
        return distance // _GRAIN, abs(after) // _GRAIN, entry.id
