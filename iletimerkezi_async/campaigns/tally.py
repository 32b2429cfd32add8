"""Keeping account of a campaign: where each recipient that was read has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from iletimerkezi_async.models import Message, Order
from iletimerkezi_async.results import BulkResult, Failure, Progress, Refusal

if TYPE_CHECKING:
    from iletimerkezi_async.errors import IletimerkeziError
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake

__all__ = ["Tally"]


class Tally:
    """Counts what became of the recipients that an intake has read.

    Attributes:
        orders: The orders whose ids are known.
        refused: Recipients that the service refuses.
    """

    def __init__(self, intake: Intake[Any]) -> None:
        self._intake = intake
        self._began = time.monotonic()
        self.orders: list[Order] = []
        self.refused: list[Refusal] = []
        self._accepted = 0
        self._unidentified = 0
        self._failed: list[Failure] = []

    def count_taken(self, recipients: int, order_id: int | None) -> None:
        """The service has an order; its id may be unknown."""
        self._accepted += recipients
        if order_id is None:
            self._unidentified += recipients
        else:
            self.orders.append(Order(order_id, recipients))

    def fail(self, draft: Draft, error: IletimerkeziError) -> None:
        """It is not known, or not the case, that the service has an order."""
        messages = tuple(Message(text, numbers) for text, numbers in draft.messages.items())
        self._failed.append(Failure(messages, error))

    def result(self) -> BulkResult:
        """What is known so far."""
        return BulkResult(
            # As the journal has them in another order than they were answered in.
            orders=tuple(sorted(self.orders, key=lambda order: order.id)),
            accepted=self._accepted,
            refused=(*self._intake.refused, *self.refused),
            duplicates=self._intake.duplicates,
            failed=tuple(self._failed),
            # Recipients of an earlier run that the source does not bring again were read then.
            read=self._intake.read + self._intake.missing,
            unidentified=self._unidentified,
        )

    def progress(self) -> Progress:
        """How far the campaign is."""
        return Progress(
            read=self._intake.read + self._intake.missing,
            accepted=self._accepted,
            refused=len(self._intake.refused) + len(self.refused),
            duplicates=self._intake.duplicates,
            failed=sum(failure.count for failure in self._failed),
            elapsed=time.monotonic() - self._began,
            total=self._intake.total,
        )
