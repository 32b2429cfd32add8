"""The account's balance in SMS."""

from collections import deque
from datetime import datetime

from iletimerkezi_async.sandbox.orders import SandboxOrder

__all__ = ["Ledger"]


class Ledger:
    """Charges orders when they are accepted, and gives back what is not billed in the end.

    A cancelled order is given back at once. Undelivered messages are not billed either (documented by the provider,
    2026): they are given back when their whole order is finished.

    Not locked: the service has the lock.

    Args:
        balance: SMS at the start.
    """

    def __init__(self, balance: int) -> None:
        self._balance = balance
        self._refunds: deque[SandboxOrder] = deque()

    def charge(self, order: SandboxOrder) -> None:
        """Take what an order costs."""
        self._balance -= order.cost
        if order.refund:
            self._refunds.append(order)

    def give_back(self, order: SandboxOrder) -> None:
        """Give back the whole of a cancelled order."""
        self._balance += order.cost
        if order.refund:
            self._refunds.remove(order)

    def balance(self, now: datetime) -> int:
        """Return the SMS that are left."""
        for _ in range(len(self._refunds)):
            order = self._refunds.popleft()
            if now >= order.finished_at:
                self._balance += order.refund
            else:
                self._refunds.append(order)
        return self._balance
