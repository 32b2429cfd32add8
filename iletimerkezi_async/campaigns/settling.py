"""What became of a campaign's orders that an earlier run began to send."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve, frozen

from iletimerkezi_async.clocks import Moment as Instant
from iletimerkezi_async.clocks import Span
from iletimerkezi_async.errors import OutcomeUnknownError
from iletimerkezi_async.http.retry import Stopwatch
from iletimerkezi_async.orders.enquiry import Earlier, Enquiry
from iletimerkezi_async.orders.evidence import DRIFT
from iletimerkezi_async.orders.known import LiveSend, hash_content
from iletimerkezi_async.orders.pieces import in_pieces
from iletimerkezi_async.orders.rules import Wanted
from iletimerkezi_async.wire.sending import MEMORY, SEND_WINDOW

from .task import Task, unknown

if TYPE_CHECKING:
    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.stores.records import Journal, Moment, Record
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake

__all__ = ["Recovered", "Settled", "Settling"]

# Seconds in which an order that a list does not have yet has to go out, and by how many later it may than other
# repetitions, which then are tried several times.
_AT_ONCE = 60.0
_LATER = 20.0


@frozen(eq=False, repr=False)
class Recovered:
    """The reports have the order, and so it was taken. They may not tell which one it is, and so its id."""

    order_id: int | None


#: What becomes of an order: it is found among those taken, it is to be sent, or nobody can tell.
Settled: TypeAlias = Recovered | Task | OutcomeUnknownError


class Settling:
    """Settles the orders of earlier runs, one by one.

    Args:
        lookups: What looks for them.
        intake: What the campaign reads.
        journal: Where its orders are written down, open; or nowhere.
    """

    def __init__(self, lookups: Lookups, intake: Intake[Any], journal: Journal | None) -> None:
        self._sends = lookups.known.sends
        self._owner = None if journal is None else journal.salt
        self._clocks = lookups.transport.clocks
        self._enquiry = Enquiry(lookups)
        self._intake = intake
        #: How many orders may be in the reports and are not known by their ids, for each report key.
        self._unidentified: Counter[int] = Counter()

    def expect(self, order: Draft | Record, change: int = 1) -> None:
        """Count an order that the reports may hold without its id being known; with -1, count it no more."""
        report_key = self._intake.report_key(order)
        if report_key is not None:
            self._unidentified[report_key] += change

    def learn(self, order_id: int, recipients: int, sent: Moment | None = None) -> None:
        """Note the id of an order of this campaign, so that it is not taken for one that is looked for."""
        self._enquiry.learn(order_id, self._intake.sender, recipients, sent)

    async def settle(self, task: Task, began: Moment) -> Settled:
        """Find out what became of an order that an earlier run began to send.

        While the service still knows an order, sending it again tells. After that, or where its schedule is past, which
        would be refused, the reports do.
        """
        await self._enquiry.hear_clock(began)
        overdue = task.draft.is_overdue(datetime.fromtimestamp(time.time(), timezone.utc))
        now = self._clocks.now_for_records()
        # By this machine's clock alone, which may have been set, that is not certain: the reports are looked at first.
        in_time = began.there is not None and began.is_within(SEND_WINDOW, now)
        if task.has_texts and not overdue and in_time:
            return evolve(task, lost=Stopwatch(time.time() - began.elapsed(now)))
        content = await in_pieces(hash_content(task.draft))
        alike = self._alike(task.draft, content, began)
        findings = await self._enquiry.find(task.draft, began, alike=alike, open_ended=task.doubted)
        matches = findings.matches
        # Fewer than there are orders that look like this one may be any of them.
        if matches and len(matches) >= self._alike(task.draft, content, began):
            return Recovered(matches[0] if len(matches) == 1 else None)
        if findings.absent and not matches and task.has_texts:
            return self._send_again(task, began)
        return unknown("an earlier run may have sent it, and the reports do not tell")

    async def find_taken(self, draft: Draft, began: Moment) -> int | None:
        """The id of an order that an earlier run surely sent; `None` where the reports do not tell."""
        content = await in_pieces(hash_content(draft))
        found = await self._enquiry.find(draft, began)
        return found.matches[0] if len(found.matches) == self._alike(draft, content, began) == 1 else None

    def _send_again(self, task: Task, began: Moment) -> Settled:
        """What to do with an order that the reports do not have.

        After 10 minutes the list would have it. Before that, as well as where a clock was set and the time only seems
        to be long or short, a list that does not have it yet is no harm: the service then refuses it as a duplicate, if
        it is sent at once. Other refusals prove nothing as long as the clocks may be wrong.
        """
        now = self._clocks.now_for_records()
        age = began.age(now)
        known = began.there is not None and now.there is not None and not task.doubted
        if known and age >= MEMORY + DRIFT.total_seconds():
            return Task(task.draft, task.record, earlier=Earlier(began))
        if age >= 0 and (age < MEMORY or now.there is not None):
            return evolve(task, earlier=Earlier(began, _since(age)))
        return unknown("an earlier run may have sent it, and nobody knows when")

    def _alike(self, draft: Draft, content: int, began: Moment) -> int:
        """How many orders may be in the reports that cannot be told from this one, itself included."""
        report_key = self._intake.report_key(draft)
        numbers = LiveSend(draft, content).numbers
        wanted = Wanted(numbers, draft.recipients, Span(Instant(began.here), Instant(began.here)))
        rivals = self._sends.count_alike(wanted, content, began.here, owner=self._owner)
        return rivals + (1 if report_key is None else self._unidentified[report_key])


def _since(age: float) -> Stopwatch:
    """When an attempt began, as far as that limits its repetition.

    The list has an order when the service would take it again. A minute more is the most that may pass between the look
    at it and the repetition, as by wrong clocks it may just have become so.
    """
    latest = SEND_WINDOW - _AT_ONCE
    return Stopwatch(time.time() - (max(age - _LATER, latest) if age < MEMORY else latest))
