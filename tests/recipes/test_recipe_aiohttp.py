"""The aiohttp application, served by aiohttp."""

from __future__ import annotations

import httpx
import pytest
from recipe_processes import Serve

from iletimerkezi_async.sandbox import Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


async def test_a_notice_is_sent_once(serve: Serve, sandbox: Sandbox) -> None:
    """A repeated request is no second SMS, neither after a lost answer; another parcel is another text."""
    url = serve("aiohttp.web", "-P", "PORT", "aiohttp_service:make_app", WEBHOOK_PATH="/gizli-1")
    sandbox.fail("send-sms", "drop-answer")
    async with httpx.AsyncClient(base_url=url) as caller:
        for parcel in (1, 1, 2):
            answer = await caller.post(f"/parcels/{parcel}/notice", data={"number": "0530 123 45 67"})
            assert answer.json() == {"status": "sent"}
        assert [text for order in sandbox.orders for text, _ in order.texts] == [
            "1 numaralı kargonuz yola çıktı.",
            "2 numaralı kargonuz yola çıktı.",
        ]
        refused = await caller.post("/parcels/1/notice", data={"number": "0212 123 45 67"})
        assert refused.status_code == 422

        report = {"id": 7, "packet_id": 42, "status": "delivered", "to": "+905301234567", "body": "Kargonuz"}
        assert (await caller.post("/gizli-1", json={"report": report})).status_code == 204
        assert (await caller.post("/gizli-1", json={"report": {}})).status_code == 400
        assert (await caller.post("/gizli-1", content=b" " * 70_000)).status_code == 413
