"""The record of an order, and the values that are written into a log and read from it.

A log (`base.StoreLog`) keeps rows. `write` adds a row if its name and part are free, or replaces a row if its version
is still the one that was read. Each change gets a new random version, so a caller that was overtaken changes nothing.
Every write returns the row that is in the log afterwards, with the log's time: the write succeeded if that row has the
new version. If an answer is lost, the same write is repeated with the same version.

A log has no rules about orders: those are in `orders.life`.
"""

from __future__ import annotations

import hashlib
import os
from enum import Enum
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson
from attrs import frozen

from iletimerkezi_async.clocks import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iletimerkezi_async.wire.credentials import Body, Credentials
    from iletimerkezi_async.wire.draft import Draft


#: Seconds for which the id of an order stays known: longer than lost orders are searched for.
KNOWN_SECONDS = 11 * 86_400.0
# Replaced by the log's own time.
_NOW = Moment(0.0)


class Scope(str, Enum):
    """The kind of a name."""

    KEY = "key"
    """A send with a key."""
    CAMPAIGN = "campaign"
    """A campaign, of which each order is a part."""
    PLAIN = "plain"
    """A send without a key; the name has no meaning."""


class State(str, Enum):
    """The state of an order."""

    FREE = "free"
    """Not sent: as if there were no row."""
    CLAIMED = "claimed"
    """A call is about to send it; no attempt has left."""
    BEGUN = "begun"
    """An attempt was about to leave, or has left."""
    SENT = "sent"
    """The service has it; its id may be unknown."""
    UNKNOWN = "unknown"
    """It may or may not have been taken."""
    REFUSED = "refused"
    """Of a campaign: the service refuses its one recipient."""
    DUPLICATE = "duplicate"
    """Of a campaign: the service refused it as a duplicate of an order outside of the campaign."""


class Name(NamedTuple):
    """The name of a row: one for each key, and one for all rows of a campaign. Its fields are columns.

    Attributes:
        account: A hash of the API key and of the service's address.
        scope: The kind of the name.
        name: The key, or the campaign's name.
    """

    account: str
    scope: Scope
    name: str


@frozen(repr=False)
class Row:
    """The record of one order.

    Attributes:
        name: Its name.
        part: Its number in a campaign, from 1; 0 for the campaign itself, and for a key.
        version: Drawn anew for each change.
        token: Drawn anew for each claim.
        state: Its state.
        content: A keyed fingerprint of the whole order.
        mark: A keyed fingerprint of the numbers alone, as reports show nothing else.
        recipients: The number of messages.
        first: The first attempt that may have been taken; its local clock is the log's.
        last: The last such attempt.
        order_id: The service's id, if it is known.
        entries: Of a campaign: the recipients; of part 0, the campaign's terms.
        lease_until: The end of its owner's lease, by the log's clock.
        expires_at: The time from which it does not count any more, likewise.
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


class KnownId(NamedTuple):
    """The id of one of our orders.

    Attributes:
        order_id: The id.
        at: The time of its answer; its local part is by the log's clock, and set by the log when the id is noted.
        scheduled: Whether its times in lists prove nothing: it is scheduled, or its id was found by a look-up.
        age: Seconds since the answer when the id is noted; of an id found by a look-up, since the first attempt.
    """

    order_id: int
    at: Moment = _NOW
    scheduled: bool = False
    age: float = 0.0


class Change(NamedTuple):
    """A row's next version.

    Attributes:
        row: The row, but for its lease and expiry.
        lease: Seconds from now until the lease is over.
        keep: Seconds from now until the row expires.
        first_now: Whether the log sets the local time of `first` to now.
        last_now: Whether it does so with `last`.
        durable: Whether the change must be on disk before it is answered.
        note: An id that becomes known by the same write.
    """

    row: Row
    lease: float
    keep: float
    first_now: bool = False
    last_now: bool = False
    durable: bool = True
    note: KnownId | None = None


class Fence(NamedTuple):
    """A condition for writing a part of a campaign: the run still holds the campaign. The write renews the lease.

    The lease is renewed only with a part that is written. Otherwise a repeated or late write would give part 0 an
    earlier version.

    Attributes:
        token: The run's token, which part 0 must have.
        version: The new version of part 0.
        lease: Seconds from now.
        keep: Likewise.
        seal: Makes the part's token, as the run has one token for all parts.
    """

    token: str
    version: str
    lease: float
    keep: float
    seal: Callable[[Row], str] = attrgetter("token")


class Answer(NamedTuple):
    """The answer of a log.

    Attributes:
        row: The row that is in the log now, if there is one.
        now: The log's time.
        token: The token of part 0, if there is one.
    """

    row: Row | None
    now: float
    token: str | None = None

    def has(self, version: str) -> bool:
        """Whether a write with this version was done."""
        return self.row is not None and self.row.version == version


#: Makes the change that reverts a cancelled caller's write, given the answer; `None` if the write was not done. Runs in
#: a thread.
Undo: TypeAlias = "Callable[[Answer], Change | None]"


#: In place of a time that the log sets to now.
NOW = "now"


def columns_of(change: Change) -> dict[str, Any]:
    """Give the columns of a row's next version, but for its name, part, lease, expiry and entries."""
    row = change.row
    columns: dict[str, Any] = {
        "version": row.version, "token": row.token, "state": row.state.value, "content": row.content,
        "mark": row.mark, "recipients": row.recipients, "order_id": None if row.order_id is None else str(row.order_id),
    }  # fmt: skip
    for which, moment, is_now in (("first", row.first, change.first_now), ("last", row.last, change.last_now)):
        columns[f"{which}_service"] = None if moment is None else moment.service
        columns[f"{which}_at"] = NOW if is_now else None if moment is None else moment.local
    return columns


