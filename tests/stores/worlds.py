"""A sandbox, an engine and clients of one account that no other test has, and time that goes on for all of them."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable

import pytest
from engines import Engine

from iletimerkezi_async import AsyncClient, Iys, Retry
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import Store
from iletimerkezi_async.stores.log import account_of
from iletimerkezi_async.wire.credentials import Credentials

#: The default policy without its pauses.
QUICK = Retry(attempts=3, wait_initial=0.001, wait_max=0.01)


class World:
    """One account.

    Attributes:
        engine: Where its stores are.
        sandbox: The service.
        url: Where the service is.
        key: The account's API key.
    """

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine = engine
        self.key = f"key-{uuid.uuid4().hex}"
        self.sandbox = Sandbox(key=self.key)
        self.url = ""
        self._monkeypatch = monkeypatch
        self._real: Callable[[], float] = time.time
        self._ahead = 0.0

    @property
    def account(self) -> str:
        """What the account is called in the stores."""
        return account_of(Credentials(self.key, "demo", self.url))

    def client(self, store: Store | None, **options: object) -> AsyncClient:
        settings: dict[str, object] = {
            "sender": "FIRMA", "iys": Iys.OFF, "base_url": self.url, "retry": QUICK, "rate": None, "store": store,
        }  # fmt: skip
        return AsyncClient(self.key, "demo", **(settings | options))  # type: ignore[arg-type]  # settings of any type

    def later(self, *, minutes: float) -> None:
        """Time goes on: for the service, for this process and for the store."""
        self._ahead += minutes * 60
        ahead, real = self._ahead, self._real
        self._monkeypatch.setattr(time, "time", lambda: real() + ahead)
        self.sandbox.advance(minutes=minutes)
        self.engine.shift(self._monkeypatch, ahead)

    def asked(self, operation: str = "send-sms") -> int:
        """How many requests of a kind have come."""
        return self.sandbox.request_counts[operation]

    def sent(self) -> Counter[str]:
        """How often each number was texted."""
        return self.sandbox.deliveries
