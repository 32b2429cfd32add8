"""The attempts with one order, and the recovery of its id if an answer is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from iletimerkezi_async.clocks import Stopwatch
from iletimerkezi_async.errors import (
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
    ScheduleError,
)
from iletimerkezi_async.http.transport import RefusedAgain, Trail
from iletimerkezi_async.models import Order
from iletimerkezi_async.wire.sending import proves_refusal, send_sms

from .known import hash_content
from .pieces import in_thread
from .rules import OpenOrder
from .search import LiveSearch

if TYPE_CHECKING:
    from iletimerkezi_async.errors import ApiError
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups


class Attempts(Trail):
    """The attempts with one order, and those of earlier calls.

    This class is for a send without a key, which is in no log: each attempt may leave. `Claim` overrides it.

    Args:
        lookups: The shared state of the client's searches.

    Attributes:
        begun: Whether an attempt of this call may have been taken.
        owner: The log that counts the order's look-alikes itself, if there is one.
    """

    begun = False
    owner: object = None
    _send: OpenOrder
    _left_at = 0.0
    _disputed: int | None = None

    def __init__(self, lookups: Lookups) -> None:
        self.lookups, self._known = lookups, lookups.known

    async def before(self) -> None:
        """Record that an attempt is about to leave; if this raises, the attempt does not leave."""
        self.begun = True
        self._known.sends.add(self._send)
        self._left_at = time.monotonic()

    async def count_alike(self, elapsed: float) -> int:
        """Count the look-alikes in the log; the first attempt was `elapsed` seconds ago."""
        del elapsed
        return 0

    async def send(self, draft: Draft) -> Order:
        """Send the order, and find its id if the answer is lost.

        Raises:
            IletimerkeziError: As `AsyncClient.send_sms`.
        """
        # Hash now: between an answer and its record the call must not wait, as it could be cancelled there.
        content = await in_thread(draft.recipients, hash_content, draft)
        self._send = send = OpenOrder(draft, content, self.owner)
        sends = self._known.sends
        if self.first is not None:
            sends.add(send)
        is_known = False
        try:
            order, is_known = await self._perform(draft)
        except IletimerkeziError as error:
            is_known = not isinstance(error, (OutcomeUnknownError, OrderAcceptedError))
            raise
        finally:
            (sends.remove if is_known else sends.mark_lost)(send)
        return order

    async def _perform(self, draft: Draft) -> tuple[Order, bool]:
        """Send the order; return it, and whether its id is surely its own."""
        transport = self.lookups.transport
        call = await in_thread(draft.recipients, send_sms, draft, self._is_astray)
        watch = Stopwatch()
        result = await transport.perform(call, self, self.before)
        if isinstance(result, RefusedAgain):
            return await self._settle(result.refusal)
        now = transport.clocks.now()
        self._known.note(result.id, self._send.content, now, watch.elapsed, scheduled=draft.send_at is not None)
        return result, True

    def _is_astray(self, order: Order, reused: bool) -> bool:
        """Whether an answer belongs to another request.

        On a connection that is out of step, each request gets the answer of the one before. A new connection cannot be
        out of step: if a known id comes over a new one, or comes twice, the service gives it to several orders.
        """
        known = self._known
        if known.are_reused or not known.is_of_another(order.id, self._send.content, self._left_at):
            return False
        if reused and order.id != self._disputed:
            self._disputed = order.id
            return True
        known.are_reused = True
        return False

    async def _settle(self, refusal: ApiError | None) -> tuple[Order, bool]:
        """Settle an order that may have been taken, after its repetition was refused or not sent.

        Args:
            refusal: As of `RefusedAgain`.

        Returns:
            The order, and whether its id is surely its own.

        Raises:
            OrderAcceptedError: It was taken, and its id is not certain.
            ApiError: It was not taken, as the service refuses its content.
            OutcomeUnknownError: It was refused for another reason, and the reports do not show it.
        """
        first, last = self.first, self.last
        if refusal is not None and proves_refusal(refusal):
            raise refusal
        if first is None:
            # The service took it from an earlier call, though the reports did not show it.
            raise OrderAcceptedError
        found = await LiveSearch(self.lookups, self._send, first, last or Stopwatch()).find()
        order_id = found.order_id
        if order_id is not None and await self.count_alike(time.time() - (self._send.began or 0.0)):
            # The id may be the look-alike's.
            order_id = None
        if refusal is None:
            if order_id is None:
                raise OrderAcceptedError(found.candidates)
            self._known.note(order_id, self._send.content, took=first.elapsed)
        elif order_id is None or not _leaves_open(refusal):
            # An order with the same numbers may have another text, which the list does not show.
            raise unknown(f"the answer was lost, and it was not taken again ({refusal.reason})", found.candidates)
        return Order(order_id, self._send.draft.recipients), refusal is None


def _leaves_open(refusal: ApiError) -> bool:
    """Whether an order with the same numbers may be ours: the refusal is as overdue, or as a duplicate (a bare 451)."""
    return isinstance(refusal, (ScheduleError, DuplicateOrderError))


def unknown(reason: str, candidates: tuple[int, ...] = ()) -> OutcomeUnknownError:
    """Make the error of an order that may or may not have been taken, with the ids that it may have."""
    hint = f"; it may be order {', '.join(map(str, candidates))}" if candidates else ""
    return OutcomeUnknownError(f"{reason}{hint}", "send-sms")
