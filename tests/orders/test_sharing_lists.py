"""Orders of an earlier process that are looked for one after the other: the list is read once for all of them."""

from __future__ import annotations

import time
from pathlib import Path
from unittest.mock import patch

import pytest

from iletimerkezi_async import Iys, OutcomeUnknownError, Retry
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import SqliteStore

pytestmark = pytest.mark.anyio

TEXT = "Siparisiniz yolda"
LOST, SENT = 40, 200


def number(index: int) -> str:
    return f"+9053012{index:05}"


@pytest.mark.parametrize("fault", ["drop-answer", "drop-request"])
async def test_a_list_is_read_once_for_all_keys(fault: str, tmp_path: Path) -> None:
    """As long as nothing newer is known: a page for thirty orders, and a report for each that may be it."""
    sandbox = Sandbox()
    options = {"sender": "FIRMA", "iys": Iys.OFF, "rate": None}
    async with SqliteStore(tmp_path / "store") as store:
        async with sandbox.client(store=store, retry=Retry(attempts=1), **options) as client:  # type: ignore[arg-type]  # settings
            for index in range(SENT):
                await client.send_sms(TEXT, number(1000 + index))
            sandbox.fail("send-sms", fault, times=LOST)
            for index in range(LOST):
                with pytest.raises(OutcomeUnknownError):
                    await client.send_sms(TEXT, number(index), key=f"k{index}")
        sandbox.advance(minutes=70)
        real = time.time
        with patch("time.time", lambda: real() + 70 * 60):
            async with sandbox.client(store=store, retry=Retry(attempts=1), **options) as client:  # type: ignore[arg-type]  # settings
                await client.get_balance()
                sandbox.request_counts.clear()
                before = len(sandbox.requests)
                orders = [await client.send_sms(TEXT, number(index), key=f"k{index}") for index in range(LOST)]
    assert [order.id for order in orders] == [order.id for order in sandbox.orders[SENT:]]
    assert set(sandbox.deliveries.values()) == {1}
    pages = (SENT + LOST) // 30 + 2
    assert len(sandbox.requests) - before <= pages + LOST * (2 if fault == "drop-answer" else 1)
