"""Lanes: one connection each, never poisoned, never shared."""

from __future__ import annotations

import asyncio
import gc
import gzip
import ssl
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import anyio
import anyio.abc
import httpcore
import httpx
import pytest
import trustme
from canned import QUICK, Canned, http, ok, raw_server
from waiting import PATIENCE, give_up_once, until

from iletimerkezi_async import AsyncClient, ConfigurationError, Iys, OutcomeUnknownError, Retry, TransportError
from iletimerkezi_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio
MakeClient = Callable[..., AsyncClient]
BALANCE = b'{"response":{"status":{"code":200},"balance":{"amount":"0","sms":"1"}}}'
ONCE = Retry(attempts=1)
#: The connection may take its time.
READ = httpx.Timeout(PATIENCE, read=0.05)


def client_of(url: str, **options: object) -> AsyncClient:
    settings: dict[str, object] = {"base_url": url, "retry": QUICK, "rate": None}
    return AsyncClient("demo", "demo", **(settings | options))  # type: ignore[arg-type]  # settings of any type


async def answer_balance(stream: anyio.abc.SocketStream, request: bytes) -> None:
    await stream.send(http(BALANCE))


async def say_nothing(stream: anyio.abc.SocketStream, request: bytes) -> None:
    await anyio.sleep_forever()


# Proxies of the environment.


@asynccontextmanager
async def proxy() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Turns every request away, and notes it."""
    requests: list[bytes] = []

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            requests.append(await stream.receive())
            await stream.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield f"127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}", requests
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(("variable", "scheme"), [("HTTPS_PROXY", "http://"), ("https_proxy", ""), ("ALL_PROXY", "")])
async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str) -> None:
    """Over TLS alone: it is asked for a tunnel, and sees no credential; where it refuses, nothing has left."""
    async with proxy() as (address, requests):
        monkeypatch.setenv(variable, scheme + address)
        async with client_of("https://sms.example/v1", retry=ONCE) as client:
            with pytest.raises(TransportError) as caught:
                await client.get_balance()
    assert type(caught.value) is TransportError
    assert [request.split(b"\r\n")[0] for request in requests] == [b"CONNECT sms.example:443 HTTP/1.1"]
    assert b"demo" not in requests[0]


async def test_a_proxy_is_not_used_for_excepted_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY is heeded."""
    async with proxy() as (address, requests):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        # Nobody listens there: the connection fails, and not the tunnel.
        async with client_of("https://127.0.0.1:9/v1", retry=ONCE) as client:
            with pytest.raises(TransportError, match="cannot connect"):
                await client.get_balance()
    assert requests == []


async def test_no_proxy_sees_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain HTTP goes to the loopback, and by no detour."""
    async with proxy() as (address, requests), raw_server(answer_balance) as (url, _):
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, f"http://{address}")
        async with client_of(url) as client:
            assert (await client.get_balance()).sms == 1
    assert requests == []


@pytest.mark.parametrize(
    "address", ["socks9://127.0.0.1:1", "http://user:hidden@proxy:port", "ftp://proxy", "http://user:hidden@xn--"]
)
def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """It is told when the client is made, and not by every call; its password is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        client_of("https://sms.example/v1")
    assert "hidden" not in str(caught.value)


# Connections.


async def test_calls_in_turn_share_one_connection() -> None:
    """The lane used last is taken first."""
    streams: set[int] = set()

    async def answer(stream: anyio.abc.SocketStream, request: bytes) -> None:
        streams.add(id(stream))
        await stream.send(http(BALANCE))

    async with raw_server(answer) as (url, requests), client_of(url) as client:
        for _ in range(5):
            await client.get_balance()
    assert len(requests) == 5
    assert len(streams) == 1


async def test_no_more_connections_than_allowed() -> None:
    """Fifty callers, five lanes, and every caller is served."""
    busy = peak = 0
    all_came = anyio.Event()

    async def answer(stream: anyio.abc.SocketStream, request: bytes) -> None:
        nonlocal busy, peak
        busy += 1
        peak = max(peak, busy)
        await all_came.wait()
        await anyio.sleep(0.005)
        busy -= 1
        await stream.send(http(BALANCE))

    async with raw_server(answer) as (url, requests), client_of(url, max_connections=5) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(client.get_balance)
            await until(lambda: busy >= 5)
            all_came.set()
    assert len(requests) == 50
    assert peak == 5


