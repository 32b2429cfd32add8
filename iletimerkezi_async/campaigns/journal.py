"""A campaign's journal: the orders that were begun, and their outcomes, in a log that survives a crash.

An order is written down before it is sent and after it was answered. A journal holds phone numbers, so a file is
readable for its owner alone. It holds no credential and no text: fingerprints of texts are keyed with a secret derived
from the account's API key and a salt in the journal. Each order has a seal (a checksum), as an engine detects damage to
its own structures only.

Only one run owns a journal at a time. A file is locked, until the process ends. A journal in a store has a lease, after
which another run may take it over. If the first run is still alive behind a broken network, it then cannot write, and
so sends nothing more.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import secrets
import socket
import time
from array import array
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio
from attrs import evolve

from iletimerkezi_async.errors import StoreError
from iletimerkezi_async.orders import life
from iletimerkezi_async.orders.driver import Claim, OvertakenError
from iletimerkezi_async.orders.life import NO_LEASE
from iletimerkezi_async.orders.pieces import TimeSlice, in_thread
from iletimerkezi_async.results import JournalError
from iletimerkezi_async.stores.base import StoreJournal, StoreLog
from iletimerkezi_async.stores.log import Change, Fence, Name, Row, Scope, State, account_of, draw, mark_numbers
from iletimerkezi_async.stores.sqlite import JournalFile, choose_path
from iletimerkezi_async.wire.credentials import Body

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.orders.lookup import Lookups
    from iletimerkezi_async.stores.base import Store
    from iletimerkezi_async.stores.log import Answer, KnownId
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

#: States of orders that are finished.
DONE = frozenset({State.SENT, State.REFUSED})
# Seconds without a write after which another run may take over a journal in a store.
_LEASE = 120.0
# The range of plausible times: the years 2001 and 2096, in seconds since 1970.
_SINCE, _UNTIL = 1e9, 4e9
# The name of a run in the errors of other runs.
_HOLDER = "process {} on {}"
# Open journal files, each with its process, as a forked child inherits those of its parent.
_open_here: set[tuple[int, str]] = set()


class Journal(StoreLog):
    """A campaign's journal, owned by this run: a log that knows the orders of the client's store, too.

    Args:
        store: Where it is kept.
        name: Its name there.
        credentials: The account's.
        others: The client's store, which may know of other orders.
    """

    def __init__(self, store: Store, name: Name, credentials: Credentials, others: Store | None) -> None:
        super().__init__(store)
        #: The key for fingerprints of texts. It is derived from the account's API key and stored nowhere, so that texts
        #: cannot be guessed from the journal alone.
        self.salt = b""
        self._spelt, self._lease = f"the journal {name.name!r}", _LEASE
        if isinstance(store, JournalFile):
            # Locked until the process ends, so that no lease is needed.
            self._spelt, self._lease = store.spelt, NO_LEASE
        self._name = name
        self._credentials = credentials
        self._others = None if others is None or others is store else StoreLog(others)
        self._account = account_of(credentials)
        self.keep = max(self.keep, life.DOUBT_KEPT)
        self.token = f"{draw()} {_HOLDER.format(os.getpid(), socket.gethostname())}"
        self._is_new = True
        self._parts = itertools.count(1)
        self._ahead = 0.0
        self._began = time.monotonic()
        self._seal = credentials.derive("store content")

    def __repr__(self) -> str:
        return f"<Journal {self._spelt}>"

    # Opening and closing.

    async def open(self, template: Draft, message: Message | None) -> None:
        """Create it, or take it over.

        Args:
            template: The campaign's terms.
            message: Its text, if it has a single one.

        Raises:
            JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
        """
        with self.complaints():
            mine = self._zero(self._describe(secrets.token_bytes(16), template, message))
            change = Change(mine, self._lease, self.keep, durable=False)
            answer = await self.write(None, change, undo=self._release)
            if not answer.has(mine.version):
                self._is_new = False
                answer = await self._take(template, message)
            self._ahead = answer.now - time.time()

    async def _take(self, template: Draft, message: Message | None) -> Answer:
        """Take over an existing journal of this campaign."""
        answer = await self.read(self._name)
        if answer.row is None or answer.row.entries is None:
            raise ValueError
        kept: dict[str, str] = dict(json.loads(answer.row.entries))
        if checksum(kept) != answer.row.content:
            raise ValueError
        terms = self._describe(bytes.fromhex(kept["salt"]), template, message)
        misfit = find_misfit(kept, terms)
        if misfit:
            raise self.error(misfit)
        mine = self._zero(terms)
        change = life.claim(answer.row, answer.now, mine, self._lease, self.keep)
        if isinstance(change, Change):
            answer = await self.write(answer.row, change, undo=self._release)
        if not answer.has(mine.version):
            raise self.error(f"is in use by {_spell_holder(answer.token or '')}")
        return answer

    def _describe(self, salt: bytes, template: Draft, message: Message | None) -> dict[str, str]:
        """The terms that identify the campaign, by the words that errors use for them, and the salt."""
        self.salt = self._credentials.derive("journal", salt)
        return {
            "account": f"{fingerprint('account', self.salt):016x}",
            "kind of campaign": "one text" if message else "several texts",
            "sender": template.sender,
            "consent choice": template.iys.value,
            "schedule": template.send_at.isoformat() if template.send_at else "at once",
            "text": f"{fingerprint(message.text if message else '', self.salt):016x}",
            "salt": salt.hex(),
        }

    def _zero(self, terms: Mapping[str, str]) -> Row:
        """The row of the campaign itself."""
        entries = json.dumps(terms).encode()
        return Row(self._name, 0, draw(), self.token, State.CLAIMED, checksum(terms), entries=entries)

    async def read_orders(self, remember: Callable[[Row], object]) -> None:
        """Read the orders of earlier runs, check each, and pass it to `remember`.

        Raises:
            JournalError: It is damaged, or cannot be read.
        """
        if self._is_new:
            return
        last = 0
        time_slice = TimeSlice()
        with self.complaints():
            while page := await self.page(self._name, last):
                last = page[-1].part
                for row in page:
                    await in_thread(row.recipients, self._read_row, row, remember)
                    await time_slice.end()
        self._parts = itertools.count(last + 1)

    def _read_row(self, row: Row, remember: Callable[[Row], object]) -> None:
        """Check an order against its seal, and pass it on, unless its row was freed."""
        content = None if row.entries is None else mark_entries(row.entries, self.salt)
        is_free = row.state is State.FREE
        if row.token != seal(row, self.salt) or not _is_dated(row) or content != (None if is_free else row.content):
            raise ValueError
        if not is_free:
            remember(row)

    async def aclose(self) -> None:
        """Close its file, or end its lease in a store. If that fails, the lease expires."""
        if isinstance(self._store, JournalFile):
            await self._store.aclose()
            return
        with suppress(StoreError):
            answer = await self.read(self._name)
            change = self._release(answer)
            if change is not None:
                await self.write(answer.row, change)

    def _release(self, answer: Answer) -> Change | None:
        """The change that ends the lease, if this run holds it."""
        row = answer.row
        return life.release(row, draw(), self.keep) if row is not None and row.token == self.token else None

    # Its orders.

    async def claim(
        self, lookups: Lookups, draft: Draft, row: Row | None, entries: Callable[[Draft], Sequence[int]]
    ) -> Claim:
        """Claim an order; a new one is written down just before its first attempt.

        Args:
            lookups: The shared state of the client's searches.
            draft: The order's content.
            row: Its row, if it has been written down.
            entries: Turns its recipients into integers.
        """
        is_new = row is None
        if row is None:
            row = await in_thread(draft.recipients, self._new_row, draft, entries)
        return Claim(
            self, row, self.now, lookups,
            lease=self._lease if self._lease > 0 else float("inf"), fence=self._fence, is_new=is_new, began=self._began,
        )  # fmt: skip

    def _new_row(self, draft: Draft, entries: Callable[[Draft], Sequence[int]]) -> Row:
        packed = pack(entries(draft))
        content, mark = mark_entries(packed, self.salt), mark_numbers(draft, self._seal)
        part = next(self._parts)
        return Row(self._name, part, draw(), "", State.CLAIMED, content, mark, draft.recipients, entries=packed)

    async def alike(self, row: Row, since: float, until: float) -> Sequence[int | None]:
        """See `StoreLog`; also those in the client's store."""
        alike = await super().alike(row, since, until)
        if self._others is None:
            return alike
        there = evolve(row, name=Name(self._account, Scope.PLAIN, ""))
        return [*alike, *await self._others.alike(there, since, until)]

    async def known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]:
        """See `StoreLog`; also those in the client's store."""
        known = await super().known_between(account, since, until)
        if self._others is None:
            return known
        return [*known, *await self._others.known_between(self._account, since, until)]

    @property
    def now(self) -> float:
        """The time by its store's clock."""
        return time.time() + self._ahead

    def error(self, reason: str) -> JournalError:
        """An error that names the journal."""
        return JournalError(f"{self._spelt} {reason}")

    def _fence(self) -> Fence:
        return Fence(self.token, draw(), self._lease, self.keep, partial(seal, salt=self.salt))

    @contextmanager
    def complaints(self, damage: tuple[type[Exception], ...] = (ValueError, TypeError)) -> Generator[None]:
        """Turn errors about the journal into a `JournalError` that names it.

        Args:
            damage: Exceptions that mean that the data read is damaged.

        Raises:
            JournalError: It is damaged, cannot be used, or another run has taken it over.
        """
        error: JournalError | None = None
        try:
            yield
        except StoreError as reason:
            told = str(reason)
            error = JournalError(told) if told.startswith(self._spelt) else self.error(f"cannot be used: {told}")
        except OvertakenError:
            error = self.error(f"was taken over by another run, as this run wrote nothing for more than {_LEASE:.0f} s")
        except damage:
            error = self.error("is damaged, or not a journal")
        if error is not None:
            raise error


