"""A campaign's journal in a store: the same records and seals as in a file, for machines without a disk.

One run has it at a time, by a lease with a token. A run that dies leaves its lease, and when that is over another takes
the journal over, with a new token. The first one, if it is still alive behind a broken network, can then write nothing
down, and so sends nothing more.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import socket
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, cast

from attrs import evolve, frozen

from iletimerkezi_async.errors import ConfigurationError, StoreError
from iletimerkezi_async.results import JournalError

from .records import Journal, Records, State, checksum, describe_sealed, find_misfit, pack, seal
from .seals import account_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

    from .records import Moment, Row


__all__ = ["Entry", "JournalRows", "Place", "StoreJournal", "open_stored"]

T = TypeVar("T")

#: Seconds without a sign of life after which another run may take a journal over.
_LEASE = 120.0
_LONGEST_NAME = 200
_STATES = frozenset(state.value for state in State)
# Those of which more may be learnt.
_UNSETTLED = frozenset(state.value for state in State if not state.is_done)


class Place(NamedTuple):
    """Where a run writes.

    Attributes:
        account: Whose journal it is.
        name: Its name.
        token: The run's.
    """

    account: str
    name: str
    token: str


@frozen(repr=False)
class Entry:
    """An order in a journal, as it is kept.

    Attributes:
        id: Its number in the journal.
        state: The word of its state.
        here: When its attempt began, by the machine's clock.
        there: By the service's.
        entries: Its recipients.
        order_id: The service's id in digits.
        seal: What these come to.
    """

    id: int
    state: str
    here: float
    there: float | None
    entries: bytes
    order_id: str | None
    seal: str

    @property
    def row(self) -> Row:
        """Without the seal."""
        return self.id, self.state, self.here, self.there, self.entries, self.order_id


class JournalRows(ABC):
    """How an engine keeps journals. Each method is one transaction in a worker thread; each but two renews the lease.

    Those that give a `bool` say whether the lease was still the run's. Where it was not, nothing was written.
    """

    @abstractmethod
    def take(self, place: Place, holder: str, lease: float) -> tuple[str, str]:
        """Take a journal, or make it; who holds it, and its terms, which are empty in a new one."""

    @abstractmethod
    def release(self, place: Place) -> object:
        """Leave it to others."""

    @abstractmethod
    def describe(self, place: Place, lease: float, terms: str) -> bool:
        """Write down the terms."""

    @abstractmethod
    def read(self, place: Place, after: int) -> list[Entry]:
        """Some orders, those with the lowest numbers above `after`."""

    @abstractmethod
    def insert(self, place: Place, lease: float, entry: Entry) -> bool:
        """Write down an order. Doing it again changes nothing."""

    @abstractmethod
    def change(self, place: Place, lease: float, entry: Entry) -> bool:
        """Write down what became of an order: all but its recipients."""

    @abstractmethod
    def delete(self, place: Place, lease: float, id: int) -> bool:
        """Strike out an order."""


class _Store(Protocol):
    async def run(self, work: Callable[[], T]) -> T: ...


class StoreJournal:
    """A journal in a store: what `store.journal(name)` gives, and `journal=` takes.

    Args:
        store: Where it is.
        rows: How it is kept.
        name: Its name.

    Raises:
        ConfigurationError: It cannot be a name.
    """

    def __init__(self, store: _Store, rows: JournalRows, name: str) -> None:
        given = cast("object", name)
        if not (isinstance(given, str) and 0 < len(given) <= _LONGEST_NAME and given.isprintable()):
            raise ConfigurationError(f"a journal's name must be text of 1 to {_LONGEST_NAME} printable characters")
        self.store = store
        self.rows = rows
        self.name = name

    def __repr__(self) -> str:
        return f"<StoreJournal {self.name!r} in {self.store!r}>"


class _OpenJournal(Journal):
    """A journal that a run has taken."""

    def __init__(self, journal: StoreJournal, credentials: Credentials) -> None:
        self._journal = journal
        self._credentials = credentials
        self._place = Place(account_of(credentials), journal.name, secrets.token_hex(8))
        #: Known once it is open.
        self.salt = b""
        self._ids = itertools.count(1)
        # Those that may still change.
        self._open: dict[int, Entry] = {}

    def __repr__(self) -> str:
        return f"<journal {self._journal.name!r}>"

    async def open(self, template: Draft, message: Message | None) -> Records:
        """Take the journal, and read what it holds.

        Raises:
            JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
        """
        rows = self._journal.rows
        me = f"process {os.getpid()} on {socket.gethostname()}"
        holder, terms = await self._run(partial(rows.take, self._place, me, _LEASE))
        if holder != me + self._place.token:
            raise self._error(f"is in use by {holder[: -len(self._place.token)]}")
        await self._check_terms(terms, template, message)
        kept: list[Row] = []
        while page := await self._run(partial(self._read, kept[-1][0] if kept else 0)):
            kept += page
        self._ids = itertools.count(kept[-1][0] + 1 if kept else 1)
        return Records(kept)

    async def _check_terms(self, terms: str, template: Draft, message: Message | None) -> None:
        """See that an old journal is of this campaign; a new one is made out to it."""
        kept: dict[str, str] = {}
        with suppress(ValueError):
            kept = dict(json.loads(terms or "{}"))
        if terms and (not kept or kept.pop("checksum", "") != checksum(kept)):
            raise self._error("is damaged")
        self.salt, campaign = describe_sealed(kept, template, message, self._credentials)
        if kept:
            misfit = find_misfit(kept, campaign)
            if misfit:
                raise self._error(misfit)
            return
        campaign["checksum"] = checksum(campaign)
        await self._write(partial(self._journal.rows.describe, self._place, _LEASE, json.dumps(campaign)))

    def _read(self, after: int) -> list[Row]:
        """Some orders, each as it was written down. In a thread, as the seals of large orders take their time."""
        page = self._journal.rows.read(self._place, after)
        for entry in page:
            if entry.seal != self._sealed(entry).seal or entry.state not in _STATES:
                raise self._error("is damaged")
            if entry.state in _UNSETTLED:
                self._open[entry.id] = entry
        return [entry.row for entry in page]

    async def begin(self, entries: Sequence[int], moment: Moment) -> int:
        """See `Journal`."""
        packed = pack(entries)
        # Error trackers print the variables of the frames that an error passes.
        del entries
        entry = self._sealed(Entry(next(self._ids), State.BEGUN.value, moment.here, moment.there, packed, None, ""))
        self._open[entry.id] = entry
        await self._write(partial(self._journal.rows.insert, self._place, _LEASE, entry))
        return entry.id

    async def begin_again(self, record: int, moment: Moment) -> None:
        """See `Journal`."""
        await self._change(evolve(self._open[record], here=moment.here, there=moment.there))

    async def settle(self, record: int, state: State, order_id: int | None = None) -> None:
        """See `Journal`."""
        await self._change(
            evolve(self._open[record], state=state.value, order_id=None if order_id is None else str(order_id))
        )
        if state not in {State.BEGUN, State.DOUBTED}:
            self._open.pop(record, None)

    async def withdraw(self, record: int) -> None:
        """See `Journal`."""
        await self._write(partial(self._journal.rows.delete, self._place, _LEASE, record))
        self._open.pop(record, None)

    async def _change(self, entry: Entry) -> None:
        entry = self._sealed(entry)
        await self._write(partial(self._journal.rows.change, self._place, _LEASE, entry))
        self._open[entry.id] = entry

    def _sealed(self, entry: Entry) -> Entry:
        return evolve(entry, seal=seal(self.salt, *entry.row[1:]))

    async def aclose(self) -> None:
        """Leave it to others. Where that fails, it is free when the lease is over."""
        with suppress(JournalError):
            await self._run(partial(self._journal.rows.release, self._place))

    async def _write(self, work: Callable[[], bool]) -> None:
        if not await self._run(work):
            raise self._error(f"was taken over by another run, as this one wrote nothing for more than {_LEASE:.0f} s")

    async def _run(self, work: Callable[[], T]) -> T:
        reason = ""
        try:
            return await self._journal.store.run(work)
        except StoreError as error:
            reason = f"cannot be used: {error}"
        raise self._error(reason)

    def _error(self, reason: str) -> JournalError:
        return JournalError(f"the journal {self._journal.name!r} {reason}")


@asynccontextmanager
async def open_stored(
    journal: StoreJournal, template: Draft, message: Message | None, credentials: Credentials
) -> AsyncGenerator[tuple[Journal, Records]]:
    """Open a campaign's journal in a store; what it holds of earlier runs comes along.

    Args:
        journal: The journal.
        template: The campaign's terms.
        message: Its text, where it has a single one.
        credentials: The account's.

    Raises:
        JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
    """
    opened = _OpenJournal(journal, credentials)
    try:
        yield opened, await opened.open(template, message)
    finally:
        await opened.aclose()