def row_of(columns: Mapping[str, Any]) -> Row:
    """Make a row of all its columns; an empty text counts as none."""
    order_id, entries = columns["order_id"], columns.get("entries")
    moments: list[Moment | None] = []
    for which in ("first", "last"):
        at, service = columns[f"{which}_at"], columns[f"{which}_service"]
        moments.append(None)
        if at is not None and at != "":
            moments[-1] = Moment(float(at), float(service) if service else None)
    return Row(
        Name(columns["account"], Scope(columns["scope"]), columns["name"]), columns["part"], columns["version"],
        columns["token"], State(columns["state"]), columns["content"], columns["mark"], int(columns["recipients"]),
        moments[0], moments[1], int(order_id) if order_id else None, None if entries is None else bytes(entries),
        float(columns["lease_until"]), float(columns["expires_at"]),
    )  # fmt: skip


def draw() -> str:
    """Draw a new version or token from the system: with Python's generator, forked processes would draw the same."""
    return os.urandom(8).hex()


def account_of(credentials: Credentials) -> str:
    """Derive an account's name in a store, which does not reveal the API key."""
    return credentials.derive("store account").hex()[:32]


def fingerprint(draft: Draft, seal: Body) -> tuple[str, str]:
    """Give the fingerprints of the whole order and of its numbers alone, as reports show nothing else.

    Args:
        draft: The order.
        seal: Keys both, so that texts and numbers cannot be guessed without it.
    """
    content = [
        draft.sender,
        draft.iys.value,
        draft.send_at.isoformat() if draft.send_at else None,
        sorted((text, sorted(numbers)) for text, numbers in draft.messages.items()),
    ]
    whole = hashlib.blake2b(orjson.dumps(content), digest_size=20, key=seal).hexdigest()
    return whole, mark_numbers(draft, seal)


def mark_numbers(draft: Draft, seal: Body) -> str:
    """Give the fingerprint of an order's numbers; `seal` as for `fingerprint`."""
    numbers = sorted(chain.from_iterable(draft.messages.values()))
    return hashlib.blake2b(orjson.dumps(numbers), digest_size=16, key=seal).hexdigest()
