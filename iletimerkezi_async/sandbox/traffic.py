"""Orders that another program of the same account sends."""

from collections.abc import Sequence
from typing import Final

from iletimerkezi_async.sandbox.acceptance import Accepted, accept
from iletimerkezi_async.sandbox.account import Account
from iletimerkezi_async.sandbox.lengths import count_parts

__all__ = ["add_orders"]

_TEXT: Final = "Baska bir programin mesaji"
_FIRST_NUMBER: Final = 5_000_000_000
_NUMBERS: Final = 1_000_000_000


def add_orders(
    account: Account,
    count: int,
    *,
    recipients: int = 1,
    numbers: Sequence[str] = (),
    sender: str | None = None,
    text: str = _TEXT,
) -> tuple[int, ...]:
    """Take orders now, without a look at balance, duplicates and blocked numbers; return their ids."""
    name = sender or account.senders[-1]
    parts = {text: count_parts(text)}
    ids: list[int] = []
    for _ in range(count):
        place = len(account.orders)
        to = numbers or _numbers(place * recipients, recipients)
        passed = Accepted(sender=name, iys="0", iys_list=None, send_at=None, numbers=to, texts=[(text, len(to))])
        # Nobody repeats these orders: any number that is theirs alone will do.
        ids.append(accept(account, passed, parts, fingerprint=-1 - place).id)
    return tuple(ids)


def _numbers(first: int, count: int) -> list[str]:
    return [f"+90{_FIRST_NUMBER + (first + position) % _NUMBERS}" for position in range(count)]
