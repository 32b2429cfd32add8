"""A log in memory: what the engines have to do, in its simplest form."""

from __future__ import annotations

import os
import time
import weakref
from threading import Lock
from typing import TYPE_CHECKING

from attrs import evolve

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.stores.log import Answer, KnownId, Name, Row, State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from iletimerkezi_async.stores.log import Change, Fence, Undo

__all__ = ["MemoryLog"]

# Seconds between two looks at what is over, and for which an id stays known: longer than a live look-up needs.
_SWEEP_SECONDS = 60.0
_KNOWN_SECONDS = 1800.0
# Of a hundred orders a second, all of that time.
_MOST_KNOWN = 200_000
_LISTED = frozenset({State.BEGUN, State.SENT, State.UNKNOWN})

_logs: weakref.WeakSet[MemoryLog] = weakref.WeakSet()


def _after_fork() -> None:
    for log in tuple(_logs):
        log.forget()


if hasattr(os, "register_at_fork"):
    # What the parent sends is not the child's.
    os.register_at_fork(after_in_child=_after_fork)


class MemoryLog:
    """Rows and known ids of one process, over all of its event loops."""

    def __init__(self) -> None:
        self.forget()
        _logs.add(self)

    def forget(self) -> None:
        """Be empty."""
        self._lock = Lock()
        self._rows: dict[tuple[Name, int], Row] = {}
        self._by_mark: dict[str, set[tuple[Name, int]]] = {}
        self._known: dict[int, KnownId] = {}
        self._sweep_at = 0.0

    async def write(
        self, old: Row | None, change: Change, fence: Fence | None = None, *, undo: Undo | None = None
    ) -> Answer:
        """See `StoreLog`."""
        del undo
        return self._write(None if old is None else old.version, change, fence)

    async def read(self, name: Name, part: int = 0) -> Answer:
        """See `StoreLog`."""
        with self._lock:
            return self._answer(name, part, time.time())

    async def page(self, name: Name, after: int) -> Sequence[Row]:
        """See `StoreLog`."""
        with self._lock:
            parts = [row for (other, part), row in self._rows.items() if other == name and part > after]
        return sorted(parts, key=lambda row: row.part)

    async def alike(self, row: Row, since: float, until: float) -> Sequence[int | None]:
        """See `StoreLog`."""
        with self._lock:
            others = [self._rows[place] for place in self._by_mark.get(row.mark, ()) if place != (row.name, row.part)]
        return [other.order_id for other in others if _overlaps(other, row, since, until)]

    async def known(self, account: str, order_ids: Collection[int]) -> frozenset[int]:
        """See `StoreLog`; a client has one account."""
        del account
        return frozenset(each for each in order_ids if each in self._known)

    async def known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]:
        """See `StoreLog`."""
        del account
        with self._lock:
            return [each for each in self._known.values() if since <= each.at.local <= until]

    def note_later(self, account: str, known: KnownId) -> None:
        """See `StoreLog`; at once."""
        del account
        with self._lock:
            self._note(known, time.time())

    def _write(self, old: str | None, change: Change, fence: Fence | None) -> Answer:
        with self._lock:
            now, row = time.time(), change.row
            self._sweep(now)
            zero = self._rows.get((row.name, 0))
            there = self._rows.get((row.name, row.part))
            holds = fence is None or (zero is not None and zero.token == fence.token)
            if holds and (None if there is None else there.version) == old:
                if fence is not None and zero is not None:
                    self._put(_renewed(zero, fence, now))
                self._put(_made(change, now))
                if change.note is not None:
                    self._note(change.note, now)
            return self._answer(row.name, row.part, now)

    def _put(self, row: Row) -> None:
        place = (row.name, row.part)
        self._rows[place] = row
        self._by_mark.setdefault(row.mark, set()).add(place)

    def _answer(self, name: Name, part: int, now: float) -> Answer:
        zero = self._rows.get((name, 0))
        return Answer(self._rows.get((name, part)), now, None if zero is None else zero.token)

    def _note(self, known: KnownId, now: float) -> None:
        there = self._known.get(known.order_id)
        if there is None:
            there = known._replace(at=Moment(now - known.age, known.at.service))
        self._known[known.order_id] = there._replace(scheduled=known.scheduled or there.scheduled)
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _sweep(self, now: float) -> None:
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP_SECONDS
        over = {name for (name, part), row in self._rows.items() if part == 0 and row.expires_at <= now}
        for place in [place for place in self._rows if place[0] in over]:
            row = self._rows.pop(place)
            alike = self._by_mark[row.mark]
            alike.discard(place)
            if not alike:
                del self._by_mark[row.mark]
        for order_id in [each.order_id for each in self._known.values() if each.at.local <= now - _KNOWN_SECONDS]:
            del self._known[order_id]


def _made(change: Change, now: float) -> Row:
    row = change.row
    first, last = row.first, row.last
    if change.first_now:
        first = Moment(now, None if first is None else first.service)
    if change.last_now:
        last = Moment(now, None if last is None else last.service)
    return evolve(row, first=first, last=last, lease_until=now + change.lease, expires_at=now + change.keep)


def _renewed(zero: Row, fence: Fence, now: float) -> Row:
    return evolve(zero, version=fence.version, lease_until=now + fence.lease, expires_at=now + fence.keep)


def _overlaps(other: Row, row: Row, since: float, until: float) -> bool:
    """Whether a row may be in the reports beside another one."""
    if other.name.account != row.name.account or other.state not in _LISTED:
        return False
    return (
        other.first is not None and other.last is not None and other.first.local <= until and other.last.local >= since
    )
