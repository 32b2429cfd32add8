"""What every store does."""

# ruff: noqa: SLF001 - a store and its log are one, of which users see the store alone
# pyright: reportPrivateUsage=false

from __future__ import annotations

import math
import os
import time
import weakref
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from attrs import evolve

from iletimerkezi_async.errors import ConfigurationError, StoreError

from .log import draw
from .threads import Later, Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from .log import Alike, Answer, Change, Fence, KnownId, Name, Row, Undo

__all__ = ["FAR", "Store", "StoreJournal", "StoreLog"]

T = TypeVar("T")

#: Seconds. A moment of the rate further ahead is left of a clock that was set back: a pause is at most half as long.
FAR = 240
# How often what is too old is deleted, where the engine does not do it itself.
_SWEEP_SECONDS = 600.0
_LONGEST_NAME = 200

_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _after_fork() -> None:
    for store in tuple(_stores):
        store.leave_to_parent()
        store._late_ids.leave_to_parent()


if hasattr(os, "register_at_fork"):
    # At once, as a thread of the parent may hold a lock that nobody will ever release in the child.
    os.register_at_fork(after_in_child=_after_fork)


class Store(ABC):
    """Where the processes and machines of an account meet. Use `SqliteStore`, `PostgresStore` or `RedisStore`.

    One store may serve several accounts and several clients. It may be made outside of a running event loop, used in
    several, and used after a fork. It connects on first use, and is closed by `aclose` or `async with`; a client never
    closes it.

    Args:
        keep: For how long a key is remembered after its last change.
        timeout: Seconds that one question to the store may take. After that it counts as away (`StoreError`).

    Raises:
        ConfigurationError: An argument cannot work.
    """

    def __init__(self, *, keep: timedelta, timeout: float) -> None:
        self._keep = _check_keep(keep)
        self._timeout = _check_timeout(timeout)
        #: Whether nobody may ask anything any more, as it is being closed; and whether it is.
        self._leaving = False
        self._closed = False
        self._sweep_at = 0.0
        self._worker_threads = Threads(self._timeout, self._interrupt, self._explain_silence)
        self._late_ids: Later[tuple[str, KnownId, float]] = Later(self._note_late)
        _stores.add(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Later calls raise `StoreError`. Twice is once."""
        if not self._leaving:
            self._leaving = True
            # One that hangs is closed when it answers.
            with suppress(StoreError):
                await self._worker_threads.run(self._finish_and_close, shield=True)

    def _finish_and_close(self) -> None:
        """In one piece of work, as the caller may be cancelled between two."""
        self._worker_threads.join()
        # What is lost here, others have to find out.
        with suppress(StoreError):
            self._late_ids.flush()
        self._closed = True
        self._close()

    # One rate.

    async def reserve(self, account: str, seconds: float, delay: float) -> float:
        """Reserve an account's next free stretch of time, in the order of asking.

        Args:
            account: Whose rate it is.
            seconds: How long it is; with none, it only moves what follows behind the delay.
            delay: It begins no sooner than in so many seconds, at most two minutes; negative: so many ago.

        Returns:
            When it begins, by the monotonic clock.

        Raises:
            StoreError: The store is away.
        """

        def ask() -> float:
            wait = self._reserve(account, seconds, delay)
            # In the thread, as the event loop may be busy when the answer comes.
            return time.monotonic() + wait

        return await self._threads().run(ask)

    # Campaigns.

    def journal(self, name: str) -> StoreJournal:
        """A campaign's journal in this store, for `journal=` of `send_bulk`; made on first use.

        It holds the recipients' numbers, and no text. It is deleted after `keep` without use, at the earliest after
        eleven days.

        Args:
            name: Its name, of 1 to 200 printable characters; what goes on under it must be the same campaign.

        Raises:
            ConfigurationError: It cannot be a name, or this kind of store keeps no journals.
        """
        raise ConfigurationError(
            f"{type(self).__name__} keeps no journal of {name!r}: take PostgresStore or SqliteStore"
        )

    def sweep_and(self, work: Callable[[], T]) -> T:
        """In a worker thread: delete what is too old, whatever the store is used for, and do a piece of work."""
        if self._is_sweep_due():
            with suppress(StoreError):
                self._sweep_rows()
        return work()

    # In the worker threads. Each is one transaction, or one script.

    @abstractmethod
    def _write(self, old: Row | None, change: Change, fence: Fence | None) -> Answer: ...

    @abstractmethod
    def _read(self, name: Name, part: int) -> Answer: ...

    @abstractmethod
    def _page(self, name: Name, after: int) -> Sequence[Row]: ...

    @abstractmethod
    def _alike(self, row: Row, since: float, until: float) -> Alike: ...

    @abstractmethod
    def _known_ids(self, account: str, order_ids: Sequence[int]) -> frozenset[int]: ...

    @abstractmethod
    def _known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]: ...

    @abstractmethod
    def _note_ids(self, account: str, known: Sequence[KnownId]) -> None: ...

    def _sweep_rows(self) -> None:  # noqa: B027 - some engines do it themselves
        """Delete what has been over for long."""

    @abstractmethod
    def _reserve(self, account: str, seconds: float, delay: float) -> float:
        """Reserve a stretch of time; seconds until it begins."""

    @abstractmethod
    def _close(self) -> None: ...

    @abstractmethod
    def leave_to_parent(self) -> None:
        """After a fork, in the child: forget locks and connections, and touch none of them. They are the parent's."""

    def _interrupt(self, thread: int) -> None:  # noqa: B027 - most drivers' own limits are enough
        """End what a thread is waiting for, where the driver's own limits do not."""

    def _explain_silence(self) -> str:
        return f"{self!r} did not answer within {self._timeout:g} s"

    def _note_late(self, notes: Sequence[tuple[str, KnownId, float]]) -> None:
        """In a thread of its own: note ids that no caller waits for."""
        now = time.monotonic()
        for account in {account for account, _, _ in notes}:
            known = [evolve(each, age=each.age + now - at) for owner, each, at in notes if owner == account]
            self.sweep_and(partial(self._note_ids, account, known))

    def _threads(self) -> Threads:
        if self._leaving:
            raise StoreError("the store has been closed")
        return self._worker_threads

    def _is_sweep_due(self) -> bool:
        """Whether what is too old should be deleted now."""
        now = time.monotonic()
        if now < self._sweep_at:
            return False
        self._sweep_at = now + _SWEEP_SECONDS
        return True


class StoreJournal:
    """A campaign's journal in a store: what `store.journal(name)` gives, and `journal=` takes.

    Args:
        store: Where it is.
        name: Its name.

    Raises:
        ConfigurationError: It cannot be a name.
    """

    def __init__(self, store: Store, name: str) -> None:
        given = cast("object", name)
        if not (isinstance(given, str) and 0 < len(given) <= _LONGEST_NAME and given.isprintable()):
            raise ConfigurationError(f"a journal's name must be text of 1 to {_LONGEST_NAME} printable characters")
        self.store = store
        self.name = name

    def __repr__(self) -> str:
        return f"<StoreJournal {self.name!r} in {self.store!r}>"


class StoreLog:
    """The log that a store keeps, asked in its worker threads; see `Log`.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def keep(self) -> float:
        """Seconds for which a key is kept after its last change."""
        return self._store._keep

    async def insert(self, change: Change, fence: Fence | None = None, *, undo: Undo | None = None) -> Answer:
        """See `Log`."""
        return await self._write(None, change, fence, undo)

    async def swap(self, old: Row, change: Change, fence: Fence | None = None, *, undo: Undo | None = None) -> Answer:
        """See `Log`."""
        return await self._write(old, change, fence, undo)

    async def read(self, name: Name, part: int = 0) -> Answer:
        """See `Log`."""
        return await self._run(partial(self._store._read, name, part))

    async def page(self, name: Name, after: int) -> Sequence[Row]:
        """See `Log`."""
        return await self._run(partial(self._store._page, name, after))

    async def alike(self, row: Row, since: float, until: float) -> Alike:
        """See `Log`."""
        return await self._run(partial(self._store._alike, row, since, until))

    async def known(self, account: str, order_ids: Collection[int]) -> frozenset[int]:
        """See `Log`."""
        return await self._run(partial(self._store._known_ids, account, tuple(order_ids)))

    async def known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]:
        """See `Log`."""
        return await self._run(partial(self._store._known_between, account, since, until))

    async def note(self, account: str, known: Sequence[KnownId]) -> None:
        """See `Log`."""
        await self._run(partial(self._store._note_ids, account, known))

    def note_later(self, account: str, known: KnownId) -> None:
        """Make an id known, soon; nothing waits for it, and it may be lost with the process."""
        if not self._store._leaving:
            self._store._late_ids.add((account, known, time.monotonic()))

    @property
    def is_away(self) -> bool:
        """Whether the store was away a moment ago; what can do without need not ask it again yet."""
        return self._store._late_ids.is_paused

    def note_away(self) -> None:
        """Take note that the store is away."""
        self._store._late_ids.pause()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreLog) and other._store is self._store

    def __hash__(self) -> int:
        return hash(self._store)

    async def _write(self, old: Row | None, change: Change, fence: Fence | None, undo: Undo | None) -> Answer:
        def write(old: Row | None, change: Change, fence: Fence | None) -> Answer:
            if fence is not None:
                change = evolve(change, row=evolve(change.row, token=fence.seal(change.row)))
            return self._store._write(old, change, fence)

        def take_back(answer: Answer) -> None:
            back = None if undo is None else undo(answer)
            if back is not None and answer.row is not None:
                write(answer.row, back, fence and evolve(fence, version=draw()))

        if undo is None:
            return await self._run(partial(write, old, change, fence), finish=True)
        return await self._run(partial(write, old, change, fence), undo=take_back)

    async def _run(
        self, work: Callable[[], T], *, finish: bool = False, undo: Callable[[T], object] | None = None
    ) -> T:
        return await self._store._threads().run(partial(self._store.sweep_and, work), finish=finish, undo=undo)


def _check_keep(keep: object) -> float:
    if isinstance(keep, timedelta) and keep >= timedelta(hours=1):
        return keep.total_seconds()
    raise ConfigurationError("`keep` must be a timedelta of at least an hour, such as timedelta(days=30)")


def _check_timeout(timeout: object) -> float:
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and 0 < timeout < math.inf:
        return float(timeout)
    raise ConfigurationError("`timeout` must be a positive number of seconds")
