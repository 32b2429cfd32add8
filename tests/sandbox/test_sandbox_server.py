"""The sandbox over a real socket."""

import asyncio
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import anyio
import httpx
import orjson
import pytest
from sandbox_wire import body, frozen, order
from waiting import PATIENCE, wait_until

from iletimerkezi_async.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """No test leaves one of our threads behind."""
    yield
    assert "iletimerkezi-sandbox" not in {thread.name for thread in threading.enumerate()}


def address(url: str) -> tuple[str, int]:
    """Return host and port of a base URL."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def request(operation: str, content: bytes, path: str | None = None) -> bytes:
    """Write an HTTP request by hand."""
    head = (
        f"POST {path or f'/v1/{operation}/json'} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def exchange(url: str, operation: str, content: bytes) -> bytes:
    """Send one request on a connection of its own; return every byte until the server closes it."""
    with socket.create_connection(address(url), timeout=PATIENCE) as connection:
        connection.sendall(request(operation, content))
        return read_to_end(connection)


@pytest.mark.anyio
async def test_async_serve() -> None:
    """Serves under asyncio and trio, with the sandbox's own headers."""
    sandbox = frozen("2026-05-06 15:00:00")
    async with sandbox.serve() as url, httpx.AsyncClient(trust_env=False) as http:
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/v1")
        for _ in range(3):
            answer = await http.post(f"{url}/get-balance/json", content=body())
            assert answer.json()["response"]["balance"]["sms"] == 1_000_000
        assert set(answer.headers) == {"content-type", "content-length", "date"}
        assert answer.headers["date"] == "Wed, 06 May 2026 12:00:00 GMT"
        sandbox.advance(minutes=1)
        answer = await http.post(f"{url}/get-nothing/json", content=body())
        assert (answer.status_code, answer.headers["date"]) == (404, "Wed, 06 May 2026 12:01:00 GMT")


def test_sync_serve() -> None:
    """Serves blocking callers, several times one after another, with the same memory."""
    sandbox = Sandbox()
    serving = sandbox.serve()
    for text in ("Bir", "Iki"):
        with serving as url:
            assert httpx.post(f"{url}/send-sms/json", content=body(order=order(text=text))).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.post(f"{url}/get-balance/json", content=body())
    assert sandbox.deliveries == {"+905301234567": 2}


@pytest.mark.anyio
async def test_serve_for_the_caller_of_a_cancelled_scope() -> None:
    """A cancelled caller still leaves no server behind."""
    with anyio.CancelScope() as scope:
        async with Sandbox().serve():
            scope.cancel()
            await anyio.sleep(1)
    with anyio.CancelScope() as scope:
        scope.cancel()
        async with Sandbox().serve():
            pytest.fail("entered in spite of the cancellation")


def test_fixed_port() -> None:
    """A port can be chosen, and chosen again at once; one that is taken is named in the error."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        port = address(url)[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}"), Sandbox().serve(port):
            pytest.fail("two servers on a port")
    for _ in range(2):
        with sandbox.serve(port) as url:
            assert url == f"http://127.0.0.1:{port}/v1"
            assert httpx.post(f"{url}/get-balance/json", content=body()).status_code == 200


def test_misuse() -> None:
    """One context manager is one server at a time, and cannot be left before it was entered."""
    serving = Sandbox().serve()
    with pytest.raises(RuntimeError, match="not running"):
        serving.__exit__(None, None, None)
    with serving, pytest.raises(RuntimeError, match="is running"):
        serving.__enter__()


@pytest.mark.anyio
async def test_failed_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot start says so to whoever wanted it, and frees its port."""

    def broken(*_: object) -> None:
        raise LookupError("kedi")

    serving = Sandbox().serve()
    monkeypatch.setattr("iletimerkezi_async.sandbox.server.build_app", broken)
    with pytest.raises(RuntimeError, match="did not start") as caught, serving:
        pytest.fail("entered a server that did not start")
    assert isinstance(caught.value.__cause__, LookupError)
    with pytest.raises(RuntimeError, match="did not start"):
        async with serving:
            pytest.fail("entered a server that did not start")
    monkeypatch.undo()
    async with serving as url, httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(f"{url}/get-balance/json", content=body())).status_code == 200


