"""What a campaign's journal holds, as pure values: the campaign's terms, and of each order what is known."""

from __future__ import annotations

import hashlib
import secrets
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias, overload

from attrs import frozen

from iletimerkezi_async.wire.credentials import Body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

__all__ = [
    "Journal",
    "Moment",
    "Record",
    "Records",
    "Row",
    "State",
    "checksum",
    "describe",
    "describe_sealed",
    "find_misfit",
    "fingerprint",
    "pack",
    "seal",
    "unpack",
]


# The service tells its time in whole seconds, so that two moments may be as far apart the other way round.
_GRAIN = 2.0


class State(str, Enum):
    """What is known of an order."""

    BEGUN = "begun"
    """It was about to be sent, or was sent."""
    DOUBTED = "doubted"
    """As the reports did not have it, it was about to be sent again, or was: at any time since."""
    TAKEN = "taken"
    """The service has it; its id may be unknown."""
    TAKEN_SINCE = "taken since"
    """Likewise; as it was sent several times, nobody knows when it was taken."""
    REFUSED = "refused"
    """The service refuses its one recipient."""
    DUPLICATE = "duplicate"
    """The service refused it as a duplicate of somebody else's."""

    @property
    def is_taken(self) -> bool:
        """Whether the service has it."""
        return self in {State.TAKEN, State.TAKEN_SINCE}

    @property
    def is_done(self) -> bool:
        """Whether nothing more can be learnt of it."""
        return self.is_taken or self is State.REFUSED


@frozen
class Moment:
    """A moment by two clocks, as either may be set between two runs.

    Attributes:
        here: By this machine's, in seconds since 1970.
        there: By the service's, where it is known.
    """

    here: float
    there: float | None

    def is_within(self, seconds: float, now: Moment) -> bool:
        """Whether less than so much time has passed since then, by each clock that is known."""
        if not 0 <= now.here - self.here < seconds:
            return False
        if self.there is None or now.there is None:
            # A service that never tells its time leaves this machine's; one that has stopped telling it, a doubt.
            return self.there == now.there
        return -_GRAIN <= now.there - self.there < seconds

    def age(self, now: Moment) -> float:
        """Seconds since then by the service's clock, or by this machine's where that is not known."""
        if self.there is None or now.there is None:
            return now.here - self.here
        return now.there - self.there

    def elapsed(self, now: Moment) -> float:
        """Seconds since then, by the clock that tells more."""
        here = now.here - self.here
        if self.there is None or now.there is None:
            return here
        return max(here, now.there - self.there)


@frozen(repr=False)
class Record:
    """An order in the journal.

    Attributes:
        id: Its number in the journal.
        state: What is known of it.
        began: When the attempt that may have been taken began.
        entries: Its recipients as integers: the number's digits, followed by the text's fingerprint where a campaign
            has several texts.
        order_id: The service's id, where it is known.
    """

    id: int
    state: State
    began: Moment
    entries: Sequence[int]
    order_id: int | None


#: A record as it is kept: its number, state, moment by either clock, packed entries, and the service's id.
Row: TypeAlias = tuple[int, str, float, "float | None", bytes, "str | None"]


class Records(Sequence[Record]):
    """The orders of earlier runs, each made when it is asked for.

    A million objects at once would keep the garbage collector, and so the loop, busy for a third of a second.

    Args:
        rows: As they are kept.
    """

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Record]:
        return map(_record, self._rows)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: int | slice) -> Record | Records:
        return Records(self._rows[index]) if isinstance(index, slice) else _record(self._rows[index])

    def __repr__(self) -> str:
        return f"<Records of {len(self)} orders>"


def _record(row: Row) -> Record:
    id, state, here, there, entries, order_id = row
    return Record(id, State(state), Moment(here, there), unpack(entries), None if order_id is None else int(order_id))


