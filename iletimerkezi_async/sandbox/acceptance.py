"""Accept orders that passed all checks, and orders of other programs: charge and store them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, islice, repeat
from typing import Final

from iletimerkezi_async.sandbox.account import Account
from iletimerkezi_async.sandbox.lengths import count_parts
from iletimerkezi_async.sandbox.orders import SandboxOrder

__all__ = ["accept", "add_orders"]

_TEXT: Final = "Baska bir programin mesaji"


def accept(
    account: Account,
    *,
    sender: str,
    iys: str = "0",
    iys_list: str | None = None,
    send_at: datetime | None = None,
    numbers: Sequence[str],
    texts: Sequence[tuple[str, int]],
    parts: Mapping[str, int],
    fingerprint: int,
) -> SandboxOrder:
    """Charge an order and store it; see ``SandboxOrder`` for the fields.

    Args:
        account: The account.
        sender: As in the order.
        iys: As in the order.
        iys_list: As in the order.
        send_at: The time to send it, or None for now.
        numbers: As in the order.
        texts: As in the order.
        parts: How many SMS each of its texts takes.
        fingerprint: See ``OrderBook.add``.
    """
    fails = account.fails
    failing = tuple(n for n, number in enumerate(numbers) if fails(number)) if fails else ()
    order = SandboxOrder(
        id=account.orders.next_id(),
        sender=sender,
        iys=iys,
        iys_list=iys_list,
        submitted_at=account.now,
        send_at=send_at or account.now,
        numbers=tuple(numbers),
        texts=tuple(texts),
        cost=sum(parts[text] * count for text, count in texts),
        refund=_refund(texts, parts, failing),
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


def add_orders(
    account: Account,
    count: int,
    *,
    recipients: int = 1,
    numbers: Sequence[str] = (),
    sender: str | None = None,
    text: str = _TEXT,
) -> tuple[int, ...]:
    """Accept orders now, without checking balance, duplicates or blocked numbers; return their ids."""
    name = sender or account.senders[-1]
    parts = {text: count_parts(text)}
    ids: list[int] = []
    for _ in range(count):
        place = len(account.orders)
        to = numbers or list(islice(account.strangers, recipients))
        # These orders are never compared for duplicates: any unique fingerprint works.
        order = accept(account, sender=name, numbers=to, texts=[(text, len(to))], parts=parts, fingerprint=-1 - place)
        ids.append(order.id)
    return tuple(ids)
