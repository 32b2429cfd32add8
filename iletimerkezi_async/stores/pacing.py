"""One rate for all processes of an account."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import anyio
from anyio.lowlevel import RunVar

from iletimerkezi_async.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .base import Store

__all__ = ["StorePacer"]

logger = logging.getLogger("iletimerkezi_async")

# How far ahead a process reserves, in seconds: what it can lose when it dies, and what a caller in its queue can lose
# to those of other processes.
_AHEAD = 0.25
# The part of a second's recipients that is reserved at once where callers are waiting, so that a store that is far away
# is not asked for each.
_SHARE = 10
# Whoever wakes up later than this, in seconds, asks for a new moment: too many could have come meanwhile.
_LATE = 0.1
# Seconds that a caller waits for the store; fewer where it was away, so that the queue is not held up again and again.
_PATIENCE = 2.0
_PATIENCE_AWAY = 0.5
# Seconds by which a pause may end too soon where an engine rounds.
_ROUNDING = 0.001
# Seconds until a store that was away is asked again.
_PAUSE = 5.0


class _Pacer(Protocol):
    async def acquire(self, n: int, /) -> object: ...


class StorePacer:
    """Makes callers wait until as many recipients may be let through, by a moment that the store reserves for them.

    The callers of a process stand in a queue of its own. Only its head reserves, and little ahead, so that a process
    that dies, and callers that give up, leave little unused. What is left of a reservation goes to the next in the
    queue.

    Args:
        store: Where moments are reserved.
        account: Whose rate it is.
        rate: Recipients a second. An order that is larger is a bulk order and passes unpaced.
        alone: Paces where the store is away.
    """

    def __init__(self, store: Store, account: str, rate: float, alone: _Pacer) -> None:
        self._store = store
        self._account = account
        #: Recipients that may pass in a second.
        self.rate = rate
        self._largest = max(1.0, rate)
        self._alone = alone
        # A queue belongs to an event loop.
        self._queues: RunVar[_Queue] = RunVar("callers that wait for a rate")
        self._away_until = 0.0
        # By the monotonic clock.
        self._held_until = 0.0
        self._is_shared = True

    def hold_back(self, seconds: float) -> None:
        """Let nobody of this process pass for so many seconds, as the service asked for it; see `share_pause`."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)
        self._is_shared = False
        hold_back = getattr(self._alone, "hold_back", None)
        if hold_back is not None:
            hold_back(seconds)

    async def share_pause(self) -> None:
        """Tell the other processes of a pause. Where the store is away, they learn of it by themselves."""
        seconds = self._held_until - time.monotonic()
        if self._is_shared or seconds <= 0:
            return
        self._is_shared = True
        with anyio.move_on_after(_PATIENCE):
            try:
                await self._store.hold_back(self._account, seconds + _ROUNDING, self.rate)
            except StoreError as error:
                logger.warning("a pause that the service asked for could not be shared: %s", error)

    async def acquire(self, n: int, /) -> None:
        """Wait until `n` recipients may be sent to."""
        if n > self._largest:
            while (pause := self._held_until - time.monotonic()) > 0:  # noqa: ASYNC110 - it ends by the clock
                await anyio.sleep(pause)
            return
        queue = self._queue()
        while (moment := await self._reserve(queue, n)) is not None:
            await queue.sleep_until(moment, moment, n)
            # Where a pause began meanwhile, the turn is lost.
            if moment >= self._held_until and time.monotonic() - moment <= _LATE:
                return

    async def _reserve(self, queue: _Queue, n: int) -> float | None:
        """The moment for `n` recipients, by this machine's monotonic clock; `None` where they have waited already."""
        async with queue.head(n):
            moment = queue.take(n, self._held_until)
            if moment is not None:
                return moment
            if time.monotonic() >= self._away_until:
                moment = await self._ask(queue, n)
            if moment is not None:
                # The others need not ask before this.
                await queue.sleep_until(moment - _AHEAD, moment, n)
                return moment
        await self._alone.acquire(n)
        return None

    async def _ask(self, queue: _Queue, n: int) -> float | None:
        extra = queue.count_behind(int(self._largest) // _SHARE)
        answer: tuple[float, int] | None = None
        complaint = "the store is slow"
        with anyio.move_on_after(_PATIENCE_AWAY if self._away_until else _PATIENCE):
            try:
                answer = await self._store.reserve(self._account, n, self.rate, extra)
            except StoreError as error:
                complaint = str(error)
        if answer is None:
            if not self._away_until:
                logger.warning("%s; until it is back, each process keeps to the rate by itself", complaint)
            self._away_until = time.monotonic() + _PAUSE
            return None
        if self._away_until:
            logger.info("the store is back: the rate is that of all processes again")
            self._away_until = 0.0
        seconds, more = answer
        moment = time.monotonic() + seconds
        if more:
            queue.spare.append((moment, more))
        return moment

    def _queue(self) -> _Queue:
        queue = self._queues.get(None)
        if queue is None:
            queue = _Queue()
            self._queues.set(queue)
        return queue


class _Queue:
    """The callers of one event loop, and what was reserved and is not used.

    Attributes:
        spare: Moments, and for how many recipients.
    """

    def __init__(self) -> None:
        self.spare: list[tuple[float, int]] = []
        # Gives turns in the order of asking, which is that of the line.
        self._turn = anyio.Lock()
        self._line: dict[object, int] = {}

    @asynccontextmanager
    async def head(self, n: int) -> AsyncGenerator[None]:
        """Stand in line with `n` recipients, and be its head."""
        place = object()
        self._line[place] = n
        try:
            await self._turn.acquire()
        finally:
            del self._line[place]
        try:
            yield
        finally:
            self._turn.release()

    def count_behind(self, most: int) -> int:
        """For how many recipients those behind the head wait, as far as they are the next and not too many."""
        found = 0
        for n in self._line.values():
            if found + n > most:
                break
            found += n
        return found

    async def sleep_until(self, time_to_wake: float, moment: float, n: int) -> None:
        """Sleep; whoever gives up leaves what it has reserved to those behind."""
        try:
            await anyio.sleep(max(0.0, time_to_wake - time.monotonic()))
        except BaseException:
            self.spare.append((moment, n))
            raise

    def take(self, n: int, held_until: float) -> float | None:
        """The earliest unused moment that has room for `n`, is not past and not in a pause."""
        earliest = max(held_until, time.monotonic() - _LATE)
        self.spare = sorted((moment, room) for moment, room in self.spare if moment >= earliest)
        for place, (moment, room) in enumerate(self.spare):
            if room >= n:
                self.spare[place : place + 1] = [(moment, room - n)] if room > n else []
                return moment
        return None