async def test_waiting_for_a_lane_is_limited_and_never_left() -> None:
    """The second caller of one busy lane gives up after the timeout, and says why."""
    async with raw_server(say_nothing) as (url, requests):
        async with (
            client_of(url, max_connections=1, retry=ONCE, iys=Iys.OFF, sender="FIRMA") as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(client.get_balance)
            await until(lambda: requests)
            impatient = client.with_options(timeout=httpx.Timeout(PATIENCE, pool=0.05))
            with pytest.raises(TransportError, match=r"no connection became free within 0\.05 s") as caught:
                await impatient.send_sms("Kodunuz 1234", "5301234567")
            assert type(caught.value) is TransportError
            tasks.cancel_scope.cancel()
    assert len(requests) == 1


async def test_idle_lanes_are_closed_when_the_pool_is_next_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that a burst left behind do not stay for ever."""
    open_connections = 0
    all_open = anyio.Event()

    async def answer(stream: anyio.abc.SocketStream, request: bytes) -> None:
        nonlocal open_connections
        # Once for each connection, as the call stays until it ends.
        open_connections += 1
        if open_connections == 10:
            all_open.set()
        await all_open.wait()
        await stream.send(http(BALANCE))
        try:
            while await stream.receive():
                raise AssertionError
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            open_connections -= 1

    async with raw_server(answer) as (url, _), client_of(url) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(client.get_balance)
        assert open_connections == 10
        monkeypatch.setattr("iletimerkezi_async.http.lanes._KEEPALIVE", 0.0)
        await client.get_balance()
        # The new one is closed, too, if it is kept for so short a time.
        await until(lambda: open_connections <= 1)


@pytest.mark.parametrize("how", ["deadlines", "at once"])
async def test_bursts_of_cancelled_calls_leave_the_client_sound(
    sandbox: Sandbox, make_client: MakeClient, how: str
) -> None:
    """Thirty calls given up, fifteen times over, on ten lanes: the next call is answered at once."""
    async with make_client(max_connections=10, retry=ONCE) as client:

        async def give_up(after: float) -> None:
            with anyio.move_on_after(after):
                await client.get_balance()

        for _ in range(15):
            async with anyio.create_task_group() as tasks:
                for index in range(30):
                    tasks.start_soon(give_up, index / 10_000 if how == "deadlines" else 10)
                if how == "at once":
                    await anyio.sleep(0.002)
                    tasks.cancel_scope.cancel()
        with anyio.fail_after(PATIENCE):
            await client.get_balance()
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(client.get_balance)


async def test_native_cancellation_of_asyncio_leaves_the_client_sound(
    anyio_backend: str, make_client: MakeClient
) -> None:
    """`task.cancel()`, as web frameworks do it, at every moment of a call."""
    if anyio_backend != "asyncio":
        pytest.skip("asyncio's own cancellation")
    async with make_client(max_connections=3, retry=ONCE) as client:
        for step in range(80):
            tasks = [asyncio.ensure_future(client.get_balance()) for _ in range(6)]
            for _ in range(step % 40):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with anyio.fail_after(PATIENCE):
            await asyncio.gather(*(client.get_balance() for _ in range(6)))


async def test_a_caller_who_gives_up_gets_out_at_once() -> None:
    """Closing the connection does not wait for the other side."""
    async with raw_server(say_nothing) as (url, requests), client_of(url, timeout=2 * PATIENCE) as client:
        with anyio.fail_after(PATIENCE):
            assert await give_up_once(lambda: requests, client.get_balance)


async def test_a_caller_who_gives_up_before_tls_is_agreed_leaves_no_connection() -> None:
    """The server sees it close at once; what the garbage collector had to close would fail the test."""
    greeted, closed = anyio.Event(), anyio.Event()

    async def say_nothing_in_tls(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            greeted.set()
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()
            closed.set()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, client_of(f"https://127.0.0.1:{port}/v1") as client, anyio.create_task_group() as server:
        server.start_soon(listener.serve, say_nothing_in_tls)
        async with anyio.create_task_group() as callers:
            callers.start_soon(client.get_balance)
            await greeted.wait()
            callers.cancel_scope.cancel()
        with anyio.fail_after(PATIENCE):
            await closed.wait()
        server.cancel_scope.cancel()


# Answers that do not end well.


async def test_a_service_that_never_answers() -> None:
    """The time limit holds, and says what it was."""
    async with raw_server(say_nothing) as (url, requests), client_of(url, timeout=READ, retry=ONCE) as client:
        with pytest.raises(TransportError, match=r"no answer within 0\.05 s"):
            await client.get_balance()
    assert len(requests) == 1


async def test_an_answer_byte_by_byte_ends_too() -> None:
    """An answer that comes byte by byte ends at the attempt's time limit, although no read is late."""

    async def trickle(stream: anyio.abc.SocketStream, request: bytes) -> None:
        await stream.send(http(b"x" * 1_000_000)[:-1_000_000])
        while True:
            await stream.send(b"x")
            await anyio.sleep(0.01)

    async with raw_server(trickle) as (url, _), client_of(url, retry=ONCE) as client:
        client._session.transport.longest_attempt = 0.5
        with (
            anyio.fail_after(PATIENCE),
            pytest.raises(TransportError, match="no complete answer within the time limit"),
        ):
            await client.get_balance()


async def test_an_answer_without_end_is_cut_off() -> None:
    """A hundred megabytes are not read into memory."""
    sent = 0

    async def flood(stream: anyio.abc.SocketStream, request: bytes) -> None:
        nonlocal sent
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while sent < 100_000_000:
            await stream.send(b" " * 100_000)
            sent += 100_000

    async with raw_server(flood) as (url, _), client_of(url, retry=ONCE) as client:
        with pytest.raises(TransportError, match="larger than 8 MiB"):
            await client.get_balance()
    assert sent < 50_000_000


@pytest.mark.parametrize("body", [gzip.compress(b" " * 20_000_000), b"neither packed nor JSON" * 9])
async def test_a_packed_answer_is_not_unpacked(body: bytes) -> None:
    """Nobody asked for one: a small piece of it could unpack to any size."""

    async def pack(stream: anyio.abc.SocketStream, request: bytes) -> None:
        await stream.send(http(body, headers=["Content-Encoding: gzip"]))

    tracemalloc.start()
    try:
        async with raw_server(pack) as (url, _), client_of(url, retry=ONCE) as client:
            with pytest.raises(TransportError, match="not the service's JSON"):
                await client.get_balance()
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


BROKEN_HTTP = [
    b"HTTP/1.1 2",
    b"SMTP ready\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    b"\0" * 100_000,
]


@pytest.mark.parametrize("bytes_", BROKEN_HTTP, ids=range(len(BROKEN_HTTP)))
async def test_broken_http_is_a_transport_error(bytes_: bytes) -> None:
    """And its bytes, which may repeat the request, are not quoted."""

    async def answer(stream: anyio.abc.SocketStream, request: bytes) -> str:
        await stream.send(bytes_)
        return "close"

    async with raw_server(answer) as (url, requests), client_of(url, retry=Retry(attempts=2, wait_initial=0)) as client:
        with pytest.raises(TransportError) as caught:
            await client.get_balance()
    assert len(requests) == 2
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "SMTP" not in str(caught.value)


@pytest.mark.parametrize(
    ("chained", "proven"), [("cause", True), ("context", True), ("neither", False), ("other", False)]
)
async def test_a_failure_that_directly_stems_from_connecting_never_left(chained: str, proven: bool) -> None:
    """As httpcore's own error shows, where the HTTP client has not cut it off."""

    def refuse() -> None:
        raise httpcore.ConnectError("refused")

    def fail() -> None:
        try:
            refuse()
        except httpcore.ConnectError as error:
            if chained == "other":
                raise httpx.ConnectError("refused") from httpcore.ReadError("lost")
            if chained == "cause":
                raise httpx.ConnectError("refused") from error
            if chained == "context":
                raise httpx.ConnectError("refused")  # noqa: B904 - what is tested
            raise httpx.ConnectError("refused") from None

    with pytest.raises(httpx.ConnectError) as failed:
        fail()
    with pytest.raises(TransportError if proven else OutcomeUnknownError):
        await Canned(failed.value, retry=ONCE).client.send_sms("Kodunuz 1234", "5301234567")


async def test_a_request_that_cannot_be_written_in_time_may_have_left() -> None:
    """The reason says so, and for how long it was tried."""
    canned = Canned(httpx.WriteTimeout("slow"), retry=ONCE, timeout=7)
    with pytest.raises(OutcomeUnknownError, match="the request could not be written within 7 s"):
        await canned.client.send_sms("Kodunuz 1234", "5301234567")


# TLS.


@contextmanager
def https_server() -> Iterator[tuple[str, trustme.CA]]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.wfile.write(http(BALANCE))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/v1", authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_tls_with_an_authority_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """SSL_CERT_FILE is honoured, as everywhere in httpx."""
    with https_server() as (url, authority):
        authority.cert_pem.write_to_path(f"{tmp_path}/ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path}/ca.pem")
        async with client_of(url) as client:
            assert (await client.get_balance()).sms == 1


async def test_an_unknown_certificate_is_refused_before_anything_is_sent() -> None:
    """It surely never left."""
    with https_server() as (url, _):
        async with client_of(url, retry=ONCE, iys=Iys.OFF, sender="FIRMA") as client:
            with pytest.raises(TransportError, match=r"cannot connect: .*CERTIFICATE_VERIFY_FAILED") as caught:
                await client.send_sms("Kodunuz 1234", "5301234567")
    assert type(caught.value) is TransportError


# Settings.


@pytest.mark.parametrize(
    "url",
    [
        "http://api.iletimerkezi.com/v1", "http://localhost.example/v1", "http://127.0.0.1.example/v1", "ftp://x/v1",
        "api.iletimerkezi.com/v1", "", "https://", "https://user:secret@api.example/v1", "https://api.example/v1?a=b",
        "https://api.example/v1#x", "http://[::2]/v1", "https://exa mple/\x00",
    ],
)  # fmt: skip
def test_an_unsafe_base_url_is_refused(url: str) -> None:
    """Plain HTTP shows the credentials to everybody on the way."""
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        AsyncClient("demo", "demo", base_url=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:80/v1", "http://127.9.9.9"]
)
def test_plain_http_is_for_the_loopback(url: str) -> None:
    """Where the sandbox is."""
    AsyncClient("demo", "demo", base_url=url)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("timeout", 0), ("timeout", -1.0), ("timeout", float("nan")), ("timeout", float("inf")), ("max_connections", 0),
     ("rate", 0), ("rate", -1), ("rate", float("nan")), ("rate", float("inf")), ("iys", "HAYIR")],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(setting: str, value: object) -> None:
    """At construction, by name."""
    with pytest.raises(ConfigurationError, match=setting):
        AsyncClient("demo", "demo", **{setting: value})  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    "options",
    [
        {"attempts": 0},
        {"attempts": "3"},
        {"attempts": True},
        {"wait_initial": -1},
        {"wait_initial": None},
        {"wait_max": -0.1},
    ],
)
def test_a_retry_that_cannot_work_is_refused(options: dict[str, float]) -> None:
    """At construction."""
    with pytest.raises(ConfigurationError, match="must be"):
        Retry(**options)  # type: ignore[arg-type]  # the point of the test


async def test_a_caller_s_http_client_is_used_as_it_is_and_left_open() -> None:
    """With its own headers and hooks; closing ours leaves it alone."""
    canned = Canned(ok(balance={"amount": 0, "sms": 1}))
    canned.http.headers["X-Gateway"] = "ic"
    async with canned.client as client:
        await client.get_balance()
    assert canned.requests[0].headers["X-Gateway"] == "ic"
    assert not canned.http.is_closed


# Life of a client.


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_client_serves_one_event_loop_after_another(url: str, sandbox: Sandbox) -> None:
    """Made outside of any loop, used in asyncio, then in trio, then in asyncio again.

    The connections that it leaves open in a loop that ended are the interpreter's to close and to warn of.
    """
    client = client_of(url)

    async def main() -> None:
        await client.get_balance()
        await client.get_balance()

    for backend in ("asyncio", "trio", "asyncio", "trio"):
        anyio.run(main, backend=backend)
        gc.collect()
    anyio.run(client.aclose)
    gc.collect()
    assert len(sandbox.requests) == 8


async def test_entered_in_one_task_and_closed_in_another(url: str) -> None:
    """As web frameworks do it."""
    client = client_of(url)

    async def enter() -> None:
        await client.__aenter__()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enter)
    await client.get_balance()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.aclose)


async def test_a_closed_client_says_so(url: str) -> None:
    """Closing twice is closing once."""
    client = client_of(url)
    await client.get_balance()
    await client.aclose()
    await client.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await client.get_balance()


async def test_a_call_under_way_outlives_the_close(sandbox: Sandbox, url: str) -> None:
    """It ends as it would, and its connection is closed after it."""

    async def slow(stream: anyio.abc.SocketStream, request: bytes) -> None:
        asked.set()
        await may_answer.wait()
        await stream.send(http(BALANCE))
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        closed.set()

    asked, may_answer, closed = anyio.Event(), anyio.Event(), anyio.Event()
    async with raw_server(slow) as (slow_url, _):
        client = client_of(slow_url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get_balance)
            await asked.wait()
            await client.aclose()
            may_answer.set()
        with anyio.fail_after(PATIENCE):
            await closed.wait()
