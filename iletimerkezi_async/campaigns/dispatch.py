"""Sending the orders of a campaign, and keeping the books of what became of each."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from iletimerkezi_async.errors import (
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
)
from iletimerkezi_async.models import Order
from iletimerkezi_async.orders.pieces import in_pieces
from iletimerkezi_async.orders.recovery import send_draft
from iletimerkezi_async.results import JournalError
from iletimerkezi_async.stores.records import State
from iletimerkezi_async.wire.sending import SEND_WINDOW

from .task import Entry, Task, unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from iletimerkezi_async.http.transport import Before
    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.stores.records import Journal
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake
    from .settling import Settling
    from .tally import Tally

__all__ = ["Dispatch", "Outcome"]

# What a gateway says while the service behind it is away, or has too much to do.
_AWAY = frozenset({429, 503})


class Outcome(Enum):
    """What became of an order."""

    TAKEN = "taken"
    """The service has it."""
    REFUSED = "refused"
    """Some of its recipients are refused, and so nobody got it. Of a single recipient the books are kept already."""
    OPEN = "open"
    """It is not known, or not the case, that the service has it."""


class Dispatch:
    """Sends orders one by one, and keeps the books.

    Args:
        lookups: What sends, and looks for what was lost.
        intake: What the campaign reads.
        tally: The account that is kept.
        settling: Is told of orders that may have to be looked for.
        journal: Where orders are written down, open; or nowhere.
        report: Tells how far the campaign is.

    Attributes:
        stop: Why no further order is to be sent.
    """

    def __init__(
        self,
        *,
        lookups: Lookups,
        intake: Intake[Any],
        tally: Tally,
        settling: Settling,
        journal: Journal | None,
        report: Callable[[], Awaitable[None]],
    ) -> None:
        self._lookups = lookups
        self._intake = intake
        self._tally = tally
        self._settling = settling
        self._journal = journal
        self._owner = None if journal is None else journal.salt
        self._report = report
        self.stop: IletimerkeziError | None = None

    def halt(self, error: IletimerkeziError) -> None:
        """Let the campaign stop; the first reason counts."""
        self.stop = self.stop or error

    def expect(self, order: Draft, change: int = 1) -> None:
        """Count an order that the reports may hold without its id being known; with -1, count it no more."""
        # Only what is in a journal is ever looked up.
        if self._journal is not None:
            self._settling.expect(order, change)

    async def send(self, task: Task) -> Outcome:
        """Send one order, unless the campaign has stopped meanwhile."""
        draft = task.draft
        if self.stop is not None:
            self._tally.fail(draft, task.not_sent())
            return Outcome.OPEN
        entry = Entry(self._journal, (), task.record)
        try:
            if self._journal is not None:
                entry.entries = await in_pieces(self._intake.entries(draft))
            if task.record is None:
                self.expect(draft)
            prepare = partial(self._doubt if task.in_doubt else self._prepare, entry)
            order = await self._attempt(task, prepare)
        except JournalError as error:
            # It could not be written down, and so it was not sent.
            self.halt(error)
            self._tally.fail(draft, task.not_sent())
            self.expect(draft, -1)
            return Outcome.OPEN
        except IletimerkeziError as error:
            if task.in_doubt and not isinstance(error, (OutcomeUnknownError, OrderAcceptedError)):
                return await self._settle_doubt(task, entry.record, error)
            return await self._settle_refusal(task, entry.record, error)
        except BaseException:
            may_be_taken = entry.begun or task.lost is not None or task.earlier is not None
            self._tally.fail(draft, unknown("the call was cancelled under way") if may_be_taken else task.not_sent())
            raise
        await self.settle_taken(task, entry.record, order.id)
        return Outcome.TAKEN

    async def _attempt(self, task: Task, prepare: Before) -> Order:
        earlier = task.earlier
        since = None if earlier is None else earlier.since

        def in_time() -> bool:
            return since is None or since.elapsed < SEND_WINDOW

        try:
            return await send_draft(
                self._lookups, task.draft, task.lost, prepare,
                may_leave=in_time, doubted=earlier is not None, owner=self._owner,
            )  # fmt: skip
        except OrderAcceptedError as error:
            order_id = None
            if earlier is not None and not error.candidates:
                order_id = await self._settling.find_taken(task.draft, earlier.began)
            if order_id is None:
                raise
            return Order(order_id, task.draft.recipients)

    async def settle_taken(self, task: Task, record: int | None, order_id: int | None) -> None:
        """The service has an order; its id may be unknown."""
        draft = task.draft
        self._tally.count_taken(draft.recipients, order_id)
        if order_id is not None:
            self.expect(draft, -1)
            self._settling.learn(order_id, draft.recipients)
        await self._note(record, State.TAKEN_SINCE if task.was_repeated else State.TAKEN, order_id)
        await self._report()

    async def settle_open(self, draft: Draft, error: OutcomeUnknownError) -> None:
        """Nobody can tell whether the service has an order of an earlier run."""
        self._tally.fail(draft, error)
        await self._report()

    async def note_refused(self, draft: Draft) -> None:
        """Write down that recipients are refused, so that no later run asks again. They have been counted."""
        if self._journal is None:
            return
        try:
            entries = await in_pieces(self._intake.entries(draft))
            record = await self._journal.begin(entries, self._lookups.transport.clocks.now_for_records())
        except JournalError as error:
            self.halt(error)
        else:
            await self._note(record, State.REFUSED)

    async def _settle_refusal(self, task: Task, record: int | None, error: IletimerkeziError) -> Outcome:
        draft = task.draft
        if isinstance(error, OrderAcceptedError):
            await self.settle_taken(task, record, None)
            return Outcome.TAKEN
        if not isinstance(error, (OutcomeUnknownError, DuplicateOrderError)):
            self.expect(draft, -1)
        if isinstance(error, RecipientError):
            await self._settle_refused(draft, record)
            return Outcome.REFUSED
        await self._settle_failure(draft, record, error)
        await self._report()
        return Outcome.OPEN

    async def _settle_refused(self, draft: Draft, record: int | None) -> None:
        if draft.recipients == 1:
            self._tally.refuse(number for _, number in draft.pairs())
            await self._note(record, State.REFUSED)
            await self._report()
            return
        try:
            await self._withdraw(record)
        except BaseException:
            self._tally.fail(draft, Task(draft).not_sent())
            raise

    async def _settle_failure(self, draft: Draft, record: int | None, error: IletimerkeziError) -> None:
        self._tally.fail(draft, error)
        if isinstance(error, DuplicateOrderError):
            await self._note(record, State.DUPLICATE)
        elif not isinstance(error, OutcomeUnknownError):
            # Surely not taken, and neither would be the next ones.
            self.halt(error)
            await self._withdraw(record)
        elif error.http_status in _AWAY:
            # All orders that are left would end in the same doubt.
            self.halt(error)

    async def _settle_doubt(self, task: Task, record: int | None, error: IletimerkeziError) -> Outcome:
        """An order was not taken again: of the earlier attempts that says nothing."""
        reason = f"an earlier run may have sent it, and it was not taken again ({error.reason})"
        await self._settle_failure(task.draft, record, unknown(reason, getattr(error, "http_status", None)))
        await self._note(record, State.DOUBTED if task.doubted else State.BEGUN)
        await self._report()
        return Outcome.OPEN

    async def _doubt(self, entry: Entry, *, lost: bool) -> None:  # noqa: ARG002 - of a later attempt, too
        """Right before an order is sent again in doubt: write that down. The time of the earlier attempt stands.

        Raises:
            JournalError: It cannot be written down.
        """
        if entry.journal is not None and entry.record is not None:
            await entry.journal.settle(entry.record, State.DOUBTED)
        entry.begun = True

    async def _prepare(self, entry: Entry, *, lost: bool) -> None:
        """Right before each attempt that may be the one taken: write down that the order is about to be sent.

        Raises:
            JournalError: It cannot be written down.
        """
        if lost:
            return
        if entry.journal is not None:
            now = self._lookups.transport.clocks.now_for_records()
            if entry.record is None:
                entry.record = await entry.journal.begin(entry.entries, now)
            else:
                await entry.journal.begin_again(entry.record, now)
        entry.begun = True

    async def _note(self, record: int | None, state: State, order_id: int | None = None) -> None:
        try:
            if self._journal is not None and record is not None:
                await self._journal.settle(record, state, order_id)
        except JournalError as error:
            self.halt(error)
            return
        if order_id is not None:
            self._lookups.known.share(order_id)

    async def _withdraw(self, record: int | None) -> None:
        if self._journal is None or record is None:
            return
        try:
            await self._journal.withdraw(record)
        except JournalError as error:
            self.halt(error)