@pytest.mark.parametrize(("fault", "orders"), [("drop-request", 0), ("drop-answer", 1)])
def test_drop(fault: str, orders: int) -> None:
    """The connection is closed in good order without a single byte."""
    sandbox = Sandbox()
    sandbox.fail("send-sms", fault)
    with sandbox.serve() as url:
        assert exchange(url, "send-sms", body(order=order())) == b""
        assert len(sandbox.orders) == orders


@pytest.mark.parametrize("operation", ["get-balance", "get-report"])
def test_half_answer(operation: str) -> None:
    """The headers and half of the announced body come, for long bodies too."""
    sandbox = Sandbox()
    numbers = [str(5301230000 + position) for position in range(1000)]
    sandbox.handle("send-sms", body(order=order(*numbers)))
    sandbox.fail(operation, "half-answer")
    with sandbox.serve() as url:
        received = exchange(url, operation, body(order={"id": sandbox.orders[0].id}))
    head, _, half = received.partition(b"\r\n\r\n")
    announced = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    assert head.startswith(b"HTTP/1.1 200")
    assert len(half) == int(announced.split(b":")[1]) // 2


@pytest.mark.parametrize(
    ("fault", "status", "content"),
    [
        ("garbage", 200, b"OK"),
        ("not-object", 200, b"["),
        ("html-502", 502, b"<html>"),
        ("html-502-before", 502, b"<html>"),
        ("empty-504", 504, b""),
        ("empty-503", 503, b""),
        ("503", 503, b"{"),
        ("empty-429", 429, b""),
        ("429", 429, b"{"),
        ("402", 402, b"{"),
        ("474", 474, b"{"),
        ("115", 200, b"{"),
        ("204", 200, b"{"),
        ("999", 200, b"{"),
    ],
)
def test_answering_faults(fault: str, status: int, content: bytes) -> None:
    """Each of these is a whole answer, after which the connection goes on."""
    sandbox = Sandbox()
    later = 3 if fault.endswith(("503", "429")) else None
    sandbox.fail("get-balance", fault, retry_after=later)
    with sandbox.serve() as url, httpx.Client(trust_env=False) as http:
        answer = http.post(f"{url}/get-balance/json", content=body())
        assert answer.status_code == status
        assert answer.content.startswith(content)
        assert bool(answer.content) == bool(content)
        assert answer.headers.get("retry-after") == (later and "3")
        first = answer.extensions["network_stream"].get_extra_info("client_addr")
        answer = http.post(f"{url}/get-balance/json", content=body())
        assert answer.status_code == 200
        assert answer.extensions["network_stream"].get_extra_info("client_addr") == first


def test_stall_ends_with_the_caller() -> None:
    """A stalled request keeps its connection until the caller gives up, and stalls nobody else."""
    sandbox = Sandbox()
    sandbox.fail("get-balance", "stall")
    with sandbox.serve() as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/get-balance/json", content=body(), timeout=httpx.Timeout(PATIENCE, read=0.05))
        assert httpx.post(f"{url}/get-balance/json", content=body()).status_code == 200


def test_stop_with_stalled_requests() -> None:
    """The server stops at once, however many requests are stalled or half written, and their callers see it."""
    sandbox = Sandbox()
    sandbox.fail("get-balance", "stall", times=20)
    connections: list[socket.socket] = []
    with sandbox.serve() as url:
        for number in range(30):
            connection = socket.create_connection(address(url), timeout=PATIENCE)
            connection.sendall(request("get-balance", body())[: -5 if number >= 20 else None])
            connections.append(connection)
        wait_until(lambda: len(sandbox.requests) == 20)
        began = time.monotonic()
    assert time.monotonic() - began < 30
    for connection in connections:
        with connection:
            try:
                assert connection.recv(1) == b""
            except ConnectionResetError:
                continue
    assert sandbox.requests == (("get-balance", "stall"),) * 20


