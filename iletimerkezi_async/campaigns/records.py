"""What a campaign's journal holds, as pure values: the campaign's terms, and each order's recipients."""

from __future__ import annotations

import hashlib
import secrets
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from iletimerkezi_async.clocks import Moment
from iletimerkezi_async.stores.log import Name, Row, State
from iletimerkezi_async.wire.credentials import Body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.wire.credentials import Credentials
    from iletimerkezi_async.wire.draft import Draft

__all__ = [
    "DONE", "Records", "checksum", "describe", "describe_sealed", "find_misfit", "fingerprint", "mark_entries", "pack",
    "seal", "unpack",
]  # fmt: skip

#: States of orders of which nothing more can be learnt.
DONE = frozenset({State.SENT, State.REFUSED})

_Values: TypeAlias = "tuple[object, ...]"


class Records(Sequence[Row]):
    """The orders of earlier runs, each made when it is asked for.

    A million objects at once would keep the garbage collector, and so the loop, busy for a third of a second.
    """

    def __init__(self) -> None:
        self._values: list[_Values] = []
        self._name: Name | None = None

    def append(self, row: Row) -> None:
        """Add one."""
        self._name = row.name
        first, last = row.first, row.last
        self._values.append((
            row.part, row.version, row.token, row.state.value, row.content, row.mark, row.recipients,
            *((None, None) if first is None else (first.local, first.service)),
            *((None, None) if last is None else (last.local, last.service)),
            row.order_id, row.entries,
        ))  # fmt: skip

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self._values)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [*map(self._row, self._values[index])]
        return self._row(self._values[index])

    def __repr__(self) -> str:
        return f"<Records of {len(self)} orders>"

    def _row(self, values: Any) -> Row:
        assert self._name is not None
        part, version, token, state, content, mark, recipients, *times, order_id, entries = values
        first_at, first_service, last_at, last_service = times
        return Row(
            self._name, part, version, token, State(state), content, mark, recipients,
            None if first_at is None else Moment(first_at, first_service),
            None if last_at is None else Moment(last_at, last_service),
            order_id, entries,
        )  # fmt: skip


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


def seal(row: Row, salt: bytes) -> str:
    """What an order's values come to: storage that changes one of them cannot change this to fit.

    The log's own times are not among them, as it writes them by itself.
    """
    times = [None if each is None else each.service for each in (row.first, row.last)]
    values = repr((row.part, row.state.value, row.content, row.mark, row.recipients, times, row.order_id))
    return hashlib.blake2b(values.encode(), digest_size=8, key=salt).hexdigest()


def mark_entries(entries: bytes, salt: bytes) -> str:
    """What tells an order of a campaign from its others, and its entries from damaged ones."""
    return hashlib.blake2b(entries, digest_size=16, key=salt).hexdigest()


def pack(entries: Sequence[int]) -> Body:
    """An order's entries as they are kept."""
    return Body(array("Q", entries).tobytes())


def unpack(entries: bytes) -> Sequence[int]:
    """The other way round."""
    unpacked = array("Q")
    unpacked.frombytes(entries)
    return unpacked
