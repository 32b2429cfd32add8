"""Counting outcomes: every recipient that was read is counted once."""

from __future__ import annotations

import time
from bisect import insort
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from iletimerkezi_async.models import Message, Order
from iletimerkezi_async.results import BulkResult, Failure, Progress, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iletimerkezi_async.errors import IletimerkeziError
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake

__all__ = ["Tally"]

#: The reason of a recipient whom the service refuses.
REFUSED = "refused by the service (452)"


class Tally:
    """Counts the outcomes of the recipients that an intake has read.

    Attributes:
        accepted: Recipients in orders that the service took.
        refused: Recipients that the service refused.
    """

    def __init__(self, intake: Intake[Any]) -> None:
        self._intake = intake
        self._began = time.monotonic()
        self._orders: list[Order] = []
        self.accepted = 0
        self.refused = 0
        self._accepted_before = 0
        self._unidentified = 0
        self._failed: dict[Draft, IletimerkeziError] = {}
        self._failures = 0

    def count_taken(self, recipients: int, order_id: int | None, *, is_earlier: bool = False) -> None:
        """Count an order that the service took, by this run or an earlier one; its id may be unknown."""
        self.accepted += recipients
        self._accepted_before += recipients if is_earlier else 0
        if order_id is None:
            self._unidentified += recipients
        else:
            # Sorted by id, as a journal does not keep the sequence of answers.
            insort(self._orders, Order(order_id, recipients), key=attrgetter("id"))

    def refuse(self, numbers: Iterable[str]) -> None:
        """List numbers that the service refuses."""
        before = len(self._intake.refused)
        self._intake.refused.extend(Refusal(number, REFUSED) for number in numbers)
        self.refused += len(self._intake.refused) - before

    def fail(self, draft: Draft, error: IletimerkeziError) -> None:
        """List an order that was not taken, or may not have been."""
        self._failed[draft] = error
        self._failures += draft.recipients

    def take_back(self, draft: Draft) -> None:
        """Take a failed order off the list, as it is tried again."""
        del self._failed[draft]
        self._failures -= draft.recipients

    def result(self) -> BulkResult:
        """The result so far."""
        failed = (
            Failure(tuple(Message(text, numbers) for text, numbers in draft.messages.items()), error)
            for draft, error in self._failed.items()
        )
        return BulkResult(
            orders=tuple(self._orders),
            accepted=self.accepted,
            refused=self._intake.refused,
            duplicates=self._intake.duplicates,
            failed=tuple(failed),
            # An earlier run read those that the source does not bring again.
            read=self._intake.read + self._intake.missing,
            unidentified=self._unidentified,
            accepted_before=self._accepted_before,
        )

    def progress(self) -> Progress:
        """The progress so far."""
        return Progress(
            read=self._intake.read + self._intake.missing,
            accepted=self.accepted,
            refused=len(self._intake.refused),
            duplicates=self._intake.duplicates,
            failed=self._failures,
            elapsed=time.monotonic() - self._began,
            total=self._intake.total,
            accepted_before=self._accepted_before,
        )