class Journal(ABC):
    """Where a campaign is written down, open; one run has it at a time.

    Attributes:
        salt: Keys the fingerprints of texts. It is made of the account's API key and kept nowhere, so that whoever has
            the journal alone cannot try out which text a fingerprint may be of.
    """

    salt: bytes

    @abstractmethod
    async def begin(self, entries: Sequence[int], moment: Moment) -> int:
        """Write down that an order is about to be sent; its number in the journal."""

    @abstractmethod
    async def begin_again(self, record: int, moment: Moment) -> None:
        """Write down that an order which was surely not taken is about to be sent."""

    @abstractmethod
    async def settle(self, record: int, state: State, order_id: int | None = None) -> None:
        """Write down what became of an order."""

    @abstractmethod
    async def withdraw(self, record: int) -> None:
        """Strike out an order that was surely not taken."""


def fingerprint(text: str, salt: bytes) -> int:
    """64 bits that tell a text from others, and say nothing of it without the salt."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
    return int.from_bytes(digest, "big")


def describe(template: Draft, message: Message | None, salt: bytes) -> dict[str, str]:
    """What tells a campaign from others, by the words that name each; fit to be kept in its journal.

    Args:
        template: The campaign's terms.
        message: Its text, where it has a single one.
        salt: The journal's.
    """
    return {
        "account": f"{fingerprint('account', salt):016x}",
        "kind of campaign": "one text" if message else "several texts",
        "sender": template.sender,
        "consent choice": template.iys.value,
        "schedule": template.send_at.isoformat() if template.send_at else "at once",
        "text": f"{fingerprint(message.text if message else '', salt):016x}",
    }


def describe_sealed(
    kept: Mapping[str, str], template: Draft, message: Message | None, credentials: Credentials
) -> tuple[bytes, dict[str, str]]:
    """What `describe` says of a campaign, with the salt of its journal; and the key that is derived from that salt.

    Args:
        kept: What the journal holds already; its salt is taken. In a new one it is empty, and the salt is drawn.
        template: As for `describe`.
        message: As for `describe`.
        credentials: The account's: without them nobody has the key.
    """
    salt = bytes.fromhex(kept["salt"]) if kept else secrets.token_bytes(16)
    key = credentials.derive("journal", salt)
    return key, describe(template, message, key) | {"salt": salt.hex()}


def checksum(values: Mapping[str, str]) -> str:
    """What the description of a campaign comes to, so that damage to it is not taken for another campaign."""
    return hashlib.blake2b(repr(sorted(values.items())).encode(), digest_size=8).hexdigest()


def find_misfit(kept: Mapping[str, str], campaign: Mapping[str, str]) -> str:
    """Why a journal that was made for one campaign does not serve another; empty where it is the same.

    Args:
        kept: What `describe` said of the first.
        campaign: What it says of the other.
    """
    if kept.get("account") != campaign["account"]:
        # Nothing else can be compared then.
        return (
            "was made for another account: give the API key that it was begun with (if that was replaced, the panel's "
            "reports tell who was texted: begin a new journal with those who were not)"
        )
    others = [name for name in campaign if kept.get(name) != campaign[name]]
    return f"was made for another {' and another '.join(others)}" if others else ""


def seal(  # noqa: PLR0917 - the values of a row, in its order
    salt: bytes, state: str, here: float, there: float | None, entries: bytes, order_id: str | None
) -> str:
    """What an order's values (see `Row`) come to: storage that changes one of them cannot change this to fit."""
    values = repr((state, here, there, order_id))
    digest = hashlib.blake2b(values.encode("utf-8", "surrogatepass"), digest_size=8, key=salt)
    digest.update(entries)
    return digest.hexdigest()


def pack(entries: Sequence[int]) -> Body:
    """An order's entries as they are kept."""
    return Body(array("Q", entries).tobytes())


def unpack(entries: bytes) -> Sequence[int]:
    """The other way round."""
    unpacked = array("Q")
    unpacked.frombytes(entries)
    return unpacked
