"""Worker threads: blocking drivers, called from asyncio and trio.

The asynchronous drivers do not support trio, so the blocking ones are used. The library has threads of its own, so that
a slow store takes none from the application.
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


logger = logging.getLogger("iletimerkezi_async")

T = TypeVar("T")

#: Limit of one store's simultaneous blocking calls in each event loop, and so of its threads and connections.
CALLS = 8
# Seconds added to a driver's own timeout, so that the driver gives up first, with its reason.
_GRACE = 1.0
# Background work: the limit of items kept, and the seconds until a store that was away is asked again.
_MAX_WAITING = 10_000
_PAUSE = 5.0


class Threads:
    """The worker threads of one store.

    Args:
        timeout: Seconds that a call may take, the wait for a thread included.
        interrupt: Ends a thread's wait for the server, where the driver's own timeouts do not.
        explain: Makes the message of a call that took too long.
    """

    def __init__(self, timeout: float, interrupt: Callable[[int], object], explain: Callable[[], str]) -> None:
        self._timeout = timeout
        self._interrupt = interrupt
        self._explain = explain
        self._under_way: set[_Call[Any]] = set()
        #: Threads that end the calls of cancelled callers.
        self._left: set[threading.Thread] = set()
        # A limiter belongs to one event loop.
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
            shield: A cancelled caller waits until the call has ended.
            finish: The call is made even if its caller is cancelled; the caller does not wait.
            undo: Reverts the call of a cancelled caller, given its result.

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
            # Not from the driver's own error, which may hold the statement with its values.
            raise StoreError(call.error)
        return call.result

    async def _see_through(self, call: _Call[Any]) -> None:
        cancelled: BaseException | None = None
        with anyio.CancelScope(shield=True):
            while True:
                try:
                    await self._wait_for(call)
                except anyio.get_cancelled_exc_class() as error:
                    # asyncio's own cancellation ignores the shield: a call that waits for a thread would never begin.
                    cancelled = error
                else:
                    break
        if cancelled is not None:
            raise cancelled

    async def _wait_for(self, call: _Call[Any]) -> None:
        limiter = self._limiters.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(CALLS)
            self._limiters.set(limiter)
        with anyio.move_on_after(self._timeout + _GRACE) as scope:
            await anyio.to_thread.run_sync(call.run, limiter=limiter, abandon_on_cancel=True)
        if scope.cancelled_caught:
            self._leave(call, finish=False)
            call.error = self._explain()
            if call.thread is not None:
                self._interrupt(call.thread)

    def join(self) -> None:
        """In a call's thread: wait for all other calls that have begun, at most `timeout` seconds for each."""
        for call in tuple(self._under_way):
            if call.thread not in {None, threading.get_ident()}:
                call.wait(self._timeout)
        for thread in tuple(self._left):
            thread.join(self._timeout)

    def _leave(self, call: _Call[Any], *, finish: bool) -> None:
        """End or revert a cancelled caller's call in a thread of its own, as the store may hang."""
        if not finish and not call.abandon():
            return

        def end() -> None:
            try:
                call.end()
            finally:
                self._left.discard(thread)

        thread = threading.Thread(target=end, daemon=True)
        self._left.add(thread)
        thread.start()


class _Call(Generic[T]):
    """A blocking call, whose caller may be cancelled before it ends."""

    __slots__ = ("_is_done", "_is_over", "_lock", "_undo", "_work", "error", "result", "thread")

    def __init__(self, work: Callable[[], T], undo: Callable[[T], object] | None) -> None:
        self._work = work
        self._undo = undo
        # Held while the call runs.
        self._lock = threading.Lock()
        #: Whether the call was made or abandoned; and whether it has a result.
        self._is_over = self._is_done = False
        #: The failure, in words.
        self.error: str | None = None
        #: The thread that runs the call.
        self.thread: int | None = None
        self.result: T

    def run(self) -> None:
        """In a thread: make the call, unless it was made or abandoned; if another thread makes it, wait for its end."""
        with self._lock:
            if self._is_over:
                return
            self._is_over, self.thread = True, threading.get_ident()
            try:
                self.result = self._work()
                self._is_done = True
            except StoreError as error:
                self.error = self.error or str(error)
            finally:
                self.thread = None

    def abandon(self) -> bool:
        """Prevent a cancelled caller's call from beginning; if it has begun, tell whether to revert it."""
        if self._lock.acquire(blocking=False):
            is_new, self._is_over = not self._is_over, True
            self._lock.release()
            if is_new:
                return False
        return self._undo is not None

    def wait(self, timeout: float) -> None:
        """Wait for the end of a call that runs."""
        if self._lock.acquire(timeout=timeout):
            self._lock.release()

    def end(self) -> None:
        """In a thread: make the call, unless it was abandoned or made; then revert it if it can be reverted."""
        self.run()
        if self._undo is not None and self._is_done:
            with suppress(StoreError):
                self._undo(self.result)


class Later(Generic[T]):
    """Background work, done by one thread at a time; items that arrive meanwhile are done together.

    While the store is away the newest 10,000 items are kept. They are tried again when an item arrives after a pause.

    Args:
        work: Does items, in a thread; raises `StoreError` if the store is away.
    """

    def __init__(self, work: Callable[[Sequence[T]], object]) -> None:
        self._work = work
        self._paused_until = 0.0
        self.leave_to_parent()

    def leave_to_parent(self) -> None:
        """After a fork, in the child: forget the parent's items and thread."""
        self._lock = threading.Lock()
        self._waiting: deque[T] = deque(maxlen=_MAX_WAITING)
        self._thread: threading.Thread | None = None

    @property
    def is_paused(self) -> bool:
        """Whether the store was away within the last seconds."""
        return time.monotonic() < self._paused_until

    def pause(self) -> None:
        """Ask the store nothing for some seconds."""
        self._paused_until = time.monotonic() + _PAUSE

    def add(self, item: T) -> None:
        """Queue an item."""
        with self._lock:
            self._waiting.append(item)
            if self._thread is not None or self.is_paused:
                return
            self._thread = threading.Thread(target=self._run, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # A process that ends, or has reached a limit, starts no new threads.
            self._thread = None

    def flush(self) -> None:
        """In a thread: do the items that are left, unless the store is away."""
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
                logger.warning("the ids of orders could not be written to the store yet: %s", error)
                with self._lock:
                    self._waiting.extendleft(reversed(items))
                    self._thread = None
                return
