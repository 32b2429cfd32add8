"""Campaigns: any number of recipients, in as many orders as it takes. Nobody twice, nobody lost.

Every recipient that is read ends in exactly one place: in an order that was taken, among the refused, the duplicates,
or the failed. With a journal, the same call after a crash sends what is missing.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import anyio

from iletimerkezi_async.errors import (
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
)
from iletimerkezi_async.orders.recovery import send_draft
from iletimerkezi_async.results import BulkError, BulkResult, JournalError, Progress, Refusal
from iletimerkezi_async.stores.records import Journal, Moment, Record, State

from .settling import Settling, Taken
from .tally import Tally
from .task import Entry, Task, unknown

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.wire.draft import Draft

    from .intake import Intake

__all__ = ["Campaign", "OnProgress"]

OnProgress: TypeAlias = Callable[[Progress], Awaitable[object] | None]

_OPERATION = "send-sms"
_REFUSED = "refused by the service (452)"
# What a gateway says while the service behind it is away, or has too much to do.
_AWAY = frozenset({429, 503})


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
        self._lookups = lookups
        self._intake = intake
        self._slots = anyio.Semaphore(concurrency, fast_acquire=True)
        self._on_progress = on_progress
        self._one_report_at_a_time = anyio.Lock()
        self._journal = journal
        self._stop: IletimerkeziError | None = None
        self._crash: Exception | None = None
        self._tally = Tally(intake)
        #: Orders of earlier runs that are still to be settled.
        self._resumed: deque[Task] = deque()
        self._settling = Settling(lookups, intake)

    async def run(self, records: Sequence[Record]) -> BulkResult:
        """Send everything.

        Args:
            records: The orders of earlier runs.

        Raises:
            BulkError: The campaign had to stop.
            JournalError: It had to stop as the journal cannot be written.
        """
        try:
            async with anyio.create_task_group() as tasks:
                await self._guarded(tasks, self._feed, tasks, records)
        except BaseException as error:
            # Cancelled: what is known goes along for whoever catches it.
            self._leave_rest()
            error.__context__ = BulkError(self._tally.result())
            raise
        self._leave_rest()
        result = self._tally.result()
        if self._crash is not None:
            _raise_with(self._crash, BulkError(result))
        if isinstance(self._stop, JournalError):
            self._stop.result = result
            raise self._stop
        if self._stop is not None:
            raise BulkError(result, self._stop) from self._stop
        return result

    # Reading, and handing out.

    async def _guarded(self, tasks: TaskGroup, work: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Do a part of the campaign; an exception of the source or of `on_progress` ends it all."""
        try:
            await work(*arguments)
        except Exception as error:  # noqa: BLE001 - it comes out of `run` by itself, and not in a group
            self._crash = self._crash or error
            tasks.cancel_scope.cancel()

    async def _feed(self, tasks: TaskGroup, records: Sequence[Record]) -> None:
        for record in records:
            self._remember(record)
        while self._stop is None:
            # The place first, so that nothing is read that cannot be sent yet.
            await self._slots.acquire()
            task: Task | None = None
            try:
                task = await self._next_task()
            finally:
                if task is None:
                    self._slots.release()
            if task is None:
                return
            tasks.start_soon(self._guarded, tasks, self._work, task)

    async def _next_task(self) -> Task | None:
        if self._resumed:
            return self._resumed.popleft()
        draft = await self._intake.next()
        self._take_up_all(self._intake.take_ready())
        if draft is not None:
            return Task(draft)
        self._take_up_all(self._intake.take_unmet())
        return self._resumed.popleft() if self._resumed else None

    def _remember(self, record: Record) -> None:
        """Count in an order of an earlier run, and leave its recipients out of this one."""
        draft = self._intake.remember(record)
        if record.state is not State.REFUSED and record.order_id is None:
            self._expect(record)
        if record.state is State.TAKEN:
            self._tally.count_taken(self._intake.size(record), record.order_id)
            if record.order_id is not None:
                self._settling.learn(record.order_id, self._intake.size(record), record.began)
        elif record.state is State.REFUSED:
            self._tally.refused.append(Refusal(f"+{record.entries[0]}", _REFUSED))
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
            self._resumed.append(Task(draft, record.id, record.began))

    def _leave_rest(self) -> None:
        """Name what was read and will not be sent by this run."""
        # In this order: what was read last may belong to an order of an earlier run.
        rest = self._intake.rest()
        self._take_up_all(self._intake.take_ready())
        self._take_up_all(self._intake.take_unmet())
        for task in self._resumed:
            self._tally.fail(task.draft, task.not_sent())
        if rest is not None:
            self._tally.fail(rest, Task(rest).not_sent())

    # Sending.

    async def _work(self, task: Task) -> None:
        try:
            if task.began is None:
                await self._send_all(task)
            else:
                await self._settle_earlier(task, task.began)
        finally:
            self._slots.release()

    async def _settle_earlier(self, task: Task, began: Moment) -> None:
        """Go on with an order that an earlier run began to send."""
        try:
            settled = await self._settling.settle(task, began)
        except BaseException:
            self._tally.fail(task.draft, task.not_sent())
            raise
        if isinstance(settled, Task):
            await self._send_all(settled)
        elif isinstance(settled, Taken):
            await self._settle_taken(task.draft, task.record, settled.order_id)
        else:
            self._tally.fail(task.draft, settled)
            await self._report()

    async def _send_all(self, task: Task) -> None:
        """Send an order, and where some of its recipients are refused, the halves without them."""
        tasks = [task]
        try:
            while tasks and self._stop is None:
                tasks += await self._send(tasks.pop())
        finally:
            for left in tasks:
                self._tally.fail(left.draft, left.not_sent())

    async def _send(self, task: Task) -> list[Task]:
        """Send one order; what is to be sent in its place, if it was refused over some recipients."""
        draft = task.draft
        entry = Entry(self._journal, self._intake.entries(draft) if self._journal else [], task.record)
        if task.record is None:
            self._expect(draft)
        try:
            # In doubt, the time of the attempt that may have been taken stands.
            before = None if task.earlier and not task.earlier.absent else partial(self._prepare, entry)
            order = await send_draft(self._lookups, draft, task.lost, before, earlier=task.earlier)
        except JournalError as error:
            # It could not be written down, and so it was not sent.
            self._halt(error)
            self._tally.fail(draft, task.not_sent())
            self._expect(draft, -1)
            return []
        except IletimerkeziError as error:
            return await self._settle_refusal(draft, entry.record, error)
        except BaseException:
            self._tally.fail(draft, unknown("the call was cancelled under way"))
            raise
        await self._settle_taken(draft, entry.record, order.id)
        return []

    async def _settle_taken(self, draft: Draft, record: int | None, order_id: int | None) -> None:
        self._tally.count_taken(draft.recipients, order_id)
        if order_id is not None:
            self._expect(draft, -1)
            self._settling.learn(order_id, draft.recipients)
        await self._note(record, State.TAKEN, order_id)
        await self._report()

    async def _settle_refusal(self, draft: Draft, record: int | None, error: IletimerkeziError) -> list[Task]:
        if isinstance(error, OrderAcceptedError):
            await self._settle_taken(draft, record, None)
            return []
        if not isinstance(error, (OutcomeUnknownError, DuplicateOrderError)):
            self._expect(draft, -1)
        if isinstance(error, RecipientError) and draft.recipients > 1:
            try:
                await self._withdraw(record)
            except BaseException:
                self._tally.fail(draft, Task(draft).not_sent())
                raise
            return [Task(half) for half in reversed(draft.halves())]
        if isinstance(error, RecipientError):
            self._tally.refused += [Refusal(number, _REFUSED) for _, number in draft.pairs()]
            await self._note(record, State.REFUSED)
        else:
            await self._settle_failure(draft, record, error)
        await self._report()
        return []

    async def _settle_failure(self, draft: Draft, record: int | None, error: IletimerkeziError) -> None:
        self._tally.fail(draft, error)
        if isinstance(error, DuplicateOrderError):
            await self._note(record, State.DUPLICATE)
        elif not isinstance(error, OutcomeUnknownError):
            # Surely not taken, and neither would be the next ones.
            self._halt(error)
            await self._withdraw(record)
        elif error.http_status in _AWAY:
            # All orders that are left would end in the same doubt.
            self._halt(error)

    # Keeping account.

    def _expect(self, order: Draft | Record, change: int = 1) -> None:
        # Only what is in a journal is ever looked up.
        if self._journal is not None:
            self._settling.expect(order, change)

    def _halt(self, error: IletimerkeziError) -> None:
        self._stop = self._stop or error

    async def _prepare(self, entry: Entry) -> None:
        """Right before each attempt that may be the one taken: write down that the order is about to be sent.

        Raises:
            JournalError: It cannot be written down.
        """
        if entry.journal is None:
            return
        now = self._lookups.transport.clocks.now()
        if entry.record is None:
            entry.record = await entry.journal.begin(entry.entries, now)
        else:
            await entry.journal.begin_again(entry.record, now)

    async def _note(self, record: int | None, state: State, order_id: int | None = None) -> None:
        try:
            if self._journal is not None and record is not None:
                await self._journal.settle(record, state, order_id)
        except JournalError as error:
            self._halt(error)
            return
        if order_id is not None:
            await self._lookups.known.share(order_id)

    async def _withdraw(self, record: int | None) -> None:
        if self._journal is None or record is None:
            return
        try:
            await self._journal.withdraw(record)
        except JournalError as error:
            self._halt(error)

    async def _report(self) -> None:
        if self._on_progress is None:
            return
        async with self._one_report_at_a_time:
            outcome = self._on_progress(self._tally.progress())
            if inspect.isawaitable(outcome):
                await outcome


def _raise_with(error: Exception, context: BulkError) -> NoReturn:
    try:
        raise error  # noqa: TRY301 - it is about the context that raising sets
    except Exception:
        # Not before: where the caller handles another exception, raising would put that one in its place.
        error.__context__ = context
        raise
