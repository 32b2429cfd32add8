"""The sandbox's calls to a webhook: which, when, in which order, and what an endpoint in trouble does to them."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import httpx
import orjson
import pytest
from sandbox_wire import ONE, THREE, TWO, accepted, ask, frozen, message
from waiting import PATIENCE, give_up_once, wait_until

from iletimerkezi_async import AsyncClient, Iys, MessageStatus, parse_webhook
from iletimerkezi_async.sandbox import Sandbox, webhooks

HOOK = "http://127.0.0.1:9/hook"


class Ear:
    """An endpoint without a socket, which answers with the given statuses, then with 204."""

    def __init__(self, *statuses: int) -> None:
        self.heard: list[bytes] = []
        self.statuses = list(statuses)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, request.headers["content-type"]) == ("POST", "application/json")
        self.heard.append(request.content)
        return httpx.Response(self.statuses.pop(0) if self.statuses else 204)

    @property
    def words(self) -> list[str]:
        return [f"{report['to'][-1]} {report['status']}" for report in self.reports]

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [orjson.loads(body)["report"] for body in self.heard]


async def call(sandbox: Sandbox, ear: Ear) -> int:
    async with httpx.AsyncClient(transport=httpx.MockTransport(ear)) as http:
        return await sandbox.call_webhooks(http)


@contextmanager
def listening(pause: float = 0) -> Iterator[tuple[str, list[bytes]]]:
    """An endpoint on a real socket, which answers after a pause, or at the end."""
    heard: list[bytes] = []
    ends = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["content-length"])))
            ends.wait(pause)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
    finally:
        ends.set()
        server.shutdown()
        thread.join()
        server.server_close()


def wait_for(heard: list[bytes], count: int) -> None:
    wait_until(lambda: len(heard) >= count)


@pytest.mark.anyio
async def test_each_state_change_is_posted_once() -> None:
    """Accepted when it is sent, the end when it is final by the sandbox's clock; the body is the documented one."""
    sandbox, ear = frozen(webhook=HOOK, undelivered=[TWO]), Ear()
    id = accepted(sandbox, ONE, TWO, text="Kodunuz 1")
    assert await call(sandbox, ear) == 2
    assert await call(sandbox, ear) == 0
    sandbox.advance(seconds=0.5)
    assert await call(sandbox, ear) == 1
    sandbox.advance(seconds=0.5)
    assert await call(sandbox, ear) == 1
    assert ear.words == ["7 accepted", "8 accepted", "7 delivered", "8 undelivered"]
    first = ear.reports[0]["id"]
    assert ear.heard[0] == orjson.dumps(
        {
            "report": {
                "id": first,
                "packet_id": id,
                "status": "accepted",
                "to": "+905301234567",
                "body": "Kodunuz 1",
            }
        }
    )
    assert [report["id"] - first for report in ear.reports] == [0, 1, 0, 1]

    assert sandbox.webhooks == (
        (first, "accepted", 204),
        (first + 1, "accepted", 204),
        (first, "delivered", 204),
        (first + 1, "undelivered", 204),
    )


@pytest.mark.anyio
async def test_states_as_codes() -> None:
    """The state can be told as a code; the log of calls keeps its words."""
    sandbox, ear = frozen(webhook=HOOK, undelivered=[TWO], webhook_status="code"), Ear()
    accepted(sandbox, ONE, TWO)
    sandbox.advance(seconds=1)
    assert await call(sandbox, ear) == 4
    assert [report["status"] for report in ear.reports] == [110, 110, 111, 112]
    assert [word for _, word, _ in sandbox.webhooks] == ["accepted", "accepted", "delivered", "undelivered"]


@pytest.mark.anyio
async def test_the_client_reads_them() -> None:
    """What the sandbox posts is what `parse_webhook` takes, and it agrees with the report that is asked for."""
    sandbox, ear = Sandbox(webhook=HOOK, undelivered=[TWO], delivery_seconds=0), Ear()
    async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:
        order = await client.send_sms("Sayın müşterimiz", [ONE, TWO])
        assert await call(sandbox, ear) == 4
        events = [parse_webhook(body) for body in ear.heard]
        assert {(event.order_id, event.text) for event in events} == {(order.id, "Sayın müşterimiz")}
        ends = {(event.number, event.status) for event in events if event.status is not MessageStatus.SENDING}
        assert ends == {(row.number, row.status) async for row in client.get_report(order.id)}


