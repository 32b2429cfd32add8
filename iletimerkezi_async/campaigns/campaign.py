"""Campaigns: any number of recipients, in as many orders as it takes. Nobody twice, nobody lost.

Every recipient that is read ends in exactly one place: in an order that was taken, among the refused, the duplicates,
or the failed. With a journal, the same call after a crash sends what is missing.
"""

from __future__ import annotations

import inspect
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

import anyio

from iletimerkezi_async.errors import DuplicateOrderError
from iletimerkezi_async.orders.pieces import in_pieces
from iletimerkezi_async.results import BulkError, BulkResult, JournalError
from iletimerkezi_async.stores.records import Journal, Moment, Record, State
from iletimerkezi_async.wire.packing import finish

from .dispatch import Dispatch, Outcome
from .narrowing import Narrowing
from .settling import Recovered, Settling
from .tally import Tally
from .task import Task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from anyio.abc import TaskGroup

    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.results import OnProgress
    from iletimerkezi_async.wire.draft import Draft
    from iletimerkezi_async.wire.packing import Steps

    from .intake import Intake

__all__ = ["Campaign"]

_OPERATION = "send-sms"


class Campaign:
    """One run of a campaign.

    Args:
        lookups: What sends, and looks for what was lost.
        intake: What is read.
        concurrency: How many orders are under way at once.
        on_progress: Told after each order.
        journal: Where it is written down, open; or nowhere.
    """

    def __init__(
        self,
        lookups: Lookups,
        intake: Intake[Any],
        *,
        concurrency: int,
        on_progress: OnProgress | None,
        journal: Journal | None,
    ) -> None:
        self._intake = intake
        self._on_progress = on_progress
        self._one_report_at_a_time = anyio.Lock()
        self._journal = journal
        self._crash: BaseException | None = None
        self._tally = Tally(intake)
        #: Orders of earlier runs that are still to be counted in.
        self._records: Iterator[Record] = iter(())
        #: Orders of earlier runs that are still to be settled, and one that was read and not begun.
        self._tasks: deque[Task] = deque()
        #: For the journal alone.
        self._settling = Settling(lookups, intake, journal)
        self._dispatch = Dispatch(
            lookups=lookups,
            intake=intake,
            tally=self._tally,
            settling=self._settling,
            journal=journal,
            report=self._report,
        )
        # For whole orders from when they are read; for whole orders and parts while they are sent; for the search in
        # orders that were refused.
        self._places = anyio.Semaphore(concurrency, fast_acquire=True)
        self._under_way = anyio.Semaphore(concurrency, fast_acquire=True)
        self._searches = anyio.Semaphore(concurrency, fast_acquire=True)
        self._narrowing = Narrowing(lookups.transport, self._tally, self._dispatch, self._under_way, concurrency)

    async def run(self, records: Sequence[Record]) -> BulkResult:
        """Send everything.

        Args:
            records: The orders of earlier runs.

        Raises:
            BulkError: The campaign had to stop.
            JournalError: It had to stop as the journal cannot be written.
        """
        self._records = iter(records)
        try:
            async with anyio.create_task_group() as tasks:
                await self._guarded(tasks, self._feed, tasks)
        except BaseException as error:  # noqa: BLE001 - it is raised below, where no other one is being handled
            self._crash = error
        result = await self._conclude()
        if self._crash is not None:
            # What is known goes along for whoever catches it.
            _raise_with(self._crash, BulkError(result))
        stop = self._dispatch.stop
        if isinstance(stop, JournalError):
            stop.result = result
            raise stop
        if stop is not None:
            raise BulkError(result, stop) from stop
        return result

    # Reading, and handing out.

    async def _guarded(self, tasks: TaskGroup, work: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Do a part of the campaign; an exception of the source or of `on_progress` ends it all."""
        try:
            await work(*arguments)
        except Exception as error:  # noqa: BLE001 - it comes out of `run` by itself, and not in a group
            self._crash = self._crash or error
            tasks.cancel_scope.cancel()

    async def _feed(self, tasks: TaskGroup) -> None:
        for record in self._records:
            await self._remember(record)
        while self._dispatch.stop is None:
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

    async def _next_task(self) -> Task | None:
        if not self._tasks:
            draft = await self._intake.next()
            if draft is not None:
                self._tasks.append(Task(draft))
            self._take_up_all(await in_pieces(self._intake.take_ready()))
        if not self._tasks:
            self._take_up_all(await in_pieces(self._intake.take_unmet()))
        return self._tasks.popleft() if self._tasks else None

    async def _remember(self, record: Record) -> None:
        """Count in an order of an earlier run, and leave its recipients out of this one."""
        steps = self._intake.remember(record)
        try:
            draft = await in_pieces(steps)
        except BaseException:
            # What was begun is ended, so that its recipients are in one list or another.
            self._count_in(record, finish(steps))
            raise
        self._count_in(record, draft)

    def _count_in(self, record: Record, draft: Draft | None) -> None:
        if self._journal is not None and record.state is not State.REFUSED and record.order_id is None:
            self._settling.expect(record)
        numbers = self._intake.numbers(record)
        if record.state.is_taken:
            self._tally.count_taken(len(numbers), record.order_id)
            if record.order_id is not None:
                taken = record.began if record.state is State.TAKEN else None
                self._settling.learn(record.order_id, len(numbers), taken)
        elif record.state is State.REFUSED:
            self._tally.refuse(f"+{digits}" for digits in numbers)
        elif draft is not None:
            self._take_up(record, draft)

    def _take_up_all(self, orders: Iterable[tuple[Record, Draft]]) -> None:
        for record, draft in orders:
            self._take_up(record, draft)

    def _take_up(self, record: Record, draft: Draft) -> None:
        """Go on with an order of an earlier run that did not end well, now that its texts are known."""
        if record.state is State.DUPLICATE:
            self._tally.fail(draft, DuplicateOrderError(451, "refused as a duplicate by an earlier run", _OPERATION))
        else:
            doubted = record.state is State.DOUBTED
            self._tasks.append(Task(draft, record.id, record.began, doubted=doubted))

    async def _conclude(self) -> BulkResult:
        """Name what was read and will not be sent by this run, and sum up."""
        steps = self._sum_up()
        results: list[BulkResult] = []
        try:
            with anyio.CancelScope(shield=True):
                results.append(await in_pieces(steps))
        except BaseException as error:
            # asyncio's own cancellation heeds no shield.
            error.__context__ = BulkError(finish(steps))
            raise
        return results[0]

    def _sum_up(self) -> Steps[BulkResult]:
        # Where it was cancelled before all of them were counted in.
        for record in self._records:
            self._count_in(record, (yield from self._intake.remember(record)))
        # In this order: what was read last may belong to an order of an earlier run.
        rest = yield from self._intake.rest()
        self._take_up_all((yield from self._intake.take_ready()))
        self._take_up_all((yield from self._intake.take_unmet()))
        for task in self._tasks:
            self._tally.fail(task.draft, task.not_sent())
        if rest is not None:
            self._tally.fail(rest, Task(rest).not_sent())
        return (yield from self._tally.result())

    # Sending.

    async def _work(self, task: Task) -> None:
        try:
            outcome = await self._send(task)
            if outcome is not Outcome.REFUSED or task.draft.recipients == 1:
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

    async def _send(self, task: Task) -> Outcome:
        try:
            await self._under_way.acquire()
        except BaseException:
            self._tally.fail(task.draft, task.not_sent())
            raise
        try:
            return await (self._settle_earlier(task, task.began) if task.began else self._dispatch.send(task))
        finally:
            self._under_way.release()

    async def _settle_earlier(self, task: Task, began: Moment) -> Outcome:
        """Go on with an order that an earlier run began to send."""
        try:
            settled = await self._settling.settle(task, began)
        except BaseException:
            self._tally.fail(task.draft, task.not_sent())
            raise
        if isinstance(settled, Task):
            return await self._dispatch.send(settled)
        if isinstance(settled, Recovered):
            await self._dispatch.settle_taken(task, task.record, settled.order_id)
            return Outcome.TAKEN
        await self._dispatch.settle_open(task.draft, settled)
        return Outcome.OPEN

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
