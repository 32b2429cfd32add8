"""Sends a campaign's orders: each is sent or settled, written down in the journal, and counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import anyio
from attrs import define

from iletimerkezi_async.errors import (
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
    ScheduleError,
    TransportError,
)
from iletimerkezi_async.orders import life
from iletimerkezi_async.orders.driver import Attempts, Claim, OvertakenError, unknown
from iletimerkezi_async.orders.search import hear_clock
from iletimerkezi_async.results import JournalError
from iletimerkezi_async.stores.log import Change, State, draw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from iletimerkezi_async.models import Order
    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.stores.log import KnownId, Row
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake
    from .journal import Journal
    from .tally import Tally

_OPERATION = "send-sms"
# A gateway's answers while the service behind it is unavailable or overloaded.
_AWAY = frozenset({429, 503})
# Seconds to wait for the service's time.
_PATIENCE = 5.0


@define(eq=False, repr=False)
class Task:
    """An order to be sent, or to be settled.

    Attributes:
        draft: Its content.
        row: Its row in the journal, if it was begun; it may have been taken then.
        is_earlier: Whether an earlier run began it, and this run lost no attempt with it.
        attempts: The attempts of this run; with a journal, its claim.
    """

    draft: Draft
    row: Row | None = None
    is_earlier: bool = False
    attempts: Attempts | None = None

    @property
    def begun(self) -> bool:
        """Whether an attempt of this run may have been taken."""
        return self.attempts is not None and self.attempts.begun

    @property
    def claim(self) -> Claim | None:
        """Its claim, if there is a journal."""
        return self.attempts if isinstance(self.attempts, Claim) else None

    @property
    def has_texts(self) -> bool:
        """Whether all texts are known, and not the recipients alone."""
        return "" not in self.draft.messages

    def explain(self) -> TransportError | OutcomeUnknownError:
        """The error to list it with if this run does not learn its outcome."""
        if self.begun:
            return unknown("the call was cancelled while the order was being sent")
        if self.row is not None:
            return unknown("an earlier run may have sent the order")
        return TransportError("not sent, as the campaign had stopped", _OPERATION)


class Orders:
    """Sends a campaign's orders and counts their outcomes.

    Args:
        lookups: Sends orders, and looks for lost ones.
        intake: Reads the campaign's recipients.
        tally: Counts outcomes.
        journal: The open journal, if there is one.

    Attributes:
        stop: The reason to send no further order, if the campaign has to stop.
        unsettled: Orders in the journal whose outcome is unknown.
    """

    def __init__(self, lookups: Lookups, intake: Intake[Any], tally: Tally, journal: Journal | None) -> None:
        self._lookups = lookups
        self._intake = intake
        self._tally = tally
        self._journal = journal
        self._knows_time = journal is None
        self.stop: IletimerkeziError | None = None
        self.unsettled: list[Task] = []

    def halt(self, error: IletimerkeziError) -> None:
        """Stop the campaign; the first reason is kept."""
        self.stop = self.stop or error

    def add(self, draft: Draft, row: Row | None = None, *, is_earlier: bool = False) -> Task:
        """Make a task of an order, and count the order as open."""
        task = Task(draft, row, is_earlier)
        self._tally.open(draft, task.explain)
        return task

    def split(self, task: Task, drafts: Iterable[Draft]) -> list[Task]:
        """Replace a refused order by smaller ones."""
        parts = [self.add(draft) for draft in drafts]
        self._tally.close(task.draft)
        return parts

    def take_unsettled(self) -> list[Task]:
        """Take the unsettled orders, to be settled once more."""
        tasks, self.unsettled = self.unsettled, []
        return [self.add(task.draft, task.row, is_earlier=task.is_earlier) for task in tasks]

    async def hear_clock(self) -> None:
        """Ask for the service's time before the first order: a later run sends again only if both clocks allow it."""
        if not self._knows_time:
            self._knows_time = True
            with anyio.move_on_after(_PATIENCE):
                await hear_clock(self._lookups, -math.inf)

    async def send(self, task: Task) -> bool:
        """Send or settle one order, unless the campaign has stopped meanwhile.

        Returns:
            Whether the service refuses some of its recipients, who have to be found. Otherwise it has been counted.
        """
        # Once the schedule has passed, orders of earlier runs are still settled.
        if self.stop is not None and not (task.is_earlier and isinstance(self.stop, ScheduleError)):
            self._tally.fail(task.draft, task.explain())
            return False
        try:
            order, note = await self._drive(task)
        except JournalError as error:
            self.halt(error)
            self._tally.fail(task.draft, unknown(str(error)) if task.begun else task.explain())
            return False
        except IletimerkeziError as error:
            return await self._settle_error(task, error)
        await self._settle_taken(task, order.id, note)
        return False

    async def note_refused(self, task: Task) -> None:
        """Write down refused recipients, already counted, so that later runs do not send to them."""
        if self._journal is not None:
            claim = await self._journal.claim(self._lookups, task.draft, None, self._intake.entries)
            await self._write(claim.write(life.refuse(claim.held, draw(), claim.log.keep, duplicate=False)))

    async def decide(self, task: Task, *, sent: bool) -> Task | None:
        """Write down a person's decision about an order whose outcome is unknown.

        Returns:
            The order, to be sent anew; `None` if it counts as sent, or the journal could not be written.
        """
        claim = task.claim
        assert claim is not None
        assert self._journal is not None
        now, version = self._journal.now, draw()
        change = life.mark_not_sent(claim.held, now, version)
        if sent:
            change = life.mark_sent(claim.held, now, version, None, claim.log.keep)
        if not (isinstance(change, Change) and await self._write(claim.write(change))):
            return None
        if not sent:
            return self.add(task.draft)
        self._tally.take(task.draft, None)
        await self._tally.report()
        return None

    # Sending.

    async def _drive(self, task: Task) -> tuple[Order, KnownId | None]:
        """Send or settle an order; give it, and its id to be noted as known.

        Raises:
            JournalError: The order could not be written down, and was not sent.
            IletimerkeziError: As `Claim.drive`.
        """
        if self._journal is None:
            task.attempts = Attempts(self._lookups)
            return await task.attempts.send(task.draft), None
        claim = await self._journal.claim(self._lookups, task.draft, task.row, self._intake.entries)
        task.attempts = claim
        with self._journal.complaints(damage=()):
            return await claim.drive(task.draft, has_texts=task.has_texts)

    # Outcomes.

    async def _settle_taken(self, task: Task, order_id: int | None, note: KnownId | None) -> None:
        self._tally.take(task.draft, order_id)
        claim = task.claim
        is_written = claim is None or await self._write(_write_taken(claim, order_id, note))
        if is_written and order_id is not None:
            self._lookups.known.share(order_id)
        await self._tally.report()

    async def _settle_error(self, task: Task, error: IletimerkeziError) -> bool:
        if isinstance(error, OrderAcceptedError):
            await self._settle_taken(task, None, None)
            return False
        is_refused = isinstance(error, RecipientError)
        is_divisible = is_refused and task.draft.recipients > 1
        if is_divisible:
            # If its parts are not sent, it is listed as surely not taken.
            self._tally.open(task.draft, Task(task.draft).explain)
        elif is_refused:
            self._tally.refuse(task.draft)
        else:
            self._tally.fail(task.draft, error)
        if _fails_others(task, error):
            self.halt(error)
        if task.claim is not None:
            await self._write_failed(task, task.claim, error)
        if not is_divisible:
            await self._tally.report()
        return is_divisible

    async def _write_failed(self, task: Task, claim: Claim, error: IletimerkeziError) -> None:
        is_duplicate = isinstance(error, DuplicateOrderError)
        if isinstance(error, OutcomeUnknownError):
            if await self._write(claim.write(claim.give_up(lost=True))):
                task.row = claim.held
                # `unknown` was decided before this run's attempt, which may have been taken.
                task.is_earlier = task.is_earlier and not task.begun
                self.unsettled.append(task)
        elif is_duplicate or (isinstance(error, RecipientError) and task.draft.recipients == 1):
            await self._write(claim.write(life.refuse(claim.held, draw(), claim.log.keep, duplicate=is_duplicate)))
        elif not claim.is_new:
            # Surely not taken; a new one is not in the journal.
            await self._write(claim.write(life.strike(claim.held, draw())))

    async def _write(self, written: Awaitable[bool]) -> bool:
        """Write down an outcome; a journal that cannot be written, or was taken over, stops the campaign."""
        assert self._journal is not None
        try:
            with self._journal.complaints():
                if not await written:
                    raise OvertakenError
        except JournalError as error:
            self.halt(error)
            return False
        return True


def _fails_others(task: Task, error: IletimerkeziError) -> bool:
    """Whether the next orders would end as this one did."""
    if isinstance(error, OutcomeUnknownError):
        return error.http_status in _AWAY
    # A missing text, too, is a failure of this order alone.
    return task.has_texts and not isinstance(error, (RecipientError, DuplicateOrderError))


async def _write_taken(claim: Claim, order_id: int | None, note: KnownId | None) -> bool:
    row = await claim.settle_taken(order_id, note=note)
    return row is not None and row.state is State.SENT