def _is_dated(row: Row) -> bool:
    """Whether a row's times, which its seal does not cover, are plausible."""
    return all(_SINCE < each.local < _UNTIL for each in (row.first, row.last) if each is not None)


def is_there(journal: str | os.PathLike[str] | StoreJournal | None) -> bool:
    """Whether a journal exists already, and may hold orders of earlier runs.

    Raises:
        ConfigurationError: It is neither a path nor a store's journal.
    """
    if journal is None or isinstance(journal, StoreJournal):
        return journal is not None
    # A path that cannot be accessed counts as missing; opening it raises the error.
    return os.path.exists(choose_path(journal, "journal"))  # noqa: PTH110 - `Path.exists` raises where it cannot look


def _spell_holder(token: str) -> str:
    """Name the run that holds a journal, given the journal's token."""
    holder = token.partition(" ")[2]
    is_here = holder == _HOLDER.format(os.getpid(), socket.gethostname())
    if is_here:
        return f"{holder}, which is this process: an earlier call has not ended (in a notebook: restart the kernel)"
    return holder or "another run"


@asynccontextmanager
async def open_journal(
    journal: str | os.PathLike[str] | StoreJournal | None,
    template: Draft,
    message: Message | None,
    credentials: Credentials,
    others: Store | None,
) -> AsyncGenerator[Journal | None]:
    """Open a campaign's journal.

    Args:
        journal: A path, a store's journal, or none.
        template: The campaign's terms.
        message: Its text, if it has a single one.
        credentials: The account's.
        others: The client's store, which knows of other orders.

    Raises:
        JournalError: It was made for another campaign, is damaged, in use by another run, or cannot be written.
    """
    if journal is None:
        yield None
        return
    if isinstance(journal, StoreJournal):
        store, name, file = journal.store, Name(account_of(credentials), Scope.CAMPAIGN, journal.name), ""
    else:
        store = JournalFile(journal)
        # The name is empty, as a file has one campaign, whose terms include the account.
        name, file = Name("", Scope.CAMPAIGN, ""), store.path
    opened = Journal(store, name, credentials, others)
    mine = os.getpid(), file
    if mine in _open_here:
        raise opened.error(f"is in use by {_spell_holder(opened.token)}")
    if file:
        _open_here.add(mine)
    try:
        await opened.open(template, message)
        yield opened
    finally:
        try:
            with anyio.CancelScope(shield=True):
                await opened.aclose()
        finally:
            _open_here.discard(mine)


