"""The traced FastAPI service, under uvicorn, on real sockets: its trace is what it prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
import pytest
from ports import free_port, wait_for_port
from recipe_processes import running

from iletimerkezi_async.sandbox import Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


async def test_each_sms_is_a_child_of_its_request(settings: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    """What became of it is told there, a lost answer as an event; neither its text nor its number is."""
    printed = tmp_path / "trace"
    port = free_port()
    command = f'exec "{sys.executable}" -m uvicorn traced_service:app --port {port} --log-level warning >"{printed}"'
    sandbox.fail("send-sms", "drop-answer")
    with running("sh", "-c", command, **settings, PYTHONUNBUFFERED="1") as process:
        wait_for_port(port, process)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as browser:
            shipped = await browser.post("/orders/A-17/shipped", json={"phone": "0530 123 45 67"})
            sandbox.fail("send-sms", "402")
            refused = await browser.post("/orders/A-18/shipped", json={"phone": "0530 123 45 67"})
    assert (shipped.status_code, refused.status_code) == (200, 503)
    spans = [json.loads(line) for line in printed.read_text("utf-8").splitlines()]
    assert [span["name"] for span in spans] == ["send-sms", "POST /orders/{number}/shipped"] * 2
    for sms, request in (spans[:2], spans[2:]):
        assert sms["parent_id"] == request["context"]["span_id"]
        assert sms["context"]["trace_id"] == request["context"]["trace_id"]
    recovered, unpaid = spans[0], spans[2]
    assert recovered["attributes"]["iletimerkezi.outcome"] == "recovered"
    assert recovered["attributes"]["iletimerkezi.order.id"] == shipped.json()["order"]
    assert [event["name"] for event in recovered["events"]] == ["answer lost"]
    assert unpaid["attributes"]["iletimerkezi.outcome"] == "refused"
    assert unpaid["attributes"]["error.type"] == "InsufficientBalanceError"
    assert not any(secret in printed.read_text("utf-8") for secret in ("yolda", "123 45 67", "1234567", "demo"))