def test_stop_while_connections_arrive() -> None:
    """A connection that the server has just accepted when it stops is closed like all others."""
    for _ in range(20):
        connections: list[socket.socket] = []
        with Sandbox().serve() as url:
            connections += [socket.create_connection(address(url), timeout=PATIENCE) for _ in range(30)]
        for connection in connections:
            with connection, suppress(ConnectionResetError):
                assert connection.recv(1) == b""


def test_close_idle() -> None:
    """A whole answer comes, without a hint that the connection is closed after it."""
    sandbox = Sandbox()
    sandbox.fail("get-balance", "close-idle")
    with sandbox.serve() as url:
        received = exchange(url, "get-balance", body())
        head, _, content = received.partition(b"\r\n\r\n")
        assert b"connection" not in head.lower()
        assert orjson.loads(content)["response"]["status"]["code"] == 200


def test_half_a_request_is_not_processed() -> None:
    """A caller that goes away while writing has ordered nothing."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        with socket.create_connection(address(url), timeout=PATIENCE) as connection:
            connection.sendall(request("send-sms", body(order=order()))[:-1])
        assert httpx.post(f"{url}/get-balance/json", content=body()).status_code == 200
    assert sandbox.requests == (("get-balance", 200),)


def test_too_big() -> None:
    """More than 64 MiB are read to the end and answered with 400, and the connection goes on."""
    sandbox = Sandbox()
    with sandbox.serve() as url, httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        answer = http.post(f"{url}/get-balance/json", content=body() + b" " * (65 * 1024 * 1024))
        assert answer.status_code == 400
        assert http.post(f"{url}/get-balance/json", content=body()).status_code == 200


def test_not_http() -> None:
    """What is no HTTP gets no answer of the service, and harms nobody."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        with socket.create_connection(address(url), timeout=PATIENCE) as connection:
            connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            assert b"200" not in read_to_end(connection)
        assert httpx.post(f"{url}/get-balance/json", content=body()).status_code == 200


@pytest.mark.anyio
async def test_many_callers() -> None:
    """A hundred callers at once are all served, while another thread looks and advances."""
    sandbox = Sandbox()
    limits = httpx.Limits(max_connections=100)

    async def call(number: int) -> None:
        answer = await http.post(f"{url}/send-sms/json", content=body(order=order(text=f"Mesaj {number}")))
        assert answer.status_code == 200

    async with (
        sandbox.serve() as url,
        httpx.AsyncClient(trust_env=False, limits=limits, timeout=PATIENCE) as http,
        anyio.create_task_group() as group,
    ):
        for number in range(100):
            group.start_soon(call, number)
            sandbox.advance(seconds=1)
            assert sandbox.balance >= 1_000_000 - 100
    assert sandbox.deliveries == {"+905301234567": 100}


def test_serves_beside_a_running_loop() -> None:
    """A blocking caller inside a running loop can serve, too, and uvicorn's loggers stay as they were."""
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
    before = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names]

    async def main() -> int:
        with Sandbox().serve() as url:
            async with httpx.AsyncClient(trust_env=False) as http:
                return (await http.post(f"{url}/get-balance/json", content=body())).status_code

    assert asyncio.run(main()) == 200
    assert [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names] == before


def test_nothing_is_printed() -> None:
    """Serving prints and logs nothing, even where the application logs everything."""
    script = """
import logging, urllib.request
logging.basicConfig(level=logging.INFO)
# In debug mode asyncio itself tells of every server, and of what takes long on a busy machine.
logging.getLogger("asyncio").setLevel(logging.WARNING)
logging.getLogger("asyncio").addFilter(lambda record: " took " not in record.getMessage())
from iletimerkezi_async.sandbox import Sandbox
sandbox = Sandbox()
sandbox.fail("get-balance", "drop-answer")
with sandbox.serve() as url:
    for _ in range(2):
        try:
            urllib.request.urlopen(url + "/get-balance/json", b"{}")
        except OSError:
            pass
assert len(sandbox.requests) == 2, sandbox.requests
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
