"""What stands in a store for an account and for an order: it tells them from others, and says nothing of them."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from iletimerkezi_async.wire.credentials import Body, Credentials
    from iletimerkezi_async.wire.draft import Draft

__all__ = ["account_of", "fingerprint", "mark_numbers"]


def account_of(credentials: Credentials) -> str:
    """What stands for an account in a store; it does not give the API key away."""
    return credentials.derive("store account").hex()[:32]


def fingerprint(draft: Draft, seal: Body) -> tuple[str, str]:
    """What tells an order from others: by all that is sent, and by its numbers alone, which is all that reports show.

    Args:
        draft: The order.
        seal: Keys both; whoever lacks it cannot try out what they may be of.
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
    """What tells an order from others by its numbers alone.

    Args:
        draft: The order.
        seal: As for `fingerprint`.
    """
    numbers = sorted(chain.from_iterable(draft.messages.values()))
    return hashlib.blake2b(orjson.dumps(numbers), digest_size=16, key=seal).hexdigest()
