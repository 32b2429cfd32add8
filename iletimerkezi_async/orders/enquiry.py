"""Looking for orders that earlier runs of a campaign may have sent."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from attrs import frozen

from iletimerkezi_async.clocks import Days
from iletimerkezi_async.http.clocks import Jumps
from iletimerkezi_async.wire.packing import finish
from iletimerkezi_async.wire.sending import MEMORY

from .evidence import SKEW, Attempt, Judgement, Knowledge, Ledger, Rows, Sought, Verdict, Witness, fits, judge, moment
from .known import hash_content
from .lookup import Budget, Catalogue, ListPage, Lookups, ReadReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from iletimerkezi_async.http.retry import Stopwatch
    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.stores.records import Moment
    from iletimerkezi_async.wire.draft import Draft

__all__ = ["Earlier", "Enquiry"]

# Reports read at once.
_BATCH = 8
# Between pauses for other tasks.
_JUDGED_AT_A_TIME = 200
# Seconds by which times that are told in whole ones, on both sides, cannot be told apart.
_GRAIN = 2.0


class WitnessedCatalogue(Catalogue):
    """A catalogue that learns from known orders how far the list can be trusted.

    It contains the ids of the orders that need no look.
    """

    def __init__(self, lookups: Lookups, days: Days, earlier: Mapping[int, Witness]) -> None:
        super().__init__(lookups, days)
        self._earlier = earlier
        self._unknown: dict[int, OrderReport] = {}
        #: What the list has shown of its reliability.
        self.ledger = Ledger()

    def __contains__(self, order_id: object) -> bool:
        return order_id in self._earlier or order_id in self.known

    def unknown(self) -> list[OrderReport]:
        """The orders that were listed and are not known by now."""
        for order_id in [order_id for order_id in self._unknown if order_id in self]:
            del self._unknown[order_id]
        return list(self._unknown.values())

    async def fetch(self, number: int) -> ListPage:
        """A page of the list, read now."""
        page = await super().fetch(number)
        self.known |= await self._lookups.known.known_to_others([order.id for order in page.orders])
        return page

    def _take_in(self, orders: Sequence[OrderReport]) -> None:
        for order in orders:
            if order.id not in self.listed:
                self.ledger.note(order, self._earlier.get(order.id))
            if order.id not in self:
                self._unknown[order.id] = order
        super()._take_in(orders)


def _rows(report: ReadReport) -> Rows:
    return Rows(report.pages, report.whole, report.total, report.due, report.had, report.at)


def _days_around(began: datetime, until: datetime) -> Days:
    """The days on which the list may have what was submitted then, whatever time zone it is written in."""
    day = timedelta(days=1)
    return Days((began - day).date(), (until + day).date())


@frozen(eq=False, repr=False)
class Findings:
    """What the reports tell of an order.

    Attributes:
        matches: Ids of the orders that are it.
        candidates: Ids of the orders that may be it as far as could be seen, the matches included.
        absent: Whether it is certain that there is no such order: the list was read whole, and all in it are others.
    """

    matches: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()
    absent: bool = False


class _Search:
    """Judges the orders of a catalogue, those most likely first.

    Args:
        lookups: What the client's look-ups share.
        catalogue: The orders.
        draft: What is looked for.
        attempt: When it may have been taken.
        budget: What pays for it.
        alike: How many orders may be in the catalogue that cannot be told from the one looked for, itself included.
    """

    def __init__(
        self,
        lookups: Lookups,
        catalogue: WitnessedCatalogue,
        draft: Draft,
        attempt: Attempt,
        *,
        budget: Budget,
        alike: int = 1,
    ) -> None:
        self._lookups = lookups
        self._catalogue = catalogue
        self._sought = Sought.of(draft, attempt)
        self._content = finish(hash_content(draft))
        self._budget = budget
        #: How many of the nearest orders are looked at before one that fits is taken for the only one.
        self._nearest = _BATCH
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
        return isinstance(order_id, int) and self._lookups.known.is_of_another(order_id, self._content)

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
        """The result so far; `whole` says that the list was read to its end."""
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
        while self._budget.left >= 0:
            # Others may have found theirs among them meanwhile, or read what tells.
            count = len(waiting)
            waiting = [entry for entry in waiting if not self._is_told(entry)]
            looked += count - len(waiting)
            # Those nearest in any case: another one may fit as well.
            enough = looked >= self._nearest and len(self.matches) >= self._alike
            if not waiting or looked >= most or enough:
                return
            batch, waiting = waiting[:_BATCH], waiting[_BATCH:]
            looked += len(batch)
            async with anyio.create_task_group() as tasks:
                for entry in batch:
                    tasks.start_soon(self._look_at, entry, fresh)

    def _is_told(self, entry: OrderReport) -> bool:
        """Whether what is there by now tells what an order is."""
        if entry.id in self:
            return True
        report = self._catalogue.cached_head(entry.id)
        if report is None:
            return False
        rows = _rows(report)
        judgement = judge(self._sought, entry, rows, self.knowledge)
        if judgement.verdict is Verdict.CANNOT_TELL:
            return False
        self._note(entry, judgement)
        return True

    def _note(self, entry: OrderReport, judgement: Judgement) -> None:
        self._judgements[entry.id] = judgement
        self._times[entry.id] = entry.submitted_at

    async def _undecided(self, entries: Iterable[OrderReport]) -> list[OrderReport]:
        """Those that only their reports can tell, nearest first."""
        knowledge = self.knowledge
        undecided: list[OrderReport] = []
        for number, entry in enumerate(entries, 1):
            if number % _JUDGED_AT_A_TIME == 0:
                await anyio.lowlevel.checkpoint()
            if not self._is_another(entry, knowledge):
                undecided.append(entry)
        undecided.sort(key=lambda entry: self._likelihood(entry, knowledge))
        return undecided

    def _likelihood(self, entry: OrderReport, knowledge: Knowledge) -> tuple[float, ...]:
        """What orders are sorted by: seconds between their submission, as far as that is known, and the attempt."""
        submitted, attempt = entry.submitted_at, self._sought.attempt
        if submitted is None:
            return (SKEW.total_seconds(),)
        if knowledge.lead is not None:
            submitted -= knowledge.lead[1]
        return (max((attempt.began - submitted).total_seconds(), (submitted - attempt.until).total_seconds(), 0.0),)

    async def _look_at(self, entry: OrderReport, fresh: float) -> None:
        """Judge an order by its report: its first rows, and the others where these fit."""
        report = await self._catalogue.head(entry.id, -math.inf, self._budget)
        if report is not None and report.at < fresh and not self._tells(entry, _rows(report)):
            report = await self._catalogue.head(entry.id, fresh, self._budget)
        if report is None:
            return
        rows = _rows(report)
        judgement = judge(self._sought, entry, rows, self.knowledge)
        if judgement.open:
            report = await self._catalogue.whole(entry.id, self._sought.wanted, self._sought.recipients, self._budget)
            if report is None:
                return
            rows = _rows(report)
            judgement = judge(self._sought, entry, rows, self.knowledge)
        self._note(entry, judgement)

    def _tells(self, entry: OrderReport, rows: Rows) -> bool:
        return judge(self._sought, entry, rows, self.knowledge).verdict is not Verdict.CANNOT_TELL


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
        self._catalogues: dict[Days, WitnessedCatalogue] = {}
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
        now = self._lookups.transport.clocks.now_for_records()
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
        if self._lookups.transport.clocks.now_for_records().there is None:
            await self._catalogue(began)[0].walk(-math.inf).page(0, Budget(1))

    def _catalogue(self, began: Moment, *, open_ended: bool = False) -> tuple[WitnessedCatalogue, Attempt]:
        """The days around an attempt, or from it until now."""
        exact = began.there is not None
        since = began.here if began.there is None else began.there
        now = self._lookups.transport.clocks.now_for_records()
        shift = 0.0 if exact or now.there is None else now.there - now.here
        steady = _is_steady(began, now)
        last = max(since, (now.there if exact else None) or now.here) if open_ended else since
        attempt = Attempt(moment(since), moment(last + MEMORY), exact, timedelta(seconds=shift), steady)
        # By this machine's clock alone, which may have been set, it may have been at any time since.
        until = attempt.until if exact else max(attempt.until, moment(time.time()))
        days = _days_around(attempt.began, until)
        if days not in self._catalogues:
            self._catalogues[days] = WitnessedCatalogue(self._lookups, days, self._known)
        return self._catalogues[days], attempt


def _is_steady(began: Moment, now: Moment) -> bool:
    """Whether the service's clock and this machine's ran beside each other then as they do now."""
    if began.there is None or now.there is None:
        return False
    return abs((began.there - began.here) - (now.there - now.here)) <= SKEW.total_seconds()


class _EarlierSearch(_Search):
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
