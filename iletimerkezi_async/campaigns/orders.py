"""Sending a campaign's orders: each is sent or settled, written down in the journal, and counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import anyio
from attrs import evolve, frozen

from iletimerkezi_async.errors import (
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
    ScheduleError,
    StoreError,
    TransportError,
)
from iletimerkezi_async.orders import life
from iletimerkezi_async.orders.driver import OvertakenError
from iletimerkezi_async.orders.recovery import Attempts, unknown
from iletimerkezi_async.orders.search import hear_clock
from iletimerkezi_async.results import JournalError
from iletimerkezi_async.stores.log import draw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from iletimerkezi_async.models import Order
    from iletimerkezi_async.orders.driver import Claim
    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.stores.log import Change, KnownId, Row
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake
    from .journal import Journal
    from .tally import Tally

__all__ = ["Orders", "Task"]

_OPERATION = "send-sms"
# A gateway's answers while the service behind it is unavailable or overloaded.
_AWAY = frozenset({429, 503})
# Seconds to wait for the service's time.
_PATIENCE = 5.0


@frozen(eq=False, repr=False)
class Task:
    """An order to be sent, or to be settled.

    Attributes:
        draft: Its content.
        row: Its row in the journal, if it was begun; it may have been taken then.
        is_earlier: Whether an earlier run began it.
    """

    draft: Draft
    row: Row | None = None
    is_earlier: bool = False

    @property
    def has_texts(self) -> bool:
        """Whether all texts are known, and not the recipients alone."""
        return "" not in self.draft.messages

    def not_sent(self) -> TransportError | OutcomeUnknownError:
        """The error to list it with where this run does not send it."""
        if self.row is None:
            return TransportError("not sent, as the campaign had stopped", _OPERATION)
        return unknown("an earlier run may have sent it")


class Orders:
    """Sends a campaign's orders and counts their outcomes.

    Args:
        lookups: Sends orders, and looks for lost ones.
        intake: Reads the campaign's recipients.
        tally: Counts outcomes.
        journal: Where orders are written down, if anywhere.
        concurrency: Limit of orders under way at once.
        report: Reports progress.

    Attributes:
        stop: Why no further order is to be sent, if the campaign has to stop.
        unsettled: Orders in the journal whose outcome is unknown.
    """

    def __init__(
        self,
        lookups: Lookups,
        intake: Intake[Any],
        tally: Tally,
        journal: Journal | None,
        *,
        concurrency: int,
        report: Callable[[], Awaitable[None]],
    ) -> None:
        self._lookups = lookups
        self._intake = intake
        self._tally = tally
        self._journal = journal
        self._report = report
        self._under_way = anyio.Semaphore(concurrency, fast_acquire=True)
        self._one_asks = anyio.Lock()
        self._knows_time = False
        self.stop: IletimerkeziError | None = None
        self.unsettled: list[Task] = []

    def halt(self, error: IletimerkeziError) -> None:
        """Stop the campaign; the first reason is kept."""
        self.stop = self.stop or error

    def _may_go_on(self, task: Task) -> bool:
        """Whether to work on an order: once the schedule has passed, earlier ones are still settled."""
        return self.stop is None or (task.is_earlier and isinstance(self.stop, ScheduleError))

    async def send(self, task: Task) -> bool:
        """Send or settle one order, unless the campaign has stopped meanwhile.

        Returns:
            Whether the service refuses some of its recipients, who have to be found. Otherwise it has been counted.
        """
        try:
            await self._under_way.acquire()
        except BaseException:
            self._tally.fail(task.draft, task.not_sent())
            raise
        try:
            return await self._send(task)
        finally:
            self._under_way.release()

    async def _send(self, task: Task) -> bool:
        if not self._may_go_on(task):
            self._tally.fail(task.draft, task.not_sent())
            return False
        claim: Claim | None = None
        unwritten = Attempts(self._lookups)
        try:
            claim = await self._claim(task)
            order, note = await self._drive(task, claim, unwritten)
        except JournalError as error:
            self.halt(error)
            may_be_taken = claim is not None and claim.begun
            self._tally.fail(task.draft, unknown(str(error)) if may_be_taken else task.not_sent())
            return False
        except IletimerkeziError as error:
            return await self._settle_error(task, claim, error)
        except BaseException:
            may_be_taken = task.row is not None or (claim or unwritten).begun
            why = unknown("the call was cancelled under way") if may_be_taken else task.not_sent()
            self._tally.fail(task.draft, why)
            raise
        await self._settle_taken(task, claim, order.id, note)
        return False

    async def note_refused(self, draft: Draft) -> None:
        """Write down refused recipients, already counted, so that later runs do not send to them."""
        try:
            claim = await self._claim(Task(draft))
        except JournalError as error:
            self.halt(error)
        else:
            await self._write_refused(claim, duplicate=False)

    async def decide(self, task: Task, *, sent: bool) -> Task | None:
        """Write down a person's decision about an order whose outcome is unknown.

        Returns:
            The order, to be sent anew; `None` where it counts as sent, or the journal could not be written.
        """
        assert self._journal is not None
        claim = await self._journal.claim(self._lookups, task.draft, task.row, self._intake.entries)
        change = life.strike(claim.held, draw())
        if sent:
            change = life.settle_sent(claim.held, self._journal.now, draw(), claim.keep)
        if not await self._write(claim, change):
            return None
        self._tally.take_back(task.draft)
        if not sent:
            return Task(task.draft)
        self._tally.count_taken(task.draft.recipients, None)
        await self._report()
        return None

    # Sending.

    async def _claim(self, task: Task) -> Claim | None:
        if self._journal is None:
            return None
        await self._hear_clock()
        return await self._journal.claim(self._lookups, task.draft, task.row, self._intake.entries)

    async def _hear_clock(self) -> None:
        """Ask for the service's time before the first order: a later run sends again only if both clocks allow it."""
        async with self._one_asks:
            if not self._knows_time:
                self._knows_time = True
                with anyio.move_on_after(_PATIENCE):
                    await hear_clock(self._lookups, -math.inf)

    async def _drive(self, task: Task, claim: Claim | None, unwritten: Attempts) -> tuple[Order, KnownId | None]:
        """Send or settle an order; give it, and its id to be noted as known.

        Raises:
            JournalError: The order could not be written down, and was not sent.
            IletimerkeziError: As `Claim.drive`.
        """
        if claim is None or self._journal is None:
            return await unwritten.send(task.draft), None
        error: JournalError
        try:
            return await claim.drive(task.draft, has_texts=task.has_texts)
        except StoreError as reason:
            error = self._journal.complaint(reason)
        except OvertakenError:
            error = self._journal.overtaken()
        raise error

    # Outcomes.

    async def _settle_taken(self, task: Task, claim: Claim | None, order_id: int | None, note: KnownId | None) -> None:
        self._tally.count_taken(task.draft.recipients, order_id)
        try:
            if claim is not None and self._journal is not None:
                await self._journal.write_taken(claim, order_id, note)
        except JournalError as error:
            self.halt(error)
        else:
            if order_id is not None:
                self._lookups.known.share(order_id)
        await self._report()

    async def _settle_error(self, task: Task, claim: Claim | None, error: IletimerkeziError) -> bool:
        if isinstance(error, OrderAcceptedError):
            await self._settle_taken(task, claim, None, None)
            return False
        if isinstance(error, RecipientError):
            return await self._settle_refused(task.draft, claim)
        self._tally.fail(task.draft, error)
        if isinstance(error, OutcomeUnknownError):
            await self._settle_unknown(task, claim, error)
        elif isinstance(error, DuplicateOrderError):
            await self._write_refused(claim, duplicate=True)
        else:
            # Surely not taken, and the next orders would fail alike; unless only its own texts are missing.
            if task.has_texts:
                self.halt(error)
            await self._strike(claim)
        await self._report()
        return False

    async def _settle_unknown(self, task: Task, claim: Claim | None, error: OutcomeUnknownError) -> None:
        if error.http_status in _AWAY:
            # The remaining orders would end as unknown, too.
            self.halt(error)
        if claim is not None and await self._write(claim, claim.give_up(lost=True)):
            self.unsettled.append(evolve(task, row=claim.held))

    async def _settle_refused(self, draft: Draft, claim: Claim | None) -> bool:
        if draft.recipients == 1:
            self._tally.refuse(number for _, number in draft.pairs())
            await self._write_refused(claim, duplicate=False)
            await self._report()
            return False
        try:
            await self._strike(claim)
        except BaseException:
            self._tally.fail(draft, Task(draft).not_sent())
            raise
        return True

    async def _strike(self, claim: Claim | None) -> None:
        """Write down that an order surely was not taken, if the journal has it."""
        if claim is not None and not claim.is_new:
            await self._write(claim, life.strike(claim.held, draw()))

    async def _write_refused(self, claim: Claim | None, *, duplicate: bool) -> None:
        if claim is not None:
            await self._write(claim, life.refuse(claim.held, draw(), claim.keep, duplicate=duplicate))

    async def _write(self, claim: Claim, change: Change) -> bool:
        """Write down an outcome; a journal that cannot be written stops the campaign."""
        assert self._journal is not None
        try:
            await self._journal.write(claim, change)
        except JournalError as error:
            self.halt(error)
            return False
        return True
