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

import secrets
from enum import Enum
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from iletimerkezi_async.wire.credentials import Credentials

__all__ = ["Claim", "Resolved", "Ticket", "Verdict", "account_of"]


def account_of(credentials: Credentials) -> str:
    """What stands for an account in a store; it does not give the API key away."""
    return credentials.derive("store account").hex()[:32]


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