# The contents of a journal: the campaign's terms, and each order's recipients and seal.


def fingerprint(text: str, salt: bytes) -> int:
    """A 64-bit fingerprint of a text, useless without the key."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
    return int.from_bytes(digest, "big")


def checksum(values: Mapping[str, str]) -> str:
    """A checksum of a campaign's terms, so that damage is not taken for another campaign."""
    return hashlib.blake2b(repr(sorted(values.items())).encode(), digest_size=8).hexdigest()


def find_misfit(kept: Mapping[str, str], campaign: Mapping[str, str]) -> str:
    """The reason why a journal does not fit a campaign; empty if it fits.

    Args:
        kept: The terms in the journal.
        campaign: The campaign's.
    """
    if kept.get("account") != campaign["account"]:
        # Without the account's key, nothing else can be compared.
        return (
            "was made for another account: use the API key of the first run (if that key was replaced, the panel's "
            "reports show who was texted: begin a new journal with the recipients who were not)"
        )
    others = [name for name in campaign if kept.get(name) != campaign[name]]
    return f"was made for another {' and another '.join(others)}" if others else ""


def seal(row: Row, salt: bytes) -> str:
    """A keyed checksum of an order's values, which shows damage to any of them.

    The log's own times are not covered, as the log sets them.
    """
    times = [None if each is None else each.service for each in (row.first, row.last)]
    values = repr((row.part, row.state.value, row.content, row.mark, row.recipients, times, row.order_id))
    return hashlib.blake2b(values.encode(), digest_size=8, key=salt).hexdigest()


def mark_entries(entries: bytes, salt: bytes) -> str:
    """A keyed checksum of an order's entries, which is the order's content."""
    return hashlib.blake2b(entries, digest_size=16, key=salt).hexdigest()


def pack(entries: Sequence[int]) -> Body:
    """An order's entries as bytes."""
    return Body(array("Q", entries).tobytes())


def unpack(entries: bytes) -> Sequence[int]:
    """The entries in bytes made by `pack`."""
    unpacked = array("Q")
    unpacked.frombytes(entries)
    return unpacked
