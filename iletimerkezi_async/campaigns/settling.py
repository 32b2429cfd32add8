"""What became of a campaign's orders that an earlier run began to send."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve, frozen

from iletimerkezi_async.errors import OutcomeUnknownError
from iletimerkezi_async.http.retry import Stopwatch
from iletimerkezi_async.orders.recovery import SKEW, Findings, search
from iletimerkezi_async.wire.sending import SEND_WINDOW

from .task import Task, unknown

if TYPE_CHECKING:
    from iletimerkezi_async.http.clocks import Clocks
    from iletimerkezi_async.http.transport import Transport
    from iletimerkezi_async.stores.records import Moment, Record
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake
    from .tally import Tally

__all__ = ["Settled", "Settling", "Taken"]

# For how long the service can take an order that it is sent within the window of repetitions.
_TAKEN_WITHIN = timedelta(minutes=10)


@frozen(eq=False, repr=False)
class Taken:
    """The service has the order; its id may be unknown."""

    order_id: int | None


#: What became of an order: it was taken, it is to be sent, or nobody can tell.
Settled: TypeAlias = Taken | Task | OutcomeUnknownError


class Settling:
    """Settles the orders of earlier runs, one by one.

    Args:
        transport: What asks.
        clocks: Tell the time.
        intake: What the campaign reads.
        tally: Knows the orders of this campaign.
    """

    def __init__(self, transport: Transport, clocks: Clocks, intake: Intake[Any], tally: Tally) -> None:
        self._transport = transport
        self._clocks = clocks
        self._intake = intake
        self._tally = tally
        #: How many orders may be in the reports and are not known by their ids, for each report key.
        self._unidentified: Counter[int] = Counter()

    def expect(self, order: Draft | Record, change: int = 1) -> None:
        """An order may be in the reports whose id is not known; with a `change` of -1, no longer."""
        report_key = self._intake.report_key(order)
        if report_key is not None:
            self._unidentified[report_key] += change

    async def settle(self, task: Task, began: Moment) -> Settled:
        """Find out what became of an order that an earlier run began to send.

        While the service still knows an order, sending it again tells. After that, or where its schedule is past, which
        would be refused, the reports do.
        """
        now = await self._clocks.now()
        again = task.has_texts and not task.draft.is_overdue(datetime.fromtimestamp(time.time(), timezone.utc))
        if again and began.is_within(SEND_WINDOW, now):
            return evolve(task, lost=Stopwatch(time.time() - began.elapsed(now)))
        return await self._look_up(task, began)

    async def _look_up(self, task: Task, began: Moment) -> Settled:
        findings = await self._findings(task.draft, began)
        known = {order.id for order in self._tally.orders}
        matches = [id for id in findings.matches if id not in known]
        # Fewer than there are orders that look like this one may be any of them.
        if matches and len(matches) >= self._alike(task.draft):
            return Taken(matches[0] if len(matches) == 1 else None)
        if findings.complete and not matches and task.has_texts:
            return Task(task.draft, task.record)
        return unknown("an earlier run may have sent it, and the reports do not tell")

    async def _findings(self, draft: Draft, began: Moment) -> Findings:
        since = datetime.fromtimestamp(began.here if began.there is None else began.there, timezone.utc)
        findings = await search(self._transport, draft, since - SKEW, since + _TAKEN_WITHIN + SKEW)
        # By this machine's clock alone, an order that is not found may have been looked for at the wrong time.
        return findings if began.there is not None else evolve(findings, complete=False)

    def _alike(self, draft: Draft) -> int:
        """How many orders may be in the reports that cannot be told from this one, itself included."""
        report_key = self._intake.report_key(draft)
        return 1 if report_key is None else self._unidentified[report_key]