@pytest.mark.anyio
async def test_several_texts_and_orders() -> None:
    """Each message has its own text and its own id; orders come in order of time."""
    sandbox, ear = frozen(webhook=HOOK, delivery_seconds=2), Ear()
    accepted(sandbox, message=[message(ONE, TWO, text="Bir"), message(THREE, text="Iki")])
    sandbox.advance(seconds=1)
    accepted(sandbox, ONE, text="Uc")
    sandbox.advance(minutes=1)
    assert await call(sandbox, ear) == 8
    shown = [(report["body"], report["status"]) for report in ear.reports]
    assert shown == [
        ("Bir", "accepted"),
        ("Bir", "accepted"),
        ("Iki", "accepted"),
        ("Bir", "delivered"),
        ("Uc", "accepted"),
        ("Bir", "delivered"),
        ("Iki", "delivered"),
        ("Uc", "delivered"),
    ]
    assert len({report["id"] for report in ear.reports}) == 4


@pytest.mark.anyio
async def test_a_scheduled_order_waits_and_a_cancelled_one_is_silent() -> None:
    """Nothing is posted of what was not sent."""
    sandbox, ear = frozen(webhook=HOOK), Ear()
    accepted(sandbox, ONE, sendDateTime="06/05/2026 13:00")
    cancelled = accepted(sandbox, TWO, sendDateTime="06/05/2026 12:30")
    assert await call(sandbox, ear) == 0
    assert ask(sandbox, "cancel-order", order={"id": cancelled})[0] == 200
    sandbox.advance(minutes=59)
    assert await call(sandbox, ear) == 0
    sandbox.advance(minutes=1)
    assert await call(sandbox, ear) == 1
    sandbox.advance(minutes=1)
    assert await call(sandbox, ear) == 1
    assert ear.words == ["7 accepted", "7 delivered"]


@pytest.mark.anyio
@pytest.mark.parametrize("recipients", [1, 2, 3, 7, 500])
async def test_shuffled(recipients: int) -> None:
    """Everything comes once, the first end before its beginning, and the same way each time."""
    runs: list[list[str]] = []
    for _ in range(2):
        sandbox, ear = frozen(webhook=HOOK, webhook_order="shuffled"), Ear()
        accepted(sandbox, *(str(5301230000 + number) for number in range(recipients)))
        assert await call(sandbox, ear) == 0
        sandbox.advance(seconds=1)
        assert await call(sandbox, ear) == 2 * recipients
        runs.append([f"{report['id']} {report['status']}" for report in ear.reports])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2 * recipients
    assert "delivered" in runs[0][0]


@pytest.mark.anyio
@pytest.mark.parametrize("order", ["in order", "shuffled"])
async def test_copies(order: Any) -> None:
    """Each call is made as often as was asked for."""
    sandbox, ear = frozen(webhook=HOOK, webhook_order=order, webhook_copies=3), Ear()
    accepted(sandbox, ONE, TWO)
    sandbox.advance(seconds=1)
    assert await call(sandbox, ear) == 12
    assert set(Counter(ear.heard).values()) == {3}
    assert len(set(ear.heard)) == 4


