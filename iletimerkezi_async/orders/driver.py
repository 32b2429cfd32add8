"""One order on its way: sent, sent again, or looked for, until it is known what became of it.

What follows from what is `life`'s; here it is done, in this order. Keyed sends and the orders of campaigns are driven
alike; what becomes of the row in the end is written down by whoever claimed it.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from iletimerkezi_async.clocks import Moment, Stopwatch
from iletimerkezi_async.errors import OrderAcceptedError, OutcomeUnknownError, StoreError, TransportError
from iletimerkezi_async.models import Order
from iletimerkezi_async.stores.log import draw

from . import life, rows
from .known import ALIKE_SECONDS
from .life import Step
from .recovery import send_draft
from .rules import Fate
from .search import find_earlier, hear_clock, now_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from iletimerkezi_async.stores.log import Change, Evidence, Fence, KnownId, Log, Row
    from iletimerkezi_async.wire.draft import Draft

    from .lookup import Lookups


_OPERATION = "send-sms"


class OvertakenError(Exception):
    """Another has the order by now, or may have it.

    Attributes:
        may_be_taken: Whether an attempt of this call may have been taken.
    """

    def __init__(self, *, may_be_taken: bool) -> None:
        super().__init__()
        self.may_be_taken = may_be_taken


class Claim:
    """An order that this call has claimed, and what becomes of it.

    Args:
        log: Where it is kept.
        held: Its row.
        now: The log's time.
        lookups: What knows the service's clock.
        lease: Seconds for which it is this call's alone after each write.
        keep: Seconds for which it is kept.
        evidence: What knows of other orders; the log, where it is not said.
        fence: For a part of a campaign: makes what lets it be written.
        is_new: Whether its row is not in the log yet.
        began: When the call, or the campaign, began, by the monotonic clock.
    """

    def __init__(
        self,
        log: Log,
        held: Row,
        now: float,
        lookups: Lookups,
        *,
        lease: float,
        keep: float,
        evidence: Evidence | None = None,
        fence: Callable[[], Fence] | None = None,
        is_new: bool = False,
        began: float | None = None,
    ) -> None:
        self.log, self.held = log, held
        self.evidence = log if evidence is None else evidence
        #: Seconds by which the log's clock is ahead of this machine's.
        self.ahead = now - time.time()
        self.keep = keep
        self.began = time.monotonic() if began is None else began
        self._lease, self._fence = lease, fence
        #: Whether nothing of it is in the log.
        self.is_new = is_new
        self._lookups = lookups
        #: Whether an attempt may have been taken, of whomever.
        self.lost = self.held.first is not None
        #: Whether one of this call may have been.
        self.begun = False
        self._since = Stopwatch()

    async def before(self, *, lost: bool) -> None:
        """Write down that an attempt is about to leave, and renew the lease.

        Args:
            lost: Whether an answer of this call was lost.

        Raises:
            StoreError: It cannot be written down, and nothing was taken.
            OutcomeUnknownError: It cannot be written down, and an earlier attempt may have been taken.
            OvertakenError: Another has the order.
        """
        self.lost = self.lost or lost
        # What is answered late is late: the lease is reckoned from before the question.
        since = Stopwatch()
        service = now_by(self._lookups, self.ahead).service
        lease = life.NO_LEASE if self._fence else self._lease
        change = life.begin(self.held, draw(), service, lease, self.keep, lost=self.lost)
        try:
            is_owned = await self.write(change, may_be_undone=not self.begun)
        except StoreError as error:
            if not self.lost:
                raise
            reason = f"the answer was lost, and the store is away, so that it is not sent again ({error})"
            raise OutcomeUnknownError(reason, _OPERATION) from None
        if not is_owned:
            raise OvertakenError(may_be_taken=self.begun)
        self.begun, self._since = True, since

    def may_leave(self) -> bool:
        """Whether the order is still surely this call's; asked again when a body is handed over."""
        return self._since.elapsed < self._lease

    async def write(self, change: Change, *, may_be_undone: bool = False) -> bool:
        """Write as its owner; whether it still is.

        Args:
            change: What its row is to become.
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
        """Write down that the service has it; the row that is there then."""
        fence = None if self._fence is None else self._fence()
        return await rows.settle_taken(self.log, self.held, order_id, self.keep, fence, note=note)

    def give_up(self, *, lost: bool) -> Change:
        """What is to be written where this call ends without an answer.

        A time of the service that was heard since the last attempt dates that attempt.
        """
        now, last = now_by(self._lookups, self.ahead), self.held.last
        service = None
        if now.service is not None and last is not None:
            service = now.service - (self._since.elapsed if self.begun else now.local - last.local)
        return life.give_up(self.held, draw(), self.keep, lost=lost, service=service)


class Driver:
    """Finds out, or makes, that an order was taken.

    Args:
        lookups: What sends, and looks for what was lost.
        owner: Where the orders are kept, which counts those that look alike by itself.
    """

    def __init__(self, lookups: Lookups, owner: object) -> None:
        self._lookups = lookups
        self._owner = owner

    async def settle(self, claim: Claim, draft: Draft, *, has_texts: bool = True) -> tuple[Order, KnownId | None]:
        """Send it, or find it; and what becomes known of its id, where that surely is its own.

        Args:
            claim: The order.
            draft: What it carries.
            has_texts: Whether its texts are known, and not only whom they go to.

        Raises:
            OrderAcceptedError: It was taken, and its id is not known.
            OutcomeUnknownError: Nobody can tell whether it was taken.
            IletimerkeziError: It surely was not taken.
            OvertakenError: Another has the order.
        """
        may_go = has_texts and not draft.is_overdue(datetime.fromtimestamp(time.time(), timezone.utc))
        step = life.next_step(claim.held, now_by(self._lookups, claim.ahead), may_go=may_go)
        if step is not Step.SEND:
            step = await self._step_by_heard_time(claim, step, may_go=may_go)
        if step is Step.LOOK_UP:
            found = await self._look_up(claim, draft)
            if found is not None:
                return found, None
            # A new life: it was not taken before, and a refusal is one of now.
            claim.lost = False
        if not has_texts:
            raise TransportError("not sent: its messages were not read again", _OPERATION)
        order = await self._attempt(claim, draft, step)
        return order, self._lookups.known.describe(order.id)

    async def _step_by_heard_time(self, claim: Claim, step: Step, *, may_go: bool) -> Step:
        """What to do by a time of the service that was heard since the call began; to look it up, any will do."""
        clocks = self._lookups.transport.clocks
        since = claim.began if step is Step.SEND_AGAIN else -math.inf
        await hear_clock(self._lookups, now_by(self._lookups, claim.ahead), since)
        now = now_by(self._lookups, claim.ahead)
        # One that could not be heard now is not known now: reckoned on from an earlier one, it may be any.
        return life.next_step(claim.held, now if clocks.heard_at >= since else Moment(now.local), may_go=may_go)

    async def _look_up(self, claim: Claim, draft: Draft) -> Order | None:
        """The order, where the reports show it; `None` where they surely lack it.

        Raises:
            OrderAcceptedError: They show it, and not which of several it is.
            OutcomeUnknownError: They do not tell.
        """
        try:
            found = await find_earlier(
                self._lookups, claim.evidence, claim.held, draft, ahead=claim.ahead, owner=self._owner
            )
        except StoreError as error:
            reason = f"an earlier call may have sent it, and the store is away ({error})"
            raise OutcomeUnknownError(reason, _OPERATION) from None
        if found.fate is Fate.ABSENT:
            return None
        if found.fate is Fate.TAKEN and found.order_id is not None:
            return Order(found.order_id, draft.recipients)
        if found.fate is Fate.TAKEN:
            raise OrderAcceptedError(found.candidates)
        hint = f"; it may be order {', '.join(map(str, found.candidates))}" if found.candidates else ""
        raise unknown(f"an earlier call may have sent it, and the reports do not tell: {found.reason}{hint}")

    async def _attempt(self, claim: Claim, draft: Draft, step: Step) -> Order:
        first, last = claim.held.first, claim.held.last
        lost = until = None
        if step is Step.SEND_AGAIN and first is not None and last is not None:
            now = now_by(self._lookups, claim.ahead)
            lost, until = (Stopwatch(time.time() - max(each.ages(now))) for each in (first, last))
        return await send_draft(
            self._lookups,
            draft,
            lost,
            claim.before,
            last=until,
            may_leave=claim.may_leave,
            doubted=first is not None,
            owner=self._owner,
            elsewhere=partial(_count_alike, claim),
        )


async def _count_alike(claim: Claim, elapsed: float) -> int:
    """How many other orders may be in the reports without their ids; with the log away, one."""
    began = time.time() + claim.ahead - elapsed
    with suppress(StoreError):
        return (await claim.evidence.alike(claim.held, began - ALIKE_SECONDS, began + ALIKE_SECONDS)).open
    return 1


def unknown(reason: str, http_status: int | None = None) -> OutcomeUnknownError:
    """The error of an order that may or may not have been taken."""
    return OutcomeUnknownError(reason, _OPERATION, http_status)
