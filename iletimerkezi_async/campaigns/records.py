"""The contents of a journal, as pure values: the campaign's terms, and each order's recipients and seal."""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING

from iletimerkezi_async.stores.log import Row, State
from iletimerkezi_async.wire.credentials import Body

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iletimerkezi_async.models import Message
    from iletimerkezi_async.wire.draft import Draft

#: States of orders that are finished.
DONE = frozenset({State.SENT, State.REFUSED})


def fingerprint(text: str, salt: bytes) -> int:
    """A 64-bit fingerprint of a text, useless without the key."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
    return int.from_bytes(digest, "big")


def describe(template: Draft, message: Message | None, salt: bytes) -> dict[str, str]:
    """The terms that identify a journal's campaign, by the words that errors use for them.

    Args:
        template: The campaign's terms.
        message: Its text, if it has a single one.
        salt: The journal's key for fingerprints.
    """
    return {
        "account": f"{fingerprint('account', salt):016x}",
        "kind of campaign": "one text" if message else "several texts",
        "sender": template.sender,
        "consent choice": template.iys.value,
        "schedule": template.send_at.isoformat() if template.send_at else "at once",
        "text": f"{fingerprint(message.text if message else '', salt):016x}",
    }


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
            "was made for another account: give the API key that it was begun with (if that was replaced, the panel's "
            "reports tell who was texted: begin a new journal with those who were not)"
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
