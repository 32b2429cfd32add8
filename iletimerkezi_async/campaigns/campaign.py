"""One run of a campaign: read recipients, send to them in orders, count each of them.

Every recipient that is read ends in exactly one place: in an order that was taken, among the refused, the duplicates,
or the failed. With a journal, the same call after a crash sends what is missing.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio

from iletimerkezi_async.errors import DuplicateOrderError
from iletimerkezi_async.http.telemetry import note_result
from iletimerkezi_async.orders.pieces import in_thread
from iletimerkezi_async.results import BulkError, BulkResult, JournalError
from iletimerkezi_async.stores.log import State
from iletimerkezi_async.wire.call import SEND_WINDOW

from .intake import MessageIntake, NumberIntake
from .journal import open_journal
from .narrowing import Narrowing
from .orders import Orders
from .tally import Tally

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.orders.session import Session
    from iletimerkezi_async.stores.base import StoreJournal
    from iletimerkezi_async.stores.log import Row
    from iletimerkezi_async.wire.arguments import Terms
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake, Reader
    from .journal import Journal
    from .orders import Task

_OPERATION = "send-sms"
# Number of look-ups of unknown orders within `settle_for`, and the longest pause between two of them, in seconds.
_LOOKS, _LONGEST_PAUSE = 15, 60.0


async def run_campaign(
    session: Session,
    reader: Reader[Any],
    template: Draft,
    terms: Terms,
    journal: str | os.PathLike[str] | StoreJournal | None,
    *,
    message: Message | None = None,
) -> BulkResult:
    """Open the journal and run a campaign.

    Args:
        session: What its client shares between calls.
        reader: Reads the recipients.
        template: The campaign's orders, without messages.
        terms: The campaign's options.
        journal: A path, a store's journal, or none.
        message: The campaign's text, if it has a single one.

    Raises:
        IletimerkeziError: As `AsyncClient.send_bulk`.
    """
    campaign: Campaign | None = None
    intake: Intake[Any]
    try:
        # The source is closed here, so that an error of its closing has the result, too.
        async with reader, open_journal(journal, template, message, *session.identity) as book:
            if message is not None:
                intake = NumberIntake(reader, template, terms.batch_size, message)
            else:
                salt = book.salt if book else b""
                intake = MessageIntake(reader, template, terms.batch_size, salt, allow_new_texts=terms.allow_new_texts)
            campaign = Campaign(session.lookups, intake, terms, book)
            if book is not None:
                await book.read_orders(campaign.remember)
            await campaign.run()
    except BaseException as error:
        # Even if the campaign was cancelled while the journal was being closed.
        if campaign is not None and campaign.result is not None:
            error.__context__ = BulkError(campaign.result)
        raise
    return campaign.end()


class Campaign:
    """One run of a campaign.

    Args:
        lookups: Sends orders, and looks for lost ones.
        intake: Reads the recipients.
        terms: The campaign's options.
        journal: The open journal, if there is one.

    Attributes:
        result: The outcome of all recipients that were read, once `run` has ended.
    """

    def __init__(self, lookups: Lookups, intake: Intake[Any], terms: Terms, journal: Journal | None) -> None:
        self._intake = intake
        self._terms = terms
        self._journal = journal
        self._crash: BaseException | None = None
        self.result: BulkResult | None = None
        self._tally = Tally(intake, terms.on_progress)
        #: Orders to be sent next; and orders of earlier runs, which wait until all new ones are sent. New ones go
        #: first: once the service's list shows them, the list is known to be up to date.
        self._tasks: deque[Task] = deque()
        self._later: list[Task] = []
        self._orders = Orders(lookups, intake, self._tally, journal)
        # Each order holds a slot from before its recipients are read until it is settled.
        self._places = anyio.Semaphore(terms.concurrency, fast_acquire=True)
        self._narrowing = Narrowing(lookups.transport, self._tally, self._orders)

    def remember(self, row: Row) -> None:
        """Count an earlier run's order, and do not send to its recipients again."""
        draft = self._tally.remember(row)
        if draft is not None:
            self._take_up(row, draft)

    async def run(self) -> None:
        """Send everything, and make the result; raise any exception of the source or of `on_progress`."""
        try:
            await self._intake.prepare()
            await self._work_off()
            if self._later:
                self._tasks += self._later
                await self._work_off()
            if self._orders.unsettled:
                await self._settle_on()
                await self._decide()
        finally:
            await self._conclude()

    def end(self) -> BulkResult:
        """Give the result.

        Raises:
            BulkError: The campaign had to stop.
            JournalError: It had to stop because the journal cannot be written, or because texts have changed.
        """
        assert self.result is not None
        stop = self._orders.stop
        if isinstance(stop, JournalError):
            stop.result = self.result
            raise stop
        if stop is not None:
            raise BulkError(self.result, stop) from stop
        return self.result

    async def _settle_on(self) -> None:
        """Look up orders whose outcome is unknown, again and again, for `settle_for` seconds."""
        deadline = time.monotonic() + self._terms.settle_for
        pause = min(_LONGEST_PAUSE, self._terms.settle_for / _LOOKS)
        while self._orders.unsettled and self._orders.stop is None:
            if time.monotonic() + pause >= deadline:
                return
            await anyio.sleep(pause)
            self._tasks += self._orders.take_unsettled()
            await self._work_off()

    async def _decide(self) -> None:
        """Apply `unknown` to the orders of earlier runs whose outcome is still unknown."""
        if self._terms.unknown == "keep":
            return
        for task in [task for task in self._orders.unsettled if task.is_earlier]:
            if self._orders.stop is not None:
                break
            anew = await self._orders.decide(task, sent=self._terms.unknown == "as_sent")
            if anew is not None:
                self._tasks.append(anew)
        await self._work_off()

    # Reading recipients, and starting orders.

    async def _work_off(self) -> None:
        """Start orders until there are no more, and wait until all have ended."""
        async with anyio.create_task_group() as tasks:
            await self._guarded(tasks, self._start_orders, tasks)
        if self._crash is not None:
            raise self._crash

    async def _guarded(self, tasks: TaskGroup, work: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Do part of the work; an exception of the source or of `on_progress` ends the campaign."""
        try:
            await work(*arguments)
        except Exception as error:  # noqa: BLE001 - `run` raises it, outside of an exception group
            self._crash = self._crash or error
            tasks.cancel_scope.cancel()

    async def _start_orders(self, tasks: TaskGroup) -> None:
        while True:
            # Acquired before reading, so that nothing is read that cannot be sent yet.
            await self._places.acquire()
            if not self._tasks and not self._intake.is_over and self._orders.stop is None:
                await self._intake.fill()
                await in_thread(self._intake.waiting, self._put_together)
            if not self._tasks:
                self._places.release()
                return
            await self._orders.hear_clock()
            tasks.start_soon(self._guarded, tasks, self._work, self._tasks.popleft())

    def _put_together(self) -> None:
        """Make tasks of the recipients read; at the end of the source, also of the remaining orders of earlier runs."""
        if self._intake.changed and self._journal is not None:
            reason = (
                f"has other texts for {self._intake.changed} recipients who were texted, or may have been: nothing "
                "more was sent. Repeat the call with the messages of the first run; or with `allow_new_texts`, which "
                "sends the new texts, too"
            )
            self._orders.halt(self._journal.error(reason))
            return
        draft = self._intake.take()
        if draft is not None:
            self._tasks.append(self._orders.add(draft))
        self._take_up_earlier(unread=self._intake.is_over)

    def _take_up_earlier(self, *, unread: bool) -> None:
        for row, draft in self._intake.take_earlier(unread=unread):
            self._take_up(row, draft)

    def _take_up(self, row: Row, draft: Draft) -> None:
        """Queue an earlier run's order that was not finished, now that its texts are known."""
        if row.state is State.DUPLICATE:
            self._tally.fail(draft, DuplicateOrderError(451, "refused as a duplicate by an earlier run", _OPERATION))
            return
        assert self._journal is not None
        # Send it at once while the service still refuses duplicates: a refusal then shows that it was taken.
        is_recent = row.first is not None and self._journal.now - row.first.local < SEND_WINDOW
        (self._tasks if is_recent else self._later).append(self._orders.add(draft, row, is_earlier=True))

    async def _conclude(self) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await in_thread(self._intake.known, self._sum_up)
        finally:
            # asyncio's own cancellation ignores the shield.
            if self.result is None:
                self._sum_up()

    def _sum_up(self) -> None:
        """List recipients that this run read and did not send to, and make the result."""
        # Before the earlier orders: recipients read last may belong to one of them.
        rest = self._intake.rest()
        self._take_up_earlier(unread=True)
        for draft in rest:
            self._orders.add(draft)
        self.result = self._tally.result()
        note_result(self.result)

    # Sending.

    async def _work(self, task: Task) -> None:
        try:
            if await self._orders.send(task):
                await self._narrowing.narrow(task)
        finally:
            self._places.release()
