"""What becomes of an order that has passed all checks: it is charged and kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, repeat

import attrs

from iletimerkezi_async.sandbox.account import Account
from iletimerkezi_async.sandbox.orders import SandboxOrder

__all__ = ["Accepted", "accept"]


@attrs.frozen(kw_only=True, repr=False)
class Accepted:
    """An order that has passed; see ``SandboxOrder`` for its attributes. ``send_at`` is None for "at once"."""

    sender: str
    iys: str
    iys_list: str | None
    send_at: datetime | None
    numbers: Sequence[str]
    texts: Sequence[tuple[str, int]]


def accept(account: Account, passed: Accepted, parts: Mapping[str, int], fingerprint: int) -> SandboxOrder:
    """Charge an order and keep it.

    Args:
        account: The account.
        passed: The order.
        parts: How many SMS each of its texts takes.
        fingerprint: See ``OrderBook.add``.
    """
    fails = account.fails
    failing = tuple(n for n, number in enumerate(passed.numbers) if fails(number)) if fails else ()
    order = SandboxOrder(
        id=account.orders.next_id(),
        sender=passed.sender,
        iys=passed.iys,
        iys_list=passed.iys_list,
        submitted_at=account.now,
        send_at=passed.send_at or account.now,
        numbers=tuple(passed.numbers),
        texts=tuple(passed.texts),
        cost=sum(parts[text] * count for text, count in passed.texts),
        refund=_refund(passed.texts, parts, failing),
        seconds=account.delivery_seconds,
        failing=failing,
    )
    account.ledger.charge(order)
    account.orders.add(order, fingerprint)
    return order


def _refund(texts: Sequence[tuple[str, int]], parts: Mapping[str, int], failing: Sequence[int]) -> int:
    if not failing:
        return 0
    each = list(chain.from_iterable(repeat(parts[text], count) for text, count in texts))
    return sum(each[position] for position in failing)
