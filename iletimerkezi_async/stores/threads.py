"""Calls a store's blocking driver from asyncio and trio.

The drivers are the blocking ones, as their asynchronous ones know no trio. They run in worker threads that no other
part of the application uses, so that a store that is slow takes none of the application's.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from iletimerkezi_async.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CALLS", "Threads"]

T = TypeVar("T")

#: Blocking calls of one store at once, in each event loop: threads, and connections.
CALLS = 8
# What the driver's own limit gets on top, so that it is the driver that gives up, and says why.
_GRACE = 1.0


class Threads:
    """The worker threads of one store.

    Args:
        timeout: Seconds that a call may take, the wait for a thread included.
        interrupt: Ends what a thread is waiting for, where the driver's own limits do not.
        explain: Says of which store it is, and why it may not answer.
    """

    def __init__(self, timeout: float, interrupt: Callable[[int], object], explain: Callable[[], str]) -> None:
        self._timeout = timeout
        self._interrupt = interrupt
        self._explain = explain
        # A limiter belongs to an event loop.
        self._limiters: RunVar[anyio.CapacityLimiter] = RunVar("calls of a store")

    async def run(
        self,
        work: Callable[[], T],
        *,
        shield: bool = False,
        finish: bool = False,
        undo: Callable[[T], object] | None = None,
    ) -> T:
        """Run a blocking call in a thread.

        Args:
            work: The call.
            shield: It is done to its end, and waited for, whatever cancels the caller.
            finish: It is done to its end; a caller who is cancelled does not wait for it.
            undo: Takes back what was done, where nobody is left to be told.

        Raises:
            StoreError: The call raised it, or took too long.
        """
        call = _Call(work, undo)
        try:
            await (self._see_through(call) if shield else self._wait_for(call))
        except BaseException:
            if finish:
                # The store may hang, and the caller has gone.
                threading.Thread(target=call.run, daemon=True).start()
            raise
        if call.error is not None:
            # The driver's own error is left behind: it may hold the statement with its values.
            raise StoreError(call.error)
        return call.result

    async def _see_through(self, call: _Call[Any]) -> None:
        cancelled: BaseException | None = None
        with anyio.CancelScope(shield=True):
            while True:
                try:
                    await self._wait_for(call)
                except anyio.get_cancelled_exc_class() as error:
                    # asyncio's own cancellation heeds no shield: a call that waits for a thread would never begin.
                    cancelled = error
                else:
                    break
        if cancelled is not None:
            raise cancelled

    async def _wait_for(self, call: _Call[Any]) -> None:
        limiter = self._limiter()
        try:
            with anyio.move_on_after(self._timeout + _GRACE) as scope:
                await anyio.to_thread.run_sync(call.run, limiter=limiter, abandon_on_cancel=True)
        except BaseException:
            if call.abandon():
                threading.Thread(target=call.take_back, daemon=True).start()
            raise
        if scope.cancelled_caught:
            call.abandon()
            call.error = self._explain()
            if call.thread is not None:
                self._interrupt(call.thread)

    def _limiter(self) -> anyio.CapacityLimiter:
        limiter = self._limiters.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(CALLS)
            self._limiters.set(limiter)
        return limiter


class _Call(Generic[T]):
    """A blocking call, whose caller may go away before it ends."""

    __slots__ = ("_begun", "_done", "_ended", "_gone", "_lock", "_undo", "_work", "error", "result", "thread")

    def __init__(self, work: Callable[[], T], undo: Callable[[T], object] | None) -> None:
        self._work = work
        self._undo = undo
        self._lock = threading.Lock()
        self._begun = False
        self._ended = threading.Event()
        self._done = False
        self._gone = False
        #: What went wrong, in words.
        self.error: str | None = None
        #: The thread that it runs in.
        self.thread: int | None = None
        self.result: T

    def run(self) -> None:
        """In the thread: do it once, or wait until it is done; where the caller has gone meanwhile, take it back."""
        with self._lock:
            is_first, self._begun = not self._begun, True
            if is_first:
                self.thread = threading.get_ident()
        if not is_first:
            self._ended.wait()
            return
        try:
            result = self._work()
        except StoreError as error:
            self.error = self.error or str(error)
            return
        else:
            self.result = result
        finally:
            with self._lock:
                self.thread = None
            self._ended.set()
        if self._end():
            self.take_back()

    def _end(self) -> bool:
        """It is done; whether the caller has gone."""
        with self._lock:
            self._done = True
            return self._gone

    def abandon(self) -> bool:
        """The caller goes away; whether it is left to it to take back what was done."""
        with self._lock:
            self._gone = True
            return self._done and self._undo is not None

    def take_back(self) -> None:
        """In a thread: undo it."""
        if self._undo is not None:
            with suppress(StoreError):
                self._undo(self.result)
