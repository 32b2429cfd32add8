"""What a campaign's journal holds, as pure values: the campaign's terms, and each order's recipients."""

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

__all__ = ["DONE", "checksum", "describe", "find_misfit", "fingerprint", "mark_entries", "pack", "seal", "unpack"]

#: States of orders of which nothing more can be learnt.
DONE = frozenset({State.SENT, State.REFUSED})


def fingerprint(text: str, salt: bytes) -> int:
    """64 bits that tell a text from others, and say nothing of it without the salt."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
    return int.from_bytes(digest, "big")


def describe(template: Draft, message: Message | None, salt: bytes) -> dict[str, str]:
    """What tells a campaign from others, by the words that name each; fit to be kept in its journal.

    Args:
        template: The campaign's terms.
        message: Its text, where it has a single one.
        salt: The key that the journal's salt gives with the account's credentials.
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
