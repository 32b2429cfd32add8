"""A campaign's journal: which orders were begun, and what became of them, in a log that outlives a crash.

An order is written down before it is sent and after it was answered. A file holds phone numbers, so that it is for its
owner alone. It holds no credential and no text: the marks of texts, which tell one from another, are made with a secret
that the account's API key gives, and the salt that stands in the journal. Each order has a seal, as an engine notices
damage to its own structures alone.

One run has a journal at a time: a file by a lock, which ends with the process; one in a store by a lease, behind which
another run takes it over. The first one, if it is still alive behind a broken network, can then write nothing down, and
so sends nothing more.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import anyio
from attrs import evolve

from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.orders import life, rows
from iletimerkezi_async.orders.driver import Claim
from iletimerkezi_async.orders.life import NO_LEASE
from iletimerkezi_async.orders.pieces import in_thread
from iletimerkezi_async.results import JournalError
from iletimerkezi_async.stores.base import StoreJournal, StoreLog
from iletimerkezi_async.stores.files import choose_path
from iletimerkezi_async.stores.log import Alike, Change, Fence, Name, Row, Scope, State, account_of, draw, mark_numbers
from iletimerkezi_async.stores.sqlite import JournalFile

from .records import Records, checksum, describe_sealed, find_misfit, mark_entries, pack, seal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.stores.base import Store
    from iletimerkezi_async.stores.log import Answer, Evidence, KnownId, Log, Undo
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

__all__ = ["Journal", "is_there", "open_journal"]

# Seconds without a write after which another run may take over a journal in a store.
_LEASE = 120.0
# The years 2001 and 2096, in seconds since 1970.
_SINCE, _UNTIL = 1e9, 4e9


class Journal:
    """A campaign's journal that this run has.

    Args:
        store: Where it is kept.
        name: Its name there.
        credentials: The account's.
        others: A store that knows of orders which this one does not.
    """

    def __init__(self, store: Store, name: Name, credentials: Credentials, others: Store | None) -> None:
        #: Keys the fingerprints of texts. It is made of the account's API key and kept nowhere, so that whoever has
        #: the journal alone cannot try out which text a fingerprint may be of.
        self.salt = b""
        self._spelt, self._lease = f"the journal {name.name!r}", _LEASE
        if isinstance(store, JournalFile):
            # It is its process's alone until that has ended.
            self._spelt, self._lease = store.spelt, NO_LEASE
        self._name = name
        self._credentials = credentials
        self._log = _SealedLog(store, self)
        self._keep = max(StoreLog(store).keep, life.DOUBT_KEPT)
        self._token = f"{draw()} process {os.getpid()} on {socket.gethostname()}"
        self._parts = itertools.count(1)
        self._ahead = 0.0
        self._began = time.monotonic()
        self._seal = credentials.derive("store content")
        self._evidence: Evidence = self._log
        if others is not None and others is not store:
            self._evidence = _Both(self._log, StoreLog(others), account_of(credentials))

    def __repr__(self) -> str:
        return f"<Journal {self._spelt}>"

    # Opening and closing.

    async def open(self, template: Draft, message: Message | None) -> Records:
        """Take it, or make it, and read what it holds.

        Args:
            template: The campaign's terms.
            message: Its text, where it has a single one.

        Raises:
            JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
        """
        with self._complaints():
            answer = await self._log.read(self._name)
            terms = self._check_terms(answer.row, template, message)
            mine = Row(self._name, 0, draw(), self._token, State.CLAIMED, checksum(terms))
            mine = evolve(mine, entries=json.dumps(terms).encode())
            outcome = await rows.claim(self._log, mine, self._lease, self._keep)
            if isinstance(outcome, life.Busy):
                holder = (answer.token or "").partition(" ")[2] or "another run"
                raise self.error(f"is in use by {holder}")
            if not isinstance(outcome, rows.Granted):
                raise self.error("was made for another campaign")
            self._ahead = outcome.now - time.time()
            return await self._read()

    def _check_terms(self, zero: Row | None, template: Draft, message: Message | None) -> dict[str, str]:
        """See that an old journal is of this campaign; a new one is made out to it."""
        kept: dict[str, str] = {}
        if zero is not None and zero.entries is not None:
            kept = dict(json.loads(zero.entries))
            if checksum(kept) != zero.content:
                raise ValueError
        self.salt, campaign = describe_sealed(kept, template, message, self._credentials)
        misfit = find_misfit(kept, campaign) if kept else ""
        if misfit:
            raise self.error(misfit)
        return campaign

    async def _read(self) -> Records:
        records = Records()
        last = 0
        while page := await self._log.page(self._name, last):
            last = page[-1].part
            await self._check(page)
            for row in page:
                if row.state is not State.FREE:
                    records.append(row)
        self._parts = itertools.count(last + 1)
        return records

    async def _check(self, page: Sequence[Row]) -> None:
        """See that each order is as it was written down."""
        if not all(row.token == seal(row, self.salt) and _is_dated(row) for row in page):
            raise ValueError
        for row in page:
            if row.entries is None:
                if row.state is not State.FREE:
                    raise ValueError
            elif row.content != await in_thread(row.recipients, mark_entries, row.entries, self.salt):
                raise ValueError

    async def aclose(self) -> None:
        """Leave it to others. Where that fails, it is free when the lease is over."""
        if self._lease <= 0:
            return
        with suppress(StoreError):
            row = (await self._log.read(self._name)).row
            if row is not None and row.token == self._token:
                await self._log.swap(row, life.release(row, draw(), self._keep))

    # Its orders.

    async def claim(self, lookups: Lookups, draft: Draft, entries: Sequence[int], row: Row | None) -> Claim:
        """Claim an order: an earlier run's, or a new one, which is written down as its first attempt is about to leave.

        Args:
            lookups: What knows the service's clock.
            draft: What it carries.
            entries: Its recipients as integers.
            row: As it is kept, where an earlier run wrote it down.
        """
        is_new = row is None
        if row is None:
            packed = pack(entries)
            # Error trackers print the variables of the frames that an error passes.
            del entries
            content = await in_thread(draft.recipients, mark_entries, packed, self.salt)
            mark = await in_thread(draft.recipients, mark_numbers, draft, self._seal)
            row = Row(self._name, next(self._parts), draw(), "", State.CLAIMED, content, mark, draft.recipients)
            row = evolve(row, entries=packed)
        return Claim(
            self._log, row, self.now, lookups,
            lease=self._lease if self._lease > 0 else float("inf"), keep=self._keep,
            evidence=self._evidence, fence=self._fence, is_new=is_new, began=self._began,
        )  # fmt: skip

    async def write(self, claim: Claim, change: Change) -> None:
        """Write down what became of an order that was claimed.

        Raises:
            JournalError: That cannot be done, or another run has the journal by now.
        """
        with self._complaints():
            if not await claim.write(change):
                raise self.overtaken()

    async def write_taken(self, claim: Claim, order_id: int | None, note: KnownId | None) -> None:
        """Write down that the service has an order.

        Raises:
            JournalError: That cannot be done, or another run has the journal by now.
        """
        with self._complaints():
            row = await claim.settle_taken(order_id, note=note)
            if row is None or row.state is not State.SENT:
                raise self.overtaken()

    @property
    def now(self) -> float:
        """The time by its clock."""
        return time.time() + self._ahead

    def complaint(self, error: StoreError) -> JournalError:
        """What says that it could not be written."""
        told = str(error)
        return JournalError(told) if told.startswith(self._spelt) else self.error(f"cannot be used: {told}")

    def error(self, reason: str) -> JournalError:
        """What names it, and says so."""
        return JournalError(f"{self._spelt} {reason}")

    def overtaken(self) -> JournalError:
        """What says that another run has it."""
        return self.error(f"was taken over by another run, as this one wrote nothing for more than {_LEASE:.0f} s")

    def _fence(self) -> Fence:
        return Fence(self._token, draw(), self._lease, self._keep)

    @contextmanager
    def _complaints(self) -> Generator[None]:
        error: JournalError | None = None
        try:
            yield
        except StoreError as reason:
            error = self.complaint(reason)
        except (ValueError, TypeError):
            error = self.error("is damaged, or not a journal")
        if error is not None:
            raise error


class _SealedLog(StoreLog):
    """A log that seals the orders of a journal, in the place of a token: the journal itself has one for all."""

    def __init__(self, store: Store, journal: Journal) -> None:
        super().__init__(store)
        self._journal = journal

    async def insert(self, change: Change, fence: Fence | None = None, *, undo: Undo | None = None) -> Answer:
        """See `Log`."""
        return await super().insert(self._sealed(change), fence, undo=self._sealing(undo))

    async def swap(self, old: Row, change: Change, fence: Fence | None = None, *, undo: Undo | None = None) -> Answer:
        """See `Log`."""
        return await super().swap(old, self._sealed(change), fence, undo=self._sealing(undo))

    def _sealed(self, change: Change) -> Change:
        if not change.row.part:
            return change
        return evolve(change, row=evolve(change.row, token=seal(change.row, self._journal.salt)))

    def _sealing(self, undo: Undo | None) -> Undo | None:
        if undo is None:
            return None

        def sealed(answer: Answer) -> Change | None:
            back = undo(answer)
            return None if back is None else self._sealed(back)

        return sealed


class _Both:
    """What a journal and a store know together.

    Args:
        log: The journal's.
        others: The store's.
        account: What stands for the account in the store.
    """

    def __init__(self, log: Log, others: Log, account: str) -> None:
        self._log, self._others, self._account = log, others, account

    async def alike(self, row: Row, since: float, until: float) -> Alike:
        """See `Log`."""
        here = await self._log.alike(row, since, until)
        there = await self._others.alike(evolve(row, name=Name(self._account, Scope.PLAIN, "")), since, until)
        return Alike(here.open + there.open, here.order_ids | there.order_ids)

    async def known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]:
        """See `Log`."""
        here = await self._log.known_between(account, since, until)
        return [*here, *await self._others.known_between(self._account, since, until)]


def _is_dated(row: Row) -> bool:
    """Whether its times, which the log writes by itself, are of this century."""
    return all(_SINCE < each.local < _UNTIL for each in (row.first, row.last) if each is not None)


def is_there(journal: str | os.PathLike[str] | StoreJournal | None) -> bool:
    """Whether a journal may hold what an earlier run has sent.

    Raises:
        ConfigurationError: It is neither a path nor a store's journal.
    """
    if journal is None or isinstance(journal, StoreJournal):
        return journal is not None
    # What cannot be looked at is not there; opening it tells why.
    return os.path.exists(choose_path(journal, "journal"))  # noqa: PTH110 - `Path.exists` raises where it cannot look


@asynccontextmanager
async def open_journal(
    journal: str | os.PathLike[str] | StoreJournal | None,
    template: Draft,
    message: Message | None,
    credentials: Credentials,
    others: Store | None,
) -> AsyncGenerator[tuple[Journal | None, Records]]:
    """Open a campaign's journal; what it holds of earlier runs comes along.

    Args:
        journal: A path, a store's journal, or none.
        template: The campaign's terms.
        message: Its text, where it has a single one.
        credentials: The account's.
        others: The client's store, which knows of other orders.

    Raises:
        JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
    """
    if journal is None:
        yield None, Records()
        return
    if isinstance(journal, StoreJournal):
        opened = Journal(
            journal.store, Name(account_of(credentials), Scope.CAMPAIGN, journal.name), credentials, others
        )
        try:
            yield opened, await opened.open(template, message)
        finally:
            with anyio.CancelScope(shield=True):
                await opened.aclose()
        return
    file = JournalFile(choose_path(journal, "journal"))
    try:
        # The account is among the terms: a file has one campaign.
        opened = Journal(file, Name("", Scope.CAMPAIGN, ""), credentials, others)
        yield opened, await opened.open(template, message)
    finally:
        await file.aclose()