@pytest.mark.anyio
async def test_an_endpoint_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call is tried three times, then given up and written down; the next one goes on."""
    monkeypatch.setattr(webhooks, "_PAUSE", 0.001)
    sandbox, ear = frozen(webhook=HOOK), Ear(500, 302, 503, 404)
    accepted(sandbox, ONE, TWO)
    assert await call(sandbox, ear) == 2
    assert ear.words == ["7 accepted"] * 3 + ["8 accepted"] * 2
    assert [outcome for _, _, outcome in sandbox.webhooks] == [503, 204]
    sandbox.advance(seconds=1)
    assert await sandbox.call_webhooks() == 2
    assert [outcome for _, _, outcome in sandbox.webhooks[2:]] == ["ConnectError"] * 2


@pytest.mark.anyio
async def test_an_endpoint_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for, whether it says nothing or dribbles."""
    monkeypatch.setattr(webhooks, "_PAUSE", 0.001)
    monkeypatch.setattr(webhooks, "_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sandbox = Sandbox(webhook=f"http://127.0.0.1:{listener.getsockname()[1]}/", delivery_seconds=60)
        accepted(sandbox, ONE)
        with anyio.fail_after(PATIENCE):
            assert await sandbox.call_webhooks() == 1
    assert sandbox.webhooks[0][2] in {"ReadTimeout", "TimeoutError"}


@pytest.mark.anyio
async def test_a_broken_off_call_is_made_again() -> None:
    """Cancelling loses no report; of two that call at once, one waits for the other."""
    heard: list[bytes] = []

    async def hang(request: httpx.Request) -> httpx.Response:
        heard.append(request.content)
        await anyio.sleep_forever()
        return httpx.Response(200)

    sandbox, ear = frozen(webhook=HOOK), Ear()
    accepted(sandbox, ONE, TWO)
    async with httpx.AsyncClient(transport=httpx.MockTransport(hang)) as http:
        await give_up_once(lambda: heard, lambda: sandbox.call_webhooks(http))
    assert sandbox.webhooks == ()
    async with anyio.create_task_group() as group:
        group.start_soon(call, sandbox, ear)
        group.start_soon(call, sandbox, ear)
    assert ear.words == ["7 accepted", "8 accepted"]
    assert ear.heard[0] == heard[0]


def test_blocking() -> None:
    """Without a loop, over a real socket."""
    with listening() as (hook, heard):
        sandbox = Sandbox(webhook=hook, delivery_seconds=0)
        accepted(sandbox, ONE)
        assert sandbox.call_webhooks_sync() == 2
        assert len(heard) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("order", ["in order", "shuffled"])
async def test_the_server_calls_by_itself(order: Any) -> None:
    """Over real sockets; and leaves no thread and no task behind."""
    with listening() as (hook, heard):
        sandbox = Sandbox(webhook=hook, webhook_order=order, delivery_seconds=0.1)
        async with (
            sandbox.serve() as url,
            AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url) as client,
        ):
            await client.send_sms("Kodunuz 1", [ONE, TWO, THREE])
            await anyio.to_thread.run_sync(wait_for, heard, 6)
            assert await sandbox.call_webhooks() == 0
    words = [parse_webhook(body).status for body in heard]
    assert (words == sorted(words)) == (order == "in order")
    assert "iletimerkezi-sandbox" not in {thread.name for thread in threading.enumerate()}


def test_the_server_is_not_disturbed() -> None:
    """While an endpoint hangs, the service answers, and the server ends at once; the next one makes the call again."""
    with listening(pause=2 * PATIENCE) as (hook, heard):
        sandbox = Sandbox(webhook=hook)
        with sandbox.serve() as url:
            accepted(sandbox, ONE)
            wait_for(heard, 1)
            began = time.monotonic()
            assert httpx.post(f"{url}/get-balance/json", content=b"{}").status_code == 400
        assert time.monotonic() - began < PATIENCE
        assert sandbox.webhooks == ()
        with sandbox.serve():
            wait_for(heard, 2)
    assert heard[0] == heard[1]


@pytest.mark.anyio
async def test_fifty_thousand_recipients_cost_nothing_until_they_are_posted() -> None:
    """Neither the order nor the first report waits for the others to be made."""
    sandbox, ear = frozen(webhook=HOOK), Ear()
    numbers = [str(5300000000 + number) for number in range(50_000)]
    accepted(sandbox, message=[message(number, text=f"Kod {number}") for number in numbers])
    assert await give_up_once(lambda: ear.heard, lambda: call(sandbox, ear))
    assert 0 < len(ear.heard) < 50_000
    assert ear.reports[-1]["body"] == f"Kod {ear.reports[-1]['to'][3:]}"


@pytest.mark.anyio
async def test_misuse() -> None:
    """Calls without an address, addresses that are none, and words that are none are refused at once."""
    assert Sandbox().webhooks == ()
    with pytest.raises(RuntimeError, match="no webhook"):
        await Sandbox().call_webhooks()
    for hook in ("", "kedi", "ftp://127.0.0.1/", "http://", "https://[", "https://x:y/", "https://u:p@x.org/"):
        with pytest.raises(ValueError, match="webhook is"):
            Sandbox(webhook=hook)
    with pytest.raises(ValueError, match="without TLS"):
        Sandbox(webhook="http://example.com/hook")
    for hook in ("https://example.com/hook", "http://localhost:8000/hook", "http://[::1]:8000/"):
        Sandbox(webhook=hook)
    options: dict[str, Any]
    for options in ({"webhook_order": "random"}, {"webhook_copies": 0}, {"webhook_status": "number"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Sandbox(**options)
