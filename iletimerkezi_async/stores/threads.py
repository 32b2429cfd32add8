"""Calls a store's blocking driver from asyncio and trio.

The drivers are the blocking ones, as their asynchronous ones know no trio. They run in worker threads that no other
part of the application uses, so that a store that is slow takes none of the application's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from iletimerkezi_async.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CALLS", "Later", "Threads"]

logger = logging.getLogger("iletimerkezi_async")

T = TypeVar("T")

#: Blocking calls of one store at once, in each event loop: threads, and connections.
CALLS = 8
# What the driver's own limit gets on top, so that it is the driver that gives up, and says why.
_GRACE = 1.0
# What nothing waits for: so many at the most, and so many seconds until a store that was away is asked again.
_MOST_LATE = 10_000
_PAUSE = 5.0


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
        self._under_way: set[_Call[Any]] = set()
        #: What callers left behind who were cancelled.
        self._left: set[threading.Thread] = set()
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
        self._under_way.add(call)
        try:
            await (self._see_through(call) if shield else self._wait_for(call))
        except BaseException:
            self._leave(call, finish=finish)
            raise
        finally:
            self._under_way.discard(call)
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
        with anyio.move_on_after(self._timeout + _GRACE) as scope:
            await anyio.to_thread.run_sync(call.run, limiter=self._limiter(), abandon_on_cancel=True)
        if scope.cancelled_caught:
            self._leave(call, finish=False)
            call.error = self._explain()
            if call.thread is not None:
                self._interrupt(call.thread)

    def join(self) -> None:
        """Wait, in a call's thread, for all other calls that have begun, also those of cancelled callers.

        One that takes too long is not waited for.
        """
        for call in tuple(self._under_way):
            if call.thread not in {None, threading.get_ident()}:
                call.wait(self._timeout)
        for thread in tuple(self._left):
            thread.join(self._timeout)

    def _leave(self, call: _Call[Any], *, finish: bool) -> None:
        """The caller has gone, and the store may hang: have the call ended, or taken back, behind it."""
        if not finish and not call.abandon():
            return

        def end() -> None:
            try:
                call.end(finish=finish)
            finally:
                self._left.discard(thread)

        thread = threading.Thread(target=end, daemon=True)
        self._left.add(thread)
        thread.start()

    def _limiter(self) -> anyio.CapacityLimiter:
        limiter = self._limiters.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(CALLS)
            self._limiters.set(limiter)
        return limiter


class _Call(Generic[T]):
    """A blocking call, whose caller may go away before it ends."""

    __slots__ = ("_begun", "_ended", "_is_done", "_lock", "_undo", "_work", "error", "result", "thread")

    def __init__(self, work: Callable[[], T], undo: Callable[[T], object] | None) -> None:
        self._work = work
        self._undo = undo
        self._lock = threading.Lock()
        self._begun = False
        self._ended = threading.Event()
        self._is_done = False
        #: What went wrong, in words.
        self.error: str | None = None
        #: The thread that it runs in.
        self.thread: int | None = None
        self.result: T

    def run(self) -> None:
        """In a thread: do it once, or wait until it is done."""
        with self._lock:
            is_first, self._begun = not self._begun, True
            if is_first:
                self.thread = threading.get_ident()
        if not is_first:
            self._ended.wait()
            return
        try:
            self.result = self._work()
            self._is_done = True
        except StoreError as error:
            self.error = self.error or str(error)
        finally:
            with self._lock:
                self.thread = None
            self._ended.set()

    def wait(self, timeout: float) -> None:
        """Wait until it has ended."""
        self._ended.wait(timeout)

    def abandon(self) -> bool:
        """The caller goes away: what has not begun never will; whether what has is to be taken back."""
        with self._lock:
            if not self._begun:
                self._begun = True
                self._ended.set()
                return False
        return self._undo is not None

    def end(self, *, finish: bool) -> None:
        """In a thread: see it done, and take it back where that is known how."""
        if finish:
            self.run()
        self._ended.wait()
        if self._undo is not None and self._is_done:
            with suppress(StoreError):
                self._undo(self.result)


class Later(Generic[T]):
    """Work that nothing waits for, done by one thread at a time; what comes meanwhile is done all at once.

    While the store is away it is kept, as far as there is room, and tried again when more comes after a pause.

    Args:
        work: Does it, in a thread; raises `StoreError` where the store is away.
    """

    def __init__(self, work: Callable[[Sequence[T]], object]) -> None:
        self._work = work
        self._paused_until = 0.0
        self.leave_to_parent()

    def leave_to_parent(self) -> None:
        """After a fork, in the child: forget what the parent does."""
        self._lock = threading.Lock()
        self._waiting: deque[T] = deque(maxlen=_MOST_LATE)
        self._thread: threading.Thread | None = None

    @property
    def is_paused(self) -> bool:
        """Whether the store was away a moment ago."""
        return time.monotonic() < self._paused_until

    def pause(self) -> None:
        """Ask nothing for a moment: the store is away."""
        self._paused_until = time.monotonic() + _PAUSE

    def add(self, item: T) -> None:
        """Do this, too."""
        with self._lock:
            self._waiting.append(item)
            if self._thread is not None or self.is_paused:
                return
            self._thread = threading.Thread(target=self._run, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # At the end of a process there are no new threads, and under a limit for a while.
            self._thread = None

    def flush(self) -> None:
        """In a thread: do what is left, unless the store is away."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join()
        elif self._waiting and not self.is_paused:
            self._run()

    def _run(self) -> None:
        while True:
            with self._lock:
                items = [*self._waiting]
                self._waiting.clear()
                if not items:
                    self._thread = None
                    return
            try:
                self._work(items)
            except StoreError as error:
                self.pause()
                logger.warning("ids of orders could not be shared yet: %s", error)
                with self._lock:
                    self._waiting.extendleft(reversed(items))
                    self._thread = None
                return
