"""Looking for an order whose answer was lost: right after it was lost, or where an earlier run had lost it."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from attrs import evolve, frozen

from iletimerkezi_async.wire.sending import MEMORY

from .evidence import (
    SKEW,
    Attempt,
    Judgement,
    Knowledge,
    Rows,
    Sought,
    Verdict,
    Witness,
    fits,
    fits_closely,
    judge,
    moment,
)
from .known import KnownOrder, hash_numbers
from .lookup import LISTED, Budget, Catalogue, ListPage, days_around

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.stores.records import Moment
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups

__all__ = ["Enquiry", "Findings", "LiveSearch"]

# What a live look-up may cost: requests of its own, and seconds.
_LIVE_REQUESTS = 56
_LIVE_SECONDS = 10.0
# Reports read at once; and how many of the nearest orders are looked at before one that fits is taken for the only one.
_BATCH = 8
_NEAREST = 24
# One look that shows nothing, or too much, may have come too soon.
_LOOKS = 2
# Between pauses for other tasks.
_JUDGED_AT_A_TIME = 200


@frozen(eq=False, repr=False)
class Findings:
    """What the reports tell of an order.

    Attributes:
        matches: Ids of the orders that are it.
        candidates: Ids of the orders that may be it as far as could be seen, the matches included.
        absent: Whether it is certain that there is no such order: the list was had whole, and all in it are others.
    """

    matches: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()
    absent: bool = False


class _Search(ABC):
    """Judges the orders of a catalogue, those most likely first.

    Args:
        catalogue: The orders.
        sought: What is looked for.
        budget: What pays for it.
        alike: How many orders may be in the catalogue that cannot be told from the one looked for, itself included.
    """

    def __init__(self, lookups: Lookups, catalogue: Catalogue, sought: Sought, budget: Budget, alike: int = 1) -> None:
        self._lookups = lookups
        self._catalogue = catalogue
        self._sought = sought
        self._budget = budget
        #: Whether an order that the list shows under another sender is left out, though nothing proves the list right.
        self._trusting = False
        self._alike = alike
        #: By their own reports.
        self._judgements: dict[int, Judgement] = {}
        self._times: dict[int, datetime | None] = {}

    def __contains__(self, order_id: object) -> bool:
        """Whether an order is known to be another than the one looked for."""
        if order_id in self._catalogue:
            return True
        known = self._lookups.known.find(order_id) if isinstance(order_id, int) else None
        return known is not None and self._is_of_another(known)

    @abstractmethod
    def _is_of_another(self, known: KnownOrder) -> bool:
        """Whether an order whose id this client got is another than the one looked for."""

    @property
    def knowledge(self) -> Knowledge:
        """What is known by now."""
        return self._catalogue.ledger.knowledge(
            self._sought.sender, self, exact=self._sought.attempt.exact, trusting=self._trusting
        )

    @property
    def matches(self) -> tuple[int, ...]:
        """The orders that are it."""
        return tuple(
            id for id, judgement in self._judgements.items() if judgement.verdict is Verdict.IT and id not in self
        )

    def findings(self, *, whole: bool) -> Findings:
        """What it has come to; `whole` says that the list was had whole."""
        judged = self._judgements.items()
        candidates = (id for id, each in judged if each.verdict is not Verdict.ANOTHER and id not in self)
        absent = whole and all(self._is_another(entry, self.knowledge) for entry in self._catalogue.unknown())
        return Findings(self.matches, tuple(candidates), absent)

    def _is_another(self, entry: OrderReport, knowledge: Knowledge) -> bool:
        judgement = self._judgements.get(entry.id) or judge(self._sought, entry, None, knowledge)
        return judgement.verdict is Verdict.ANOTHER

    def near(self, entries: Iterable[OrderReport]) -> list[OrderReport]:
        """Those whose time fits, or is not told."""
        attempt, lead = self._sought.attempt, self.knowledge.lead
        return [entry for entry in entries if entry.submitted_at is None or fits(attempt, entry.submitted_at, lead)]

    async def look_at(self, entries: Iterable[OrderReport], fresh: float, most: float = math.inf) -> None:
        """Judge orders by their reports, those nearest to the attempt first, until enough of them are it.

        Args:
            entries: The orders.
            fresh: A report that does not tell, and was read before that moment, is read again.
            most: How many reports are looked at, at the most.
        """
        waiting = await self._undecided(entries)
        looked = 0
        while waiting and looked < most and self._budget.left >= 0:
            # Those nearest in any case: another one may fit as well.
            if looked >= _NEAREST and len(self.matches) >= self._alike:
                return
            # Others may have found theirs among them meanwhile.
            batch = [entry for entry in waiting[:_BATCH] if entry.id not in self]
            waiting = waiting[_BATCH:]
            looked += len(batch)
            async with anyio.create_task_group() as tasks:
                for entry in batch:
                    tasks.start_soon(self._look_at, entry, fresh)

    async def _undecided(self, entries: Iterable[OrderReport]) -> list[OrderReport]:
        """Those that only their reports can tell, nearest first."""
        knowledge = self.knowledge
        undecided: list[OrderReport] = []
        for number, entry in enumerate(entries, 1):
            if number % _JUDGED_AT_A_TIME == 0:
                await anyio.lowlevel.checkpoint()
            if not self._is_another(entry, knowledge):
                undecided.append(entry)
        undecided.sort(key=lambda entry: self._distance(entry, knowledge))
        return undecided

    def _distance(self, entry: OrderReport, knowledge: Knowledge) -> float:
        """Seconds between an order's submission, as far as the list's times can be trusted, and the attempt."""
        submitted, attempt = entry.submitted_at, self._sought.attempt
        if submitted is None:
            return SKEW.total_seconds()
        if knowledge.lead is not None:
            submitted -= knowledge.lead[1]
        return max((attempt.began - submitted).total_seconds(), (submitted - attempt.until).total_seconds(), 0.0)

    async def _look_at(self, entry: OrderReport, fresh: float) -> None:
        """Judge an order by its report: its first rows, and the others where these fit."""
        rows = await self._catalogue.head(entry.id, -math.inf, self._budget)
        if rows is not None and rows.at < fresh and not self._tells(entry, rows):
            rows = await self._catalogue.head(entry.id, fresh, self._budget)
        if rows is None:
            return
        judgement = judge(self._sought, entry, rows, self.knowledge)
        if judgement.open:
            rows = await self._catalogue.whole(entry.id, self._sought, self._budget)
            if rows is None:
                return
            judgement = judge(self._sought, entry, rows, self.knowledge)
        self._judgements[entry.id] = judgement
        self._times[entry.id] = entry.submitted_at

    def _tells(self, entry: OrderReport, rows: Rows) -> bool:
        return judge(self._sought, entry, rows, self.knowledge).verdict is not Verdict.CANNOT_TELL


class LiveSearch(_Search):
    """Looks for an order that was just lost.

    Args:
        lookups: What the client's look-ups share.
        catalogue: The catalogue of those that go on now.
        sought: The order.
        until: When its last attempt had ended, by the monotonic clock.
    """

    def __init__(self, lookups: Lookups, catalogue: Catalogue, sought: Sought, until: float) -> None:
        super().__init__(lookups, catalogue, sought, Budget(_LIVE_REQUESTS))
        # Nothing is sent again because of what is found now.
        self._trusting = True
        self._until = until

    def _is_of_another(self, _: KnownOrder) -> bool:
        """It is: the order looked for was not answered."""
        return True

    async def find(self, began: float) -> Findings:
        """Look until it is found, or the time or the requests are used up.

        Args:
            began: When its first attempt began, by the monotonic clock.
        """
        retry = self._lookups.transport.retry
        known = self._lookups.known
        fresh = self._until
        with anyio.move_on_after(_LIVE_SECONDS):
            for look in range(1, max(_LOOKS, retry.attempts) + 1):
                # An attempt that was given up late was most likely taken early.
                rank = known.count_since(min(self._until, began + known.slowest))
                await self._look(_Tour(rank // LISTED + 1, self._sought.attempt), fresh)
                if len(self.matches) == 1 or (self.matches and look >= _LOOKS) or self._budget.left < 0:
                    break
                pause = retry.pause(look)
                # What another look-up reads by then is fresh enough.
                fresh = time.monotonic() + pause / 2
                await anyio.sleep(pause)
        findings = self.findings(whole=False)
        return evolve(findings, matches=self._narrowed(findings.matches))

    async def find_all(self) -> Findings:
        """Look at all that is left of the whole list."""
        whole = self._trusting = False
        with anyio.move_on_after(_LIVE_SECONDS):
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
        await self.look_at(far, fresh, most=2 * _BATCH)


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


class Enquiry:
    """Looks for orders that earlier runs may have sent, in lists that are read once for all of them.

    Args:
        lookups: What the client's look-ups share.
    """

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._known: dict[int, Witness] = {}
        self._catalogues: dict[tuple[date, date], Catalogue] = {}

    def learn(self, order_id: int, sender: str, recipients: int, sent: Moment | None) -> None:
        """An order's id is known, of an earlier run or of this one: it is another than all that are looked for."""
        self._known[order_id] = Witness(sender, recipients, sent)

    async def find(self, draft: Draft, began: Moment, *, alike: int = 1) -> Findings:
        """Look for an order. Whether the list had the time to show it is for the caller to judge.

        Args:
            draft: The order.
            began: When the attempt that may have been taken began.
            alike: How many orders may be in the reports that cannot be told from this one, itself included.
        """
        await self.hear_clock(began)
        catalogue, attempt = self._catalogue(began)
        now = self._lookups.transport.clocks.now()
        past = began.age(now) - MEMORY
        # Whatever was read since the service must have had it in its list.
        fresh = time.monotonic() - past if past >= 0 else -math.inf
        findings = await _EarlierSearch(self._lookups, catalogue, draft, attempt, alike).find(fresh)
        # Without the service's time, it may have been looked for on the wrong days.
        told = self._lookups.transport.clocks.now().there is not None
        return findings if told else evolve(findings, absent=False)

    async def hear_clock(self, began: Moment) -> None:
        """Read the beginning of the list, where nothing has told the service's time yet: it tells that as well."""
        if self._lookups.transport.clocks.now().there is None:
            await self._catalogue(began)[0].walk(-math.inf).page(0, Budget(1))

    def _catalogue(self, began: Moment) -> tuple[Catalogue, Attempt]:
        """The days around an attempt."""
        exact = began.there is not None
        since = began.here if began.there is None else began.there
        now = self._lookups.transport.clocks.now()
        shift = 0.0 if exact or now.there is None else now.there - now.here
        attempt = Attempt(moment(since), moment(since + MEMORY), exact, timedelta(seconds=shift))
        # By this machine's clock alone, which may have been set, it may have been at any time since.
        until = attempt.until if exact else max(attempt.until, moment(time.time()))
        days = days_around(attempt.began, until)
        if days not in self._catalogues:
            self._catalogues[days] = Catalogue(self._lookups, days, self._known)
        return self._catalogues[days], attempt


class _EarlierSearch(_Search):
    """Looks for an order that an earlier run may have sent."""

    def __init__(self, lookups: Lookups, catalogue: Catalogue, draft: Draft, attempt: Attempt, alike: int) -> None:
        super().__init__(lookups, catalogue, Sought.of(draft, attempt), Budget(math.inf), alike)
        self._numbers = hash_numbers(draft)

    def _is_of_another(self, known: KnownOrder) -> bool:
        """Whether it has other numbers. With the same ones it may be the very order, answered and never noted."""
        return known.numbers != self._numbers

    async def find(self, fresh: float) -> Findings:
        """Read the list until it is found, or to its end."""
        walk = self._catalogue.walk(fresh)
        index = 0
        while (page := await walk.page(index, self._budget)) is not None:
            index += 1
            await self.look_at(self.near(page.orders), fresh)
            if len(self.matches) >= self._alike:
                return self.findings(whole=False)
        await self.look_at([order for order in self._catalogue.unknown() if order.id not in self._judgements], fresh)
        return self.findings(whole=walk.whole)
