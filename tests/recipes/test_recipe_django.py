"""The Django project, under uvicorn and under Django's own server, on real sockets."""

from __future__ import annotations

import os
import subprocess
import sys

import anyio
import httpx
import pytest
from recipe_processes import HERE, Serve

from iletimerkezi_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


ASGI = ("uvicorn", "--port", "PORT", "--log-level", "warning", "--lifespan", "on", "django_service:application")
WSGI = ("django_service", "runserver", "--noreload", "PORT")
NUMBER = {"number": "0530 123 45 67"}

#: What a server does with the project.
LIFE = """
import asyncio, httpx, django_service
from iletimerkezi_async import ConfigurationError

async def main():
    orders, answers = asyncio.Queue(), asyncio.Queue()
    life = asyncio.create_task(django_service.application({"type": "lifespan"}, orders.get, answers.put))
    orders.put_nowait({"type": "lifespan.startup"})
    assert (await answers.get())["type"] == "lifespan.startup.complete"
    (client,) = django_service._clients
    transport = httpx.ASGITransport(django_service.application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
        for path in ("/parcels/1/notice", "/invoices/1/reminder"):
            print((await browser.post(path, data={"number": "5301234567"})).status_code, end=" ")
    orders.put_nowait({"type": "lifespan.shutdown"})
    await life
    try:
        await client.get_balance()
    except ConfigurationError:
        print("closed", django_service._clients)

asyncio.run(main())
"""


@pytest.mark.parametrize("server", [ASGI, WSGI], ids=["asgi", "wsgi"])
async def test_views_of_both_kinds_send_once(serve: Serve, sandbox: Sandbox, server: tuple[str, ...]) -> None:
    """At once, after a lost answer, and where a request is repeated; what is no number is refused."""
    url = serve(*server)
    sandbox.fail("send-sms", "drop-answer")
    async with httpx.AsyncClient(base_url=url) as browser:

        async def post(path: str) -> None:
            answer = await browser.post(path, data=NUMBER)
            assert (answer.status_code, answer.json()) == (200, {"status": "sent"})

        async with anyio.create_task_group() as browsers:
            for number in range(10):
                browsers.start_soon(post, f"/parcels/{number}/notice")
                browsers.start_soon(post, f"/invoices/{number}/reminder")
        await post("/parcels/0/notice")
        await post("/invoices/0/reminder")
        for path in ("/parcels/0/notice", "/invoices/0/reminder"):
            assert (await browser.post(path, data={"number": "0212 123 45 67"})).status_code == 422
            assert (await browser.get(path)).status_code == 405
    texts = [text for order in sandbox.orders for text, _ in order.texts]
    assert len(texts) == len(set(texts)) == 20
    assert sandbox.deliveries == {"+905301234567": 20}


async def test_a_service_that_is_away_is_told(serve: Serve, sandbox: Sandbox) -> None:
    """By both views, and nothing is sent."""
    url = serve(*ASGI)
    sandbox.fail("send-sms", "503", times=2, retry_after=3600)
    async with httpx.AsyncClient(base_url=url) as browser:
        for path in ("/parcels/1/notice", "/invoices/1/reminder"):
            assert (await browser.post(path, data=NUMBER)).status_code == 503
    assert sandbox.deliveries == {}


def test_the_client_lives_as_long_as_the_server(settings: dict[str, str], sandbox: Sandbox) -> None:
    """Both views use the one that the server began with, and it is closed at its end."""
    command = [sys.executable, "-c", LIFE]
    done = subprocess.run(command, cwd=HERE, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("200 200 closed []\n", "")
    assert sandbox.deliveries == {"+905301234567": 2}


async def test_a_delivery_is_noted(serve: Serve) -> None:
    """By its secret address alone; what is no report is refused, and so is one without end."""
    url = serve(*ASGI, WEBHOOK_PATH="/gizli-1")
    report = {"id": 7, "packet_id": 42, "status": "delivered", "to": "+905301234567", "body": "Kargonuz"}
    async with httpx.AsyncClient(base_url=url) as service:
        assert (await service.post("/gizli-1", json={"report": report})).status_code == 204
        assert (await service.post("/gizli-1", json={"report": {}})).status_code == 400
        assert (await service.post("/gizli-1", content=b" " * 70_000)).status_code == 400
        assert (await service.post("/gizli-2", json={"report": report})).status_code == 404
