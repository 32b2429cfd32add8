"""The base of all stores, and a store as a log."""

# ruff: noqa: SLF001 - a store and its log are one; users see the store alone
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

from iletimerkezi_async.errors import ConfigurationError, StoreError

from .log import draw
from .threads import Later, Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from typing_extensions import Self

    from .log import Answer, Change, Fence, KnownId, Name, Row, Undo


T = TypeVar("T")

#: Seconds. If the rate's next moment is further ahead, it is ignored: a clock was set back. Pauses are half as long.
FAR = 240
# Seconds between two deletions of old rows, where the engine does not delete them itself.
_SWEEP_SECONDS = 600.0
_LONGEST_NAME = 200

_stores: weakref.WeakSet[Store] = weakref.WeakSet()
# Connections of a parent process. Garbage collection would close them, which SQLite forbids, and the parent uses them.
_inherited: list[object] = []


def _after_fork() -> None:
    for store in tuple(_stores):
        _inherited.append(store.leave_to_parent())
        store._late_ids.leave_to_parent()


if hasattr(os, "register_at_fork"):
    # Right after the fork: a lock that a thread of the parent holds stays locked in the child.
    os.register_at_fork(after_in_child=_after_fork)


class Store(ABC):
    """The data that the processes and machines of an account share.

    Use `SqliteStore`, `PostgresStore` or `RedisStore`. One store may serve several accounts and several clients. It may
    be made outside of a running event loop, and used in several loops and after a fork. It connects on first use, and
    is closed by `aclose` or `async with`; a client never closes it.

    Args:
        keep: Time for which a key is kept after its last change.
        timeout: Seconds that one request to the store may take. After that the store counts as away (`StoreError`).

    Raises:
        ConfigurationError: An argument is not valid.
    """

    def __init__(self, *, keep: timedelta, timeout: float) -> None:
        self._keep = _check_keep(keep)
        self._timeout = _check_timeout(timeout)
        #: Whether it is being closed, and takes no more requests; whether it is closed.
        self._leaving = False
        self._closed = False
        self._sweep_at = 0.0
        self._worker_threads = Threads(self._timeout, self._interrupt, self._explain_silence)
        self._late_ids: Later[tuple[str, KnownId, float]] = Later(self._note_late)
        _stores.add(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Later calls raise `StoreError`. A second call does nothing."""
        if not self._leaving:
            self._leaving = True
            # A connection that hangs is closed when it answers.
            with suppress(StoreError):
                await self._worker_threads.run(self._finish_and_close, shield=True)

    def _finish_and_close(self) -> None:
        """Finish and close in a thread, in one call: between two calls the caller could be cancelled."""
        self._worker_threads.join()
        # These ids may be lost: other processes then look for the orders.
        with suppress(StoreError):
            self._late_ids.flush()
        self._closed = True
        self._close()

    # One rate.

    async def reserve(self, account: str, seconds: float, delay: float) -> float:
        """Reserve the account's next free interval of its rate.

        Args:
            account: The account.
            seconds: The interval's length; 0 only moves later intervals behind the delay.
            delay: Seconds from now until the interval may begin, at most two minutes; negative for the past.

        Returns:
            The interval's beginning, by the monotonic clock.

        Raises:
            StoreError: The store is away.
        """
        # The clock is read after the answer, and in the thread, as the event loop may be busy when the answer comes.
        return await self._ask(lambda: self._reserve(account, seconds, delay) + time.monotonic())

    # Campaigns.

    def journal(self, name: str) -> StoreJournal:
        """A campaign's journal in this store, for `journal=` of `send_bulk`; made on first use.

        It holds the recipients' numbers, and no text. It is deleted `keep` after its last use, but not within eleven
        days.

        Args:
            name: Its name, of 1 to 200 printable characters. All runs under one name must be of the same campaign.

        Raises:
            ConfigurationError: The name cannot be one, or this kind of store keeps no journals.
        """
        raise ConfigurationError(
            f"{type(self).__name__} cannot keep the journal {name!r}: use PostgresStore or SqliteStore"
        )

    # Implemented by each engine, and run in the worker threads. Each is one transaction, or one script.

    @abstractmethod
    def _write(self, old: Row | None, change: Change, fence: Fence | None) -> Answer: ...

    @abstractmethod
    def _read(self, name: Name, part: int) -> Answer: ...

    @abstractmethod
    def _page(self, name: Name, after: int) -> Sequence[Row]: ...

    @abstractmethod
    def _alike(self, row: Row, since: float, until: float) -> Sequence[int | None]: ...

    @abstractmethod
    def _known_ids(self, account: str, order_ids: Sequence[int]) -> frozenset[int]: ...

    @abstractmethod
    def _known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]: ...

    @abstractmethod
    def _note_ids(self, account: str, known: Sequence[KnownId]) -> None: ...

    def _sweep_rows(self) -> None:  # noqa: B027 - some engines do it themselves
        """Delete rows and ids that expired long ago."""

    @abstractmethod
    def _reserve(self, account: str, seconds: float, delay: float) -> float:
        """Reserve an interval; return the seconds until it begins."""

    @abstractmethod
    def _close(self) -> None: ...

    @abstractmethod
    def leave_to_parent(self) -> object:
        """After a fork, in the child: forget the parent's locks and connections without touching them; give these."""

    def _interrupt(self, thread: int) -> None:  # noqa: B027 - most drivers' own limits are enough
        """End a thread's wait for the server, where the driver's own timeouts do not."""

    def _explain_silence(self) -> str:
        return f"{self!r} did not answer within {self._timeout:g} s"

    @property
    def _place(self) -> object:
        """A value that is equal for stores with the same rows, such as two runs' stores for one journal file."""
        return id(self)

    # Common to all engines.

    async def _ask(
        self, work: Callable[[], T], *, finish: bool = False, undo: Callable[[T], object] | None = None
    ) -> T:
        """Do a piece of work in a worker thread; see `Threads.run`."""
        if self._leaving:
            raise StoreError("the store has been closed")
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_SECONDS
            work = partial(self._sweep_first, work)
        return await self._worker_threads.run(work, finish=finish, undo=undo)

    def _sweep_first(self, work: Callable[[], T]) -> T:
        with suppress(StoreError):
            self._sweep_rows()
        return work()

    def _note_late(self, notes: Sequence[tuple[str, KnownId, float]]) -> None:
        """In a thread: note ids in the background."""
        now = time.monotonic()
        for account in {account for account, _, _ in notes}:
            known = [each._replace(age=each.age + now - at) for owner, each, at in notes if owner == account]
            self._note_ids(account, known)
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEEP_SECONDS
            with suppress(StoreError):
                self._sweep_rows()


class StoreJournal:
    """A campaign's journal in a store: made by `store.journal(name)`, for `journal=`.

    Args:
        store: The store.
        name: The journal's name.

    Raises:
        ConfigurationError: The name cannot be one.
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
    """A store as a log, which keeps rows. Two logs are equal if their stores keep the same rows.

    Each method raises `StoreError` if the store is away.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        #: Seconds for which a key is kept after its last change.
        self.keep = store._keep

    async def write(
        self, old: Row | None, change: Change, fence: Fence | None = None, *, undo: Undo | None = None
    ) -> Answer:
        """Replace a row if it still has its version, or insert one if its name and part are free.

        Args:
            old: The row as it was read; `None` if there is none.
            change: Its next version.
            fence: For a part of a campaign.
            undo: Reverts the write of a cancelled caller; without it, the write is made in any case.
        """
        write = self._store._write
        work = partial(write, old, change, fence)
        if undo is None:
            return await self._store._ask(work, finish=True)

        def revert(answer: Answer) -> None:
            back = undo(answer)
            if back is not None:
                write(answer.row, back, fence and fence._replace(version=draw()))

        return await self._store._ask(work, undo=revert)

    async def read(self, name: Name, part: int = 0) -> Answer:
        """Read one row."""
        return await self._store._ask(partial(self._store._read, name, part))

    async def page(self, name: Name, after: int) -> Sequence[Row]:
        """Read the next parts of a campaign, with numbers above `after`; none at the end."""
        return await self._store._ask(partial(self._store._page, name, after))

    async def alike(self, row: Row, since: float, until: float) -> Sequence[int | None]:
        """Find look-alikes: orders to the same numbers that may have been taken at about the same time.

        They are the other rows with this mark whose first attempt was before `until`, and the last after `since`.

        Returns:
            The id of each; `None` if it is not known.
        """
        return await self._store._ask(partial(self._store._alike, row, since, until))

    async def known(self, account: str, order_ids: Collection[int]) -> frozenset[int]:
        """Give those of the ids that are known."""
        return await self._store._ask(partial(self._store._known_ids, account, tuple(order_ids)))

    async def known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]:
        """Give all ids that became known in an interval."""
        return await self._store._ask(partial(self._store._known_between, account, since, until))

    def note_later(self, account: str, known: KnownId) -> None:
        """Note an id in the background. It never delays the caller, and may be lost with the process."""
        if not self._store._leaving:
            self._store._late_ids.add((account, known, time.monotonic()))

    @property
    def is_away(self) -> bool:
        """Whether the store was away within the last seconds: then skip optional requests."""
        return self._store._late_ids.is_paused

    def note_away(self) -> None:
        """Remember for some seconds that the store is away."""
        self._store._late_ids.pause()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreLog) and other._store._place == self._store._place

    def __hash__(self) -> int:
        return hash(self._store._place)


def _check_keep(keep: object) -> float:
    if isinstance(keep, timedelta) and keep >= timedelta(hours=1):
        return keep.total_seconds()
    raise ConfigurationError("`keep` must be a timedelta of at least an hour, such as timedelta(days=30)")


def _check_timeout(timeout: object) -> float:
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and 0 < timeout < math.inf:
        return float(timeout)
    raise ConfigurationError("`timeout` must be a positive number of seconds")
