"""What is kept of an order, and how a log is asked for it.

A log keeps rows. A row is inserted where its place is free, and swapped for another one where its version is still the
one that was read: whoever was overtaken swaps nothing. A version is drawn anew for each change, so that it is both
fence and signature. Every write answers the row that is there now, with the log's time: it was done where that row has
the version that was written. A question whose answer is lost is asked again as it is, with the same version.

No log knows what may become of an order: that is decided by `orders.life`.
"""

from __future__ import annotations

import os
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from attrs import frozen

from iletimerkezi_async.clocks import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

__all__ = [
    "KNOWN_SECONDS",
    "Alike",
    "Answer",
    "Change",
    "Evidence",
    "Fence",
    "KnownId",
    "Log",
    "Name",
    "Row",
    "Scope",
    "State",
    "Undo",
    "draw",
]


#: Seconds for which an order's id is remembered as known: longer than anybody looks for a lost one.
KNOWN_SECONDS = 11 * 86_400.0
# What a log puts its own time into.
_NOW = Moment(0.0)


class Scope(str, Enum):
    """What a name is the name of."""

    KEY = "key"
    """A send with a key."""
    CAMPAIGN = "campaign"
    """A campaign, of which each order is a part."""
    PLAIN = "plain"
    """A send without a key, whose name means nothing."""


class State(str, Enum):
    """What is known of an order."""

    FREE = "free"
    """Struck out: as if there were no row."""
    CLAIMED = "claimed"
    """Somebody is about to send it; nothing has left."""
    BEGUN = "begun"
    """It was about to be sent, or was."""
    SENT = "sent"
    """The service has it; its id may be unknown."""
    UNKNOWN = "unknown"
    """It may or may not have been taken."""
    REFUSED = "refused"
    """Of a campaign: the service refuses its one recipient."""
    DUPLICATE = "duplicate"
    """Of a campaign: the service refused it as a duplicate of somebody else's order."""


class Name(NamedTuple):
    """What several rows of one campaign share, and the row of a key has to itself.

    Attributes:
        account: A hash of the API key.
        scope: What kind of name it is.
        name: The key, or the campaign's name.
    """

    account: str
    scope: Scope
    name: str


@frozen(repr=False)
class Row:
    """One order, as it is kept.

    Attributes:
        name: What it belongs to.
        part: Its number in a campaign, from 1; 0 for the campaign itself, and for a send of its own.
        version: Drawn anew for each change.
        token: Drawn anew for each claim.
        state: What is known of it.
        content: A keyed fingerprint of all that is sent.
        mark: A keyed fingerprint of the numbers alone, which is all that reports show.
        recipients: How many messages it holds.
        first: The first attempt that may have been taken; its local clock is the log's.
        last: The last one.
        order_id: The service's id, where it is known.
        entries: Of a campaign: whom the order is for; of part 0, its terms.
        lease_until: Until when it is its owner's alone, by the log's clock.
        expires_at: Until when it counts, likewise.
    """

    name: Name
    part: int
    version: str
    token: str
    state: State
    content: str
    mark: str = ""
    recipients: int = 0
    first: Moment | None = None
    last: Moment | None = None
    order_id: int | None = None
    entries: bytes | None = None
    lease_until: float = 0.0
    expires_at: float = 0.0

    def __repr__(self) -> str:
        return f"<Row {self.name.scope.value} part {self.part}: {self.state.value}>"


@frozen
class KnownId:
    """An id that an answer has told.

    Attributes:
        order_id: The id.
        at: When; its local clock is the log's, which tells it as the id is noted.
        scheduled: Whether its times in lists prove nothing: it was to be sent later, or a look-up has told its id.
        cancelled: Whether it was cancelled.
        age: Seconds that have passed since then as it is noted; of a look-up's, since the order's first attempt.
    """

    order_id: int
    at: Moment = _NOW
    scheduled: bool = False
    cancelled: bool = False
    age: float = 0.0


@frozen
class Change:
    """What a row is to become.

    Attributes:
        row: All of it but its lease and expiry. Times that become now keep the service's clock that stands there.
        lease: Seconds from now.
        keep: Seconds from now until it expires.
        first_now: Whether its first attempt is now.
        last_now: Whether its last one is.
        durable: Whether it must be on the disk before it is answered.
        note: An id that becomes known by the same write.
    """

    row: Row
    lease: float
    keep: float
    first_now: bool = False
    last_now: bool = False
    durable: bool = True
    note: KnownId | None = None


@frozen
class Fence:
    """Lets a part of a campaign be written only by the run that has the campaign, and renews its lease.

    Its lease is renewed where the part is written, and not otherwise: a question that is asked again, or done late,
    would give part 0 a version that it had before.

    Attributes:
        token: The run's.
        version: What part 0 gets by this write.
        lease: Seconds from now.
        keep: Likewise.
        seal: What stands in the place of the part's token; the campaign has one for all.
    """

    token: str
    version: str
    lease: float
    keep: float
    seal: Callable[[Row], str] = attrgetter("token")


@frozen
class Answer:
    """What stands in a log after a question.

    Attributes:
        row: The row that is there now, if there is one.
        now: The log's time.
        token: The token of part 0, if there is one.
    """

    row: Row | None
    now: float
    token: str | None = None

    def has(self, version: str) -> bool:
        """Whether a write with this version was done."""
        return self.row is not None and self.row.version == version


@frozen
class Alike:
    """The orders to the very same numbers, at times that overlap.

    Attributes:
        open: How many of them may be in the reports without their ids being known.
        order_ids: The ids of the others.
    """

    open: int
    order_ids: frozenset[int]


class Undo(Protocol):
    """Tells, of an answer that nobody waits for any more, how to take back what was done; `None` where nothing was."""

    def __call__(self, answer: Answer, /) -> Change | None:
        """Decide; it is called in a worker thread."""
        ...


class Evidence(Protocol):
    """What a log knows of other orders than one that is looked for."""

    async def alike(self, row: Row, since: float, until: float) -> Alike:
        """The other rows with its mark that were first tried before `until`, and last after `since`."""
        ...

    async def known_between(self, account: str, since: float, until: float) -> Sequence[KnownId]:
        """All ids that became known then."""
        ...


class Log(Evidence, Protocol):
    """Where rows are kept. Each method raises `StoreError` where it cannot be asked."""

    async def insert(self, change: Change, fence: Fence | None = None, *, undo: Undo | None = None) -> Answer:
        """Insert a row where its place is free.

        Args:
            change: The row.
            fence: For a part of a campaign.
            undo: Takes it back where the caller was cancelled; without it, it is done in any case.
        """
        ...

    async def swap(self, old: Row, change: Change, fence: Fence | None = None, *, undo: Undo | None = None) -> Answer:
        """Put a row into the place of another, where that still has its version.

        Args:
            old: The row as it was read.
            change: What it is to become.
            fence: As for `insert`.
            undo: As for `insert`.
        """
        ...

    async def read(self, name: Name, part: int = 0) -> Answer:
        """Read one row."""
        ...

    async def page(self, name: Name, after: int) -> Sequence[Row]:
        """Read some parts of a campaign, those with the lowest numbers above `after`; none at the end."""
        ...

    async def known(self, account: str, order_ids: Collection[int]) -> frozenset[int]:
        """Which of these ids are known."""
        ...

    async def note(self, account: str, known: Sequence[KnownId]) -> None:
        """Make ids known; their times are the log's own."""
        ...


def draw() -> str:
    """A new version or token. From the system, as processes that were forked draw the same numbers otherwise."""
    return os.urandom(8).hex()
