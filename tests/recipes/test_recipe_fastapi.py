"""The FastAPI service, under uvicorn, on real sockets."""

from __future__ import annotations

import random
import re
from pathlib import Path

import anyio
import httpx
import pytest
from recipe_processes import Serve
from waiting import PATIENCE

from iletimerkezi_async.sandbox import Sandbox

FIRST_NUMBER = 5301234567
REQUESTS = 200
#: Each is asked for by two browsers at once, as users press buttons twice.
NUMBERS = REQUESTS // 2

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


async def ask(url: httpx.URL, number: int, patience: float | None) -> int | None:
    """Ask for a code as a browser does; hang up after so many seconds. The HTTP status, if there was one."""
    async with await anyio.connect_tcp(url.host, url.port or 0) as stream:
        body = f'{{"number": "{number}"}}'
        headers = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
        await stream.send(f"POST /codes HTTP/1.1\r\n{headers}\r\n\r\n{body}".encode())
        with anyio.move_on_after(patience):
            return int((await stream.receive()).split()[1])
    return None


@pytest.mark.parametrize("workers", [1, 3])
async def test_hundreds_at_once_while_some_hang_up(
    serve: Serve, sandbox: Sandbox, workers: int, tmp_path: Path
) -> None:
    """Nobody is texted twice, whoever stays has an answer, and the service is as good as new afterwards.

    In one process, and in several that meet in a store.
    """
    quiet = ("--port", "PORT", "--log-level", "warning", "--workers", str(workers))
    shared = {"STORE_PATH": str(tmp_path / "codes.sqlite"), "CODE_SECRET": "secret"} if workers > 1 else {}
    # A window of the codes that does not end while this runs, and a busy machine is waited for.
    times = {"CODE_SECONDS": "1000000000", "SEND_SECONDS": str(PATIENCE)}
    url = httpx.URL(serve("uvicorn", "fastapi_service:app", *quiet, **times, **shared))
    chance = random.Random(4711)
    served: set[int] = set()
    others: list[int | None] = []
    # Some answers are lost on the way from the service, too.
    sandbox.fail("send-sms", "drop-answer", times=5)

    async def browse(number: int, patience: float | None) -> None:
        answer = await ask(url, number, patience)
        if answer == 200:
            served.add(number)
        else:
            others.append(answer)

    with anyio.fail_after(2 * PATIENCE):
        async with anyio.create_task_group() as browsers:
            for n in range(REQUESTS):
                patience = chance.uniform(0, 0.5) if chance.random() < 0.3 else None
                browsers.start_soon(browse, FIRST_NUMBER + n % NUMBERS, patience)
        # Whoever has another answer than 200 has none, having hung up.
        assert set(others) == {None}
        assert max(sandbox.deliveries.values()) == 1
        assert served <= {int(number[3:]) for number in sandbox.deliveries}

        # Everybody asks once more, and has a code in the end; nobody has two.
        others.clear()
        async with anyio.create_task_group() as browsers:
            for n in range(NUMBERS):
                browsers.start_soon(browse, FIRST_NUMBER + n, None)
        assert not others
        assert len(sandbox.deliveries) == NUMBERS
        assert set(sandbox.deliveries.values()) == {1}


async def test_a_code_is_right_and_its_delivery_is_noted(serve: Serve, sandbox: Sandbox) -> None:
    """The code in the text is the one that is taken; bad numbers and bad reports are refused."""
    url = serve("uvicorn", "fastapi_service:app", "--port", "PORT", "--log-level", "warning", WEBHOOK_PATH="/gizli-1")
    async with httpx.AsyncClient(base_url=url) as browser:
        assert (await browser.post("/codes", json={"number": "0530 123 45 67"})).status_code == 200
        (order,) = sandbox.orders
        (code,) = re.findall(r"[0-9]{6}", order.texts[0][0])
        for typed, right in ((code, True), ("x", False)):
            checked = await browser.post("/codes/check", json={"number": "5301234567", "code": typed})
            assert checked.json() == {"right": right}
        assert (await browser.post("/codes/check", json={"number": "x", "code": code})).status_code == 422
        assert (await browser.post("/codes", json={"number": "0212 123 45 67"})).status_code == 422

        report = {"id": 7, "packet_id": order.id, "status": "delivered", "to": "+905301234567", "body": "Kodunuz"}
        assert (await browser.post("/gizli-1", json={"report": report})).status_code == 204
        assert (await browser.post("/gizli-1", json={"report": None})).status_code == 400
        assert (await browser.post("/gizli-1", content=b" " * 70_000)).status_code == 400
        assert "gizli-1" not in (await browser.get("/openapi.json")).text
