"""What is asked of a store about a keyed send, and what it answers.

A keyed send is in one of these states:

```
        claim           begin            settle
(none) ------> claimed ------> begun ------------> sent      taken by the service
   ^              |              |
   |   withdraw   |              +---------------> unknown   nobody can tell: claimed again, or resolved by a person
   +--------------+--------------+
```

Whoever claims a key gets a lease and a token. When the lease is over, another may claim it, with a new token. From then
on the old token opens nothing: its owner can neither begin nor withdraw. What it may still do is to say that the order
was taken, as that is true whoever says it.
"""

from __future__ import annotations

import hashlib
import secrets
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING

import orjson
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iletimerkezi_async.wire.credentials import Body, Credentials
    from iletimerkezi_async.wire.draft import Draft

__all__ = [
    "NUMBERS_MARK",
    "RIVAL_SECONDS",
    "Claim",
    "Resolved",
    "Rivals",
    "Ticket",
    "Verdict",
    "account_of",
    "fingerprint",
]

#: How many of the last characters of a fingerprint tell the numbers alone.
NUMBERS_MARK = 16
#: Sends whose first attempts are this many seconds apart are told from each other by the times in the reports.
RIVAL_SECONDS = 3600.0


def account_of(credentials: Credentials) -> str:
    """What stands for an account in a store; it does not give the API key away."""
    return credentials.derive("store account").hex()[:32]


def fingerprint(draft: Draft, mark: Body) -> str:
    """What tells an order from others, and says nothing of it to whoever lacks the mark.

    Its end tells to whom it goes: a report shows the numbers of an order, and not its texts.
    """
    content = [
        draft.sender,
        draft.iys.value,
        draft.send_at.isoformat() if draft.send_at else None,
        sorted((text, sorted(numbers)) for text, numbers in draft.messages.items()),
    ]
    numbers = sorted(chain.from_iterable(draft.messages.values()))
    whole = hashlib.blake2b(orjson.dumps(content), digest_size=20, key=mark).hexdigest()
    return whole + hashlib.blake2b(orjson.dumps(numbers), digest_size=NUMBERS_MARK // 2, key=mark).hexdigest()


class Verdict(str, Enum):
    """What became of a claim."""

    GRANTED = "granted"
    """The key is the caller's, until the lease is over."""
    SENT = "sent"
    """The order was taken already."""
    BUSY = "busy"
    """Another holds the lease."""
    CONFLICT = "conflict"
    """The key belongs to other content."""


@frozen
class Ticket:
    """A keyed send, as the store is told of it.

    Attributes:
        account: A hash of the API key.
        key: The caller's key.
        fingerprint: A keyed hash of what is sent.
        token: Made for one claim; whoever claims later has another.
    """

    account: str
    key: str
    fingerprint: str
    token: str

    @classmethod
    def draw(cls, account: str, key: str, fingerprint: str) -> Ticket:
        """A ticket for a new claim."""
        return cls(account, key, fingerprint, secrets.token_hex(8))


@frozen
class Claim:
    """The answer to a claim.

    Attributes:
        verdict: Whether it was granted, or why not.
        elapsed: Where it was granted, and an attempt of an earlier owner may have been taken: seconds since that
            attempt began.
        order_id: Where it was sent: the order's id, if it is known.
        recipients: Where it was sent: how many recipients the order has.
        lease_left: Where it is busy: seconds until the lease is over.
    """

    verdict: Verdict
    elapsed: float | None = None
    order_id: int | None = None
    recipients: int = 0
    lease_left: float = 0.0


@frozen
class Rivals:
    """The sends under other keys, to the same numbers at about the same time.

    Attributes:
        open: How many of them may be in the reports without their ids being known.
        order_ids: The ids of the others.
    """

    open: int
    order_ids: frozenset[int]

    @classmethod
    def of(cls, order_ids: Iterable[int | None]) -> Rivals:
        """The rivals of whom these are the ids, as far as they are known."""
        given = list(order_ids)
        return cls(given.count(None), frozenset(order_id for order_id in given if order_id is not None))


class Resolved(str, Enum):
    """What became of a person's decision about a key."""

    DONE = "done"
    """It is noted."""
    UNUSED = "unused"
    """Nothing is known of the key."""
    BUSY = "busy"
    """Another holds the lease."""
    SENT = "sent"
    """It was sent already, as another order."""
