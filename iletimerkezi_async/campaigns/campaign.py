"""Campaigns: any number of recipients, in as many orders as it takes. Nobody twice, nobody lost.

Every recipient that is read ends in exactly one place: in an order that was taken, among the refused, the duplicates,
or the failed. With a journal, the same call after a crash sends what is missing.
"""

from __future__ import annotations

import inspect
import time
from collections import deque
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

import anyio

from iletimerkezi_async.errors import DuplicateOrderError
from iletimerkezi_async.orders.pieces import in_thread
from iletimerkezi_async.results import BulkError, BulkResult, JournalError
from iletimerkezi_async.stores.log import State
from iletimerkezi_async.wire.call import SEND_WINDOW

from .narrowing import Narrowing
from .orders import Orders, Task
from .tally import Tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import TaskGroup

    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.results import OnProgress
    from iletimerkezi_async.stores.log import Row
    from iletimerkezi_async.wire.arguments import Terms
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake
    from .journal import Journal

__all__ = ["Campaign", "run_campaign"]

_OPERATION = "send-sms"
# Looks at what is unknown, in the time that they may take, and the most seconds between two.
_LOOKS, _LONGEST_PAUSE = 15, 60.0
# Seconds that a generator of the caller's may take to close.
_CLOSING = 10.0


async def run_campaign(
    lookups: Lookups,
    journal: AbstractAsyncContextManager[Journal | None],
    read: Callable[[bytes], Intake[Any]],
    terms: Terms,
    on_progress: OnProgress | None,
) -> BulkResult:
    """Run a campaign, with its journal open.

    Args:
        lookups: What sends, and looks for what was lost.
        journal: Opens the journal.
        read: Makes what reads the recipients, of the journal's salt.
        terms: How it is to be run.
        on_progress: Told after each order.

    Raises:
        IletimerkeziError: As `AsyncClient.send_bulk`.
    """
    results: list[BulkResult] = []
    try:
        async with journal as book:
            campaign = Campaign(lookups, read(book.salt if book else b""), terms, on_progress=on_progress, journal=book)
            if book is not None:
                await book.read(campaign.remember)
            results.append(await campaign.run())
    except BaseException as error:
        # Cancelled while the journal was closed: what is known goes along.
        if results:
            error.__context__ = BulkError(results[0])
        raise
    return results[0]


