"""Counts outcomes: every recipient that was read is counted once, and every order is in one list."""

from __future__ import annotations

import inspect
import time
from bisect import insort
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import anyio

from iletimerkezi_async.models import Message, Order
from iletimerkezi_async.results import BulkResult, Failure, Progress, Refusal
from iletimerkezi_async.stores.log import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from iletimerkezi_async.errors import IletimerkeziError
    from iletimerkezi_async.results import OnProgress
    from iletimerkezi_async.stores.log import Row
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake

# The reason of a recipient whom the service refuses.
_REFUSED = "refused by the service (452)"


class Tally:
    """Counts the outcomes of the recipients that an intake has read.

    An order is open until its outcome is known. If it is still open at the end, it is listed as failed.

    Args:
        intake: Reads the recipients.
        on_progress: Called with the progress so far.

    Attributes:
        accepted: Recipients in orders that the service took.
        refused: Recipients that the service refused.
    """

    def __init__(self, intake: Intake[Any], on_progress: OnProgress | None) -> None:
        self._intake = intake
        self._on_progress = on_progress
        self._one_report_at_a_time = anyio.Lock()
        self._began = time.monotonic()
        self._orders: list[Order] = []
        self.accepted = 0
        self.refused = 0
        self._accepted_before = 0
        self._unidentified = 0
        self._open: dict[Draft, Callable[[], IletimerkeziError]] = {}
        self._failed: dict[Draft, IletimerkeziError] = {}
        self._failures = 0

    # Orders.

    def open(self, draft: Draft, explain: Callable[[], IletimerkeziError]) -> None:
        """List an order as open, even if it had failed.

        Args:
            draft: The order.
            explain: Gives the error to list it with if no outcome comes.
        """
        self.close(draft)
        self._open[draft] = explain

    def fail(self, draft: Draft, error: IletimerkeziError) -> None:
        """List an order that was not taken, or may not have been."""
        self.close(draft)
        self._failed[draft] = error
        self._failures += draft.recipients

    def take(self, draft: Draft, order_id: int | None) -> None:
        """Count an order that the service took; its id may be unknown."""
        self.close(draft)
        self._count_taken(draft.recipients, order_id)

    def refuse(self, draft: Draft) -> None:
        """Count an order whose recipients the service refuses."""
        self.close(draft)
        self._count_refused(number for number, _ in draft.pairs())

    def close(self, draft: Draft) -> None:
        """Take an order off its list."""
        self._open.pop(draft, None)
        if self._failed.pop(draft, None) is not None:
            self._failures -= draft.recipients

    def remember(self, row: Row) -> Draft | None:
        """Count an earlier run's order, and leave its recipients out from now on.

        Returns:
            The order's draft, if it is to be settled and its texts are known.
        """
        if row.state is State.SENT:
            self._accepted_before += row.recipients
            self._count_taken(row.recipients, row.order_id)
        elif row.state is State.REFUSED:
            self._count_refused(self._intake.numbers(row))
        return self._intake.remember(row)

    def _count_taken(self, recipients: int, order_id: int | None) -> None:
        self.accepted += recipients
        if order_id is None:
            self._unidentified += recipients
        else:
            # Sorted by id, as a journal does not keep the sequence of answers.
            insort(self._orders, Order(order_id, recipients), key=attrgetter("id"))

    def _count_refused(self, numbers: Iterable[str]) -> None:
        before = len(self._intake.refused)
        self._intake.refused.extend(Refusal(number, _REFUSED) for number in numbers)
        self.refused += len(self._intake.refused) - before

    # Reports.

    def result(self) -> BulkResult:
        """The result, with the orders that are still open among the failed."""
        failed = self._failed | {draft: explain() for draft, explain in self._open.items()}
        failures = (
            Failure(tuple(Message(text, numbers) for text, numbers in draft.messages.items()), error)
            for draft, error in failed.items()
        )
        return BulkResult(
            orders=tuple(self._orders),
            accepted=self.accepted,
            refused=self._intake.refused,
            duplicates=self._intake.duplicates,
            failed=tuple(failures),
            # Including recipients that only an earlier run has read.
            read=self._intake.known,
            unidentified=self._unidentified,
            accepted_before=self._accepted_before,
        )

    async def report(self) -> None:
        """Report the progress so far."""
        if self._on_progress is None:
            return
        async with self._one_report_at_a_time:
            progress = Progress(
                read=self._intake.known,
                accepted=self.accepted,
                refused=len(self._intake.refused),
                duplicates=self._intake.duplicates,
                failed=self._failures,
                elapsed=time.monotonic() - self._began,
                total=self._intake.reader.total,
                accepted_before=self._accepted_before,
            )
            outcome = self._on_progress(progress)
            if inspect.isawaitable(outcome):
                await outcome
