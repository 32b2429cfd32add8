"""Keeping account of a campaign: where each recipient that was read has ended."""

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
    from iletimerkezi_async.wire.packing import Steps

    from .intake import Intake

__all__ = ["REFUSED", "Tally"]

#: Why a recipient is left out whom the service refuses.
REFUSED = "refused by the service (452)"
# Messages that are made at one go.
_AT_ONE_GO = 400


class Tally:
    """Counts what became of the recipients that an intake has read.

    Attributes:
        orders: The orders whose ids are known.
    """

    def __init__(self, intake: Intake[Any]) -> None:
        self._intake = intake
        self._began = time.monotonic()
        self.orders: list[Order] = []
        self._accepted = 0
        self._accepted_before = 0
        self._unidentified = 0
        self._failed: list[tuple[Draft, IletimerkeziError]] = []
        self._failures = 0

    def count_taken(self, recipients: int, order_id: int | None, *, is_earlier: bool = False) -> None:
        """The service has an order, an earlier run's or one of this; its id may be unknown."""
        self._accepted += recipients
        self._accepted_before += recipients if is_earlier else 0
        if order_id is None:
            self._unidentified += recipients
        else:
            # By their ids, as a journal has them in another order than they were answered in.
            insort(self.orders, Order(order_id, recipients), key=attrgetter("id"))

    def refuse(self, numbers: Iterable[str], reason: str = REFUSED) -> None:
        """The service refuses these."""
        self._intake.refused.extend(Refusal(number, reason) for number in numbers)

    def fail(self, draft: Draft, error: IletimerkeziError) -> None:
        """It is not known, or not the case, that the service has an order."""
        self._failed.append((draft, error))
        self._failures += draft.recipients

    def take_back(self, draft: Draft) -> None:
        """Nobody knows any more: it is tried again."""
        self._failed = [failed for failed in self._failed if failed[0] is not draft]
        self._failures -= draft.recipients

    def result(self) -> Steps[BulkResult]:
        """What is known so far."""
        failed: list[Failure] = []
        for draft, error in self._failed:
            messages: list[Message] = []
            for text, numbers in draft.messages.items():
                messages.append(Message(text, numbers))
                if len(messages) % _AT_ONE_GO == 0:
                    yield
            failed.append(Failure(tuple(messages), error))
            yield
        return BulkResult(
            orders=tuple(self.orders),
            accepted=self._accepted,
            refused=self._intake.refused,
            duplicates=self._intake.duplicates,
            failed=tuple(failed),
            # Recipients of an earlier run that the source does not bring again were read then.
            read=self._intake.read + self._intake.missing,
            unidentified=self._unidentified,
            accepted_before=self._accepted_before,
        )

    def progress(self) -> Progress:
        """How far the campaign is."""
        return Progress(
            read=self._intake.read + self._intake.missing,
            accepted=self._accepted,
            refused=len(self._intake.refused),
            duplicates=self._intake.duplicates,
            failed=self._failures,
            elapsed=time.monotonic() - self._began,
            total=self._intake.total,
            accepted_before=self._accepted_before,
        )
