"""Looking for an order in the reports: which are read, in which sequence, and until when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from attrs import frozen

from iletimerkezi_async.wire.packing import finish

from .evidence import (
    SKEW,
    Judgement,
    Knowledge,
    Rows,
    Sought,
    Verdict,
    fits,
    judge,
)
from .known import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from iletimerkezi_async.models import OrderReport
    from iletimerkezi_async.wire.draft import Draft

    from .evidence import Attempt
    from .known import KnownOrder
    from .lookup import Budget, Catalogue, Lookups

__all__ = ["BATCH", "Findings", "Search"]

# Reports read at once.
BATCH = 8
# Between pauses for other tasks.
_JUDGED_AT_A_TIME = 200


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


class Search:
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
        catalogue: Catalogue,
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
        #: By the monotonic clock; minus infinity where an answer to it may be known and forgotten.
        self._began = -math.inf
        self._budget = budget
        #: How many of the nearest orders are looked at before one that fits is taken for the only one.
        self._nearest = BATCH
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

    def _is_of_another(self, known: KnownOrder) -> bool:
        """Whether an order whose id this client got is another than the one looked for.

        With the same content it may be the very order: answered, and never noted by the run that sent it.
        """
        if known.answered is not None and known.answered < self._began:
            return True
        # Of texts that are not known, the numbers alone can be compared.
        place = 1 if "" in self._sought.texts or not known.is_proven else 0
        return known.content[place] != self._content[place]

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
            batch, waiting = waiting[:BATCH], waiting[BATCH:]
            looked += len(batch)
            async with anyio.create_task_group() as tasks:
                for entry in batch:
                    tasks.start_soon(self._look_at, entry, fresh)

    def _is_told(self, entry: OrderReport) -> bool:
        """Whether what is there by now tells what an order is."""
        if entry.id in self:
            return True
        rows = self._catalogue.cached_head(entry.id)
        if rows is None:
            return False
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
        rows = await self._catalogue.head(entry.id, -math.inf, self._budget)
        if rows is not None and rows.at < fresh and not self._tells(entry, rows):
            rows = await self._catalogue.head(entry.id, fresh, self._budget)
        if rows is None:
            return
        judgement = judge(self._sought, entry, rows, self.knowledge)
        if judgement.open:
            rows = await self._catalogue.whole(entry.id, self._sought.wanted, self._sought.recipients, self._budget)
            if rows is None:
                return
            judgement = judge(self._sought, entry, rows, self.knowledge)
        self._note(entry, judgement)

    def _tells(self, entry: OrderReport, rows: Rows) -> bool:
        return judge(self._sought, entry, rows, self.knowledge).verdict is not Verdict.CANNOT_TELL
