"""The driver: it sends, repeats or looks up an order until the outcome is known.

Without a log, an order is sent, and its id is looked up if the answer is lost (`Attempts`). A row in a log is claimed
first (`Claim`): `life` decides each step, and this file carries it out, both for keyed sends and for campaigns. The
caller then writes the outcome into the row.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from iletimerkezi_async.clocks import Stopwatch
from iletimerkezi_async.errors import (
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
    ScheduleError,
    StoreError,
    TransportError,
)
from iletimerkezi_async.http.transport import Trail
from iletimerkezi_async.models import Order
from iletimerkezi_async.stores.log import draw
from iletimerkezi_async.wire.call import Answered
from iletimerkezi_async.wire.draft import find_obstacle
from iletimerkezi_async.wire.sending import proves_refusal, send_sms

from . import life, rows
from .known import ALIKE_SECONDS, hash_content
from .pieces import in_thread
from .rules import OpenOrder
from .search import EarlierSearch, LiveSearch, hear_clock, now_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from iletimerkezi_async.errors import ApiError
    from iletimerkezi_async.stores.base import StoreLog
    from iletimerkezi_async.stores.log import Change, Fence, KnownId, Row
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups

_OPERATION = "send-sms"


class OvertakenError(Exception):
    """Another call has taken over the order, or may have."""


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
        self._known.add(self._send)
        self._left_at = time.monotonic()

    async def count_alike(self) -> int:
        """Count the look-alikes in the log, of the time around the last attempt."""
        return 0

    async def send(self, draft: Draft) -> Order:
        """Send the order, and find its id if the answer is lost.

        Raises:
            IletimerkeziError: As `AsyncClient.send_sms`.
        """
        # Hash now: between an answer and its record the call must not wait, as it could be cancelled there.
        content = await in_thread(draft.recipients, hash_content, draft)
        self._send = send = OpenOrder(draft, content, self.owner)
        if self.first is not None:
            self._known.add(send)
        is_known = False
        try:
            order, is_known = await self._perform(draft)
        except IletimerkeziError as error:
            is_known = not isinstance(error, (OutcomeUnknownError, OrderAcceptedError))
            raise
        finally:
            (self._known.remove if is_known else self._known.mark_lost)(send)
        return order

    async def _perform(self, draft: Draft) -> tuple[Order, bool]:
        """Send the order; return it, and whether its id is surely its own."""
        transport = self.lookups.transport
        call = await in_thread(draft.recipients, send_sms, draft, self._is_astray)
        watch = Stopwatch()
        result = await transport.perform(call, self)
        if not isinstance(result, Answered):
            return await self._settle(None if result is None else result.error)
        order, now = result.value, transport.clocks.now()
        self._known.note(order.id, self._send.content, now, watch.elapsed, scheduled=draft.send_at is not None)
        return order, True

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
            refusal: The refusal; `None` if it shows that an earlier attempt was taken.

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
        if order_id is not None and await self.count_alike():
            # The id may be the look-alike's.
            order_id = None
        if refusal is None:
            if order_id is None:
                raise OrderAcceptedError(found.candidates)
            self._known.note(order_id, self._send.content, took=first.elapsed)
        elif order_id is None or not _leaves_open(refusal):
            # An order with the same numbers may have another text, which the list does not show.
            raise unknown(f"the answer was lost, and the repetition was not taken ({refusal.reason})", found.candidates)
        return Order(order_id, self._send.draft.recipients), refusal is None


def _leaves_open(refusal: ApiError) -> bool:
    """Whether an order with the same numbers may be ours: it was refused as overdue, or as a duplicate (a bare 451)."""
    return isinstance(refusal, (ScheduleError, DuplicateOrderError))


def unknown(reason: str, candidates: tuple[int, ...] = ()) -> OutcomeUnknownError:
    """Make the error of an order that may or may not have been taken, with the ids that it may have."""
    hint = f"; it may be order {', '.join(map(str, candidates))}" if candidates else ""
    return OutcomeUnknownError(f"{reason}{hint}", "send-sms")


class Claim(Attempts):
    """An order that this call has claimed.

    Args:
        log: The log.
        held: The order's row.
        now: The log's time.
        lookups: The shared state of the client's searches.
        lease: Seconds after each write for which no other call may take over the order.
        fence: Makes the condition for writing a part of a campaign.
        is_new: Whether the row is not in the log yet.
        began: The start of the call or of the campaign, by the monotonic clock.

    Attributes:
        ahead: Seconds by which the log's clock is ahead of this machine's.
        lost: Whether an attempt of this call or of an earlier one may have been taken.
    """

    def __init__(
        self,
        log: StoreLog,
        held: Row,
        now: float,
        lookups: Lookups,
        *,
        lease: float,
        fence: Callable[[], Fence] | None = None,
        is_new: bool = False,
        began: float | None = None,
    ) -> None:
        super().__init__(lookups)
        self.log, self.held, self.is_new = log, held, is_new
        self.owner = log
        self.ahead = now - time.time()
        self.lost = self.is_doubted = held.first is not None
        self._began = time.monotonic() if began is None else began
        self._lease, self._fence = lease, fence
        self._since = Stopwatch()

    # The attempts.

    async def before(self) -> None:
        """Write that an attempt is about to leave, and renew the lease.

        Raises:
            StoreError: The log is away, and nothing was taken.
            OutcomeUnknownError: The log is away, and an earlier attempt may have been taken.
            OvertakenError: Another call has the order.
        """
        self.lost = self.lost or self.first is not None
        # The lease counts from before the write, as the answer may be late.
        since = Stopwatch()
        service = now_by(self.lookups, self.ahead).service
        lease = life.NO_LEASE if self._fence else self._lease
        change = life.begin(self.held, draw(), service, lease, self.log.keep, lost=self.lost)
        try:
            is_owned = await self.write(change, may_be_undone=not self.begun)
        except StoreError as error:
            if not self.lost:
                raise
            reason = f"the answer was lost, and the order is not sent again while the store is away ({error})"
            raise unknown(reason) from None
        if not is_owned:
            raise OvertakenError
        self._since = since
        await super().before()

    def may_leave(self) -> bool:
        """Whether the lease still holds."""
        return self._since.elapsed < self._lease

    async def count_alike(self) -> int:
        """Count the look-alikes in the log; while it is away, assume one."""
        last = self.held.last
        assert last is not None
        with suppress(StoreError):
            found = await self.log.alike(self.held, last.local - ALIKE_SECONDS, last.local + ALIKE_SECONDS)
            return found.count(None)
        return 1

    # The row.

    async def write(self, change: Change, *, may_be_undone: bool = False) -> bool:
        """Write as the row's owner; `False` if another call has taken the row over.

        Args:
            change: The row's next version.
            may_be_undone: As for `rows.write_owned`.

        Raises:
            StoreError: The log is away.
        """
        fence = None if self._fence is None else self._fence()
        row = await rows.write_owned(
            self.log, self.held, change, fence, may_be_undone=may_be_undone, is_new=self.is_new
        )
        if row is None:
            return False
        self.held, self.is_new = row, False
        return True

    async def settle_taken(self, order_id: int | None, *, note: KnownId | None) -> Row | None:
        """Write that the order was taken; return the row in the log, as `rows.settle_taken` does."""
        fence = None if self._fence is None else self._fence()
        return await rows.settle_taken(self.log, self.held, order_id, self.log.keep, fence, note=note)

    def give_up(self, *, lost: bool) -> Change:
        """Make the change for a call that ends without an answer.

        If an answer has told the service's time since the last attempt, this attempt is dated by it.
        """
        now, last = now_by(self.lookups, self.ahead), self.held.last
        service = None
        if now.service is not None and last is not None:
            service = now.service - (self._since.elapsed if self.begun else now.local - last.local)
        return life.give_up(self.held, draw(), self.log.keep, lost=lost, service=service)

    # The steps.

    async def drive(self, draft: Draft, *, has_texts: bool = True) -> tuple[Order, KnownId | None]:
        """Send the order, or find that it was sent.

        Args:
            draft: The order.
            has_texts: Whether its texts are known, and not only its numbers.

        Returns:
            The order; and its id to be noted as known, if the id is certain.

        Raises:
            OrderAcceptedError: It was taken, and its id is not certain.
            OutcomeUnknownError: It may or may not have been taken.
            IletimerkeziError: It surely was not taken.
            OvertakenError: Another call has the order.
        """
        may_go = has_texts and find_obstacle(draft.send_at) is None
        if self.lost and not await self._may_repeat(may_go=may_go):
            found = await self._look_up(draft)
            if found is not None:
                return found, None
            # It was not taken before, so a refusal now is for this call's attempt.
            self.lost = False
        if not has_texts:
            raise TransportError("not sent: this call did not give its messages again", _OPERATION)
        order = await self.send(draft)
        return order, self.lookups.known.describe(order.id)

    async def _may_repeat(self, *, may_go: bool) -> bool:
        """Whether to send an order that may have been taken again, without a look-up.

        Args:
            may_go: Whether it can be sent: its texts are known, and its schedule is not past.
        """
        # Decide a repetition by a time heard since the call began: a time extrapolated from before may be wrong, as the
        # machine may have slept. A look-up needs any time.
        is_young = may_go and life.may_repeat(self.held, now_by(self.lookups, self.ahead))
        since = self._began if is_young else -math.inf
        await hear_clock(self.lookups, since)
        now, first, last = now_by(self.lookups, self.ahead), self.held.first, self.held.last
        is_heard = self.lookups.transport.clocks.heard_at >= since
        if first is None or last is None or not (may_go and is_heard and life.may_repeat(self.held, now)):
            return False
        self.first, self.last = (Stopwatch(time.time() - max(each.ages(now))) for each in (first, last))
        return True

    async def _look_up(self, draft: Draft) -> Order | None:
        """Give the order if the reports show it; `None` if they surely lack it.

        Raises:
            OrderAcceptedError: They show it, but not which of several orders it is.
            OutcomeUnknownError: They leave it open.
        """
        search = EarlierSearch(self.lookups, self.log, self.held, draft, ahead=self.ahead)
        try:
            found = await search.find()
        except StoreError as error:
            reason = f"an earlier call may have sent the order, and the store is away ({error})"
            raise unknown(reason) from None
        if found.taken is False:
            return None
        if found.taken is True and found.order_id is not None:
            return Order(found.order_id, draft.recipients)
        if found.taken is True:
            raise OrderAcceptedError(found.candidates)
        reason = f"an earlier call may have sent the order, and the reports do not show whether it did: {found.reason}"
        raise unknown(reason, found.candidates)