class Campaign:
    """One run of a campaign.

    Args:
        lookups: What sends, and looks for what was lost.
        intake: What is read.
        terms: How it is to be run.
        on_progress: Told after each order.
        journal: Where it is written down, open; or nowhere.
    """

    def __init__(
        self,
        lookups: Lookups,
        intake: Intake[Any],
        terms: Terms,
        *,
        on_progress: OnProgress | None,
        journal: Journal | None,
    ) -> None:
        self._intake = intake
        self._terms = terms
        self._on_progress = on_progress
        self._one_report_at_a_time = anyio.Lock()
        self._journal = journal
        self._crash: BaseException | None = None
        self._tally = Tally(intake)
        #: Orders to be sent next, and those of earlier runs that wait until all new ones are sent: that the list of
        #: orders has newer ones shows that it is not behind.
        self._tasks: deque[Task] = deque()
        self._later: deque[Task] = deque()
        self._orders = Orders(lookups, intake, self._tally, journal, concurrency=terms.concurrency, report=self._report)
        # For orders from when they are read, and for the search in those that were refused.
        self._places = anyio.Semaphore(terms.concurrency, fast_acquire=True)
        self._searches = anyio.Semaphore(terms.concurrency, fast_acquire=True)
        self._narrowing = Narrowing(lookups.transport, self._tally, self._orders)

    def remember(self, row: Row) -> None:
        """Count in an order of an earlier run, and leave its recipients out of this one."""
        draft = self._intake.remember(row)
        if row.state is State.SENT:
            self._tally.count_taken(row.recipients, row.order_id, is_earlier=True)
        elif row.state is State.REFUSED:
            self._tally.refuse(self._intake.numbers(row))
        elif draft is not None:
            self._take_up(row, draft)

    async def run(self) -> BulkResult:
        """Send everything.

        Raises:
            BulkError: The campaign had to stop.
            JournalError: It had to stop as the journal cannot be written, or as texts have changed.
        """
        try:
            await self._send_all()
        except BaseException as error:  # noqa: BLE001 - it is raised below, where no other one is being handled
            self._crash = error
        await self._let_go()
        result = await self._conclude()
        if self._crash is not None:
            # What is known goes along for whoever catches it.
            _raise_with(self._crash, BulkError(result))
        stop = self._orders.stop
        if isinstance(stop, JournalError):
            stop.result = result
            raise stop
        if stop is not None:
            raise BulkError(result, stop) from stop
        return result

    async def _send_all(self) -> None:
        await self._in_tasks(self._feed_new)
        await self._in_tasks(self._feed, self._later)
        await self._settle_on()
        await self._decide()

    async def _in_tasks(self, feed: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Do a part of the campaign, whose orders are sent at the same time, to its end."""
        if self._crash is None:
            async with anyio.create_task_group() as tasks:
                await self._guarded(tasks, feed, tasks, *arguments)

    async def _settle_on(self) -> None:
        """Go on to settle what is unknown, for as long as the caller wants that."""
        deadline = time.monotonic() + self._terms.settle_for
        pause = min(_LONGEST_PAUSE, self._terms.settle_for / _LOOKS)
        while self._orders.unsettled and self._orders.stop is None and self._crash is None:
            if time.monotonic() + pause > deadline or not pause:
                return
            await anyio.sleep(pause)
            self._later += self._orders.unsettled
            self._orders.unsettled.clear()
            for task in self._later:
                self._tally.take_back(task.draft)
            await self._in_tasks(self._feed, self._later)

    async def _decide(self) -> None:
        """Do what the caller decides about orders of earlier runs of which nothing could tell."""
        if self._terms.unknown == "keep":
            return
        for task in [task for task in self._orders.unsettled if task.is_earlier]:
            if self._orders.stop is not None or self._crash is not None:
                break
            anew = await self._orders.decide(task, sent=self._terms.unknown == "as_sent")
            if anew is not None and anew.has_texts:
                self._tasks.append(anew)
            elif anew is not None:
                self._tally.fail(anew.draft, anew.not_sent())
        await self._in_tasks(self._feed, self._tasks)

    async def _let_go(self) -> None:
        """Close the source, where it is a generator."""
        try:
            with anyio.move_on_after(_CLOSING, shield=True):
                await self._intake.aclose()
        except BaseException as error:  # noqa: BLE001 - raised by `run`
            self._crash = self._crash or error

    # Reading, and handing out.

    async def _guarded(self, tasks: TaskGroup, work: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Do a part of the campaign; an exception of the source or of `on_progress` ends it all."""
        try:
            await work(*arguments)
        except Exception as error:  # noqa: BLE001 - it comes out of `run` by itself, and not in a group
            self._crash = self._crash or error
            tasks.cancel_scope.cancel()

    async def _feed_new(self, tasks: TaskGroup) -> None:
        await self._intake.prepare()
        while self._orders.stop is None:
            # The place first, so that nothing is read that cannot be sent yet.
            await self._places.acquire()
            task: Task | None = None
            try:
                task = await self._next_task()
            finally:
                if task is None:
                    self._places.release()
            if task is None:
                return
            tasks.start_soon(self._guarded, tasks, self._work, task)

    async def _feed(self, tasks: TaskGroup, waiting: deque[Task]) -> None:
        """Hand out orders that are there already."""
        while waiting:
            await self._places.acquire()
            tasks.start_soon(self._guarded, tasks, self._work, waiting.popleft())

    async def _next_task(self) -> Task | None:
        if not self._tasks:
            is_last = not await self._intake.fill()
            await in_thread(self._intake.waiting, partial(self._put_together, is_last=is_last))
        return self._tasks.popleft() if self._tasks else None

    def _put_together(self, *, is_last: bool) -> None:
        """Make orders of what was read."""
        if self._intake.changed:
            self._refuse_changed()
            return
        if not is_last:
            self._tasks.append(Task(self._intake.take()))
        self._take_up_earlier(unread=is_last)

    def _refuse_changed(self) -> None:
        assert self._journal is not None
        self._orders.halt(
            self._journal.error(
                f"has other texts of {self._intake.changed} recipients who were texted, or may have been: nothing more "
                "was sent. See that the messages are those that it was begun with; `allow_new_texts` sends them these, "
                "too"
            )
        )

    def _take_up_earlier(self, *, unread: bool) -> None:
        for row, draft in self._intake.take_earlier(unread=unread):
            self._take_up(row, draft)

    def _take_up(self, row: Row, draft: Draft) -> None:
        """Go on with an order of an earlier run that did not end well, now that its texts are known."""
        if row.state is State.DUPLICATE:
            self._tally.fail(draft, DuplicateOrderError(451, "refused as a duplicate by an earlier run", _OPERATION))
            return
        assert self._journal is not None
        # As long as the service would refuse it as a duplicate, that has to be tried at once.
        is_recent = row.first is not None and self._journal.now - row.first.local < SEND_WINDOW
        (self._tasks if is_recent else self._later).append(Task(draft, row, is_earlier=True))

    async def _conclude(self) -> BulkResult:
        """Name what was read and will not be sent by this run, and sum up."""
        results: list[BulkResult] = []

        def sum_up() -> None:
            results.append(self._sum_up())

        try:
            with anyio.CancelScope(shield=True):
                await in_thread(self._intake.read + self._intake.missing, sum_up)
        except BaseException as error:
            # asyncio's own cancellation heeds no shield.
            if not results:
                sum_up()
            error.__context__ = BulkError(results[0])
            raise
        return results[0]

    def _sum_up(self) -> BulkResult:
        # In this order: what was read last may belong to an order of an earlier run.
        rest = self._intake.rest()
        self._take_up_earlier(unread=True)
        for task in chain(self._tasks, self._later):
            self._tally.fail(task.draft, task.not_sent())
        if rest is not None:
            self._tally.fail(rest, Task(rest).not_sent())
        return self._tally.result()

    # Sending.

    async def _work(self, task: Task) -> None:
        try:
            if not await self._orders.send(task):
                return
            try:
                # As many may be searched as are sent: beyond that, what was read has to wait.
                await self._searches.acquire()
            except BaseException:
                self._tally.fail(task.draft, Task(task.draft).not_sent())
                raise
        finally:
            self._places.release()
        try:
            await self._narrowing.narrow(task.draft)
        finally:
            self._searches.release()

    async def _report(self) -> None:
        if self._on_progress is None:
            return
        async with self._one_report_at_a_time:
            outcome = self._on_progress(self._tally.progress())
            if inspect.isawaitable(outcome):
                await outcome


def _raise_with(error: BaseException, context: BulkError) -> NoReturn:
    try:
        raise error  # noqa: TRY301 - it is about the context that raising sets
    except BaseException:
        # Not before: where the caller handles another exception, raising would put that one in its place.
        error.__context__ = context
        raise
