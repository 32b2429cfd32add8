"""Settings of the wrong kind, and an environment that is wrong: told when the client is made, by name, and quietly."""

from __future__ import annotations

import gc
import ssl
import sys
import threading
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import anyio
import anyio.abc
import httpx
import pytest
import trustme
from canned import http, raw_server
from frames import everything_of
from waiting import PATIENCE

from iletimerkezi_async import AsyncClient, ConfigurationError, DateRangeError, Retry
from iletimerkezi_async.http.lanes import LanePool
from iletimerkezi_async.http.settings import longest_attempt
from iletimerkezi_async.sandbox import Sandbox

BALANCE = b'{"response":{"status":{"code":200},"balance":{"amount":"0","sms":"1"}}}'
NAN, INF = float("nan"), float("inf")

WRONG = {
    "retry": [3, None, "3", True, Retry, {"attempts": 3}, httpx.Timeout(3)],
    "timeout": [
        None, "30", True, False, 0, -1, NAN, INF, -INF, [], {}, b"30", (5, 5), Decimal(5), 1j, httpx.Timeout, 10**400,
        httpx.Timeout(-1), httpx.Timeout(0), httpx.Timeout(5, read=-1), httpx.Timeout(5, connect=0),
        httpx.Timeout(5, read="5"), httpx.Timeout(5, write=NAN), httpx.Timeout(5, pool=-1), httpx.Timeout(5, pool=True),
    ],
    "max_connections": [None, "100", True, 0, -1, 1.5, NAN, INF, [], 10.0],
    "base_url": [5, "https://x.example:99999/v1", "https://x .example/v1", "https://x.example ",
                 "https://x.example/v 1", "https://x\t.example", "https://xn--/v1", httpx.URL("https://x .example"),
                 b"https://x/v1", ["https://x/v1"], Path("https://x/v1"), True],
}  # fmt: skip


@pytest.mark.parametrize(("setting", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_setting_of_the_wrong_kind_is_refused(setting: str, value: object) -> None:
    """And what is expected is said."""
    with pytest.raises(ConfigurationError, match=f"`{setting}` must be"):
        AsyncClient("demo", "demo", **{setting: value})  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    ("setting", "value"),
    [("timeout", Fraction(1, 2)), ("timeout", 5), ("timeout", httpx.Timeout(5, pool=0)),
     ("timeout", httpx.Timeout(None)),
     ("rate", Fraction(5, 2)), ("rate", 0.001), ("max_connections", 1), ("base_url", httpx.URL("https://x.example/v1"))],
)  # fmt: skip
def test_a_setting_of_a_related_kind_is_taken(setting: str, value: object) -> None:
    """A number is a number; not to wait for a connection, and to wait for ever, are choices."""
    AsyncClient("demo", "demo", **{setting: value})  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize(
    ("setting", "value"),
    [(name, value) for name in ("attempts", "wait_initial", "wait_max") for value in (None, "3", True, -1, NAN)]
    + [("attempts", 0), ("attempts", 1.5)],
)
def test_a_policy_that_cannot_work_is_refused(setting: str, value: object) -> None:
    """When the `Retry` is made, and by the setting's name."""
    with pytest.raises(ConfigurationError, match=f"`{setting}` must be"):
        Retry(**{setting: value})  # type: ignore[arg-type]  # the point of the test


def test_numbers_of_numpy_are_taken() -> None:
    """As a configuration that was computed has them."""
    numpy = pytest.importorskip("numpy")
    AsyncClient("demo", "demo", timeout=numpy.float32(5), rate=numpy.int64(50), max_connections=numpy.int64(5))


def test_values_of_numpy_and_pandas_that_are_something_else_are_refused() -> None:
    """As a configuration may have them by mistake; they claim to be numbers, or have no truth."""
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    for option in ({"timeout": numpy.timedelta64(5, "s")}, {"rate": numpy.timedelta64(5, "s")}):
        with pytest.raises(ConfigurationError):
            AsyncClient("demo", "demo", **option)
    for secret in (pandas.NA, pandas.Series(["demo", "demo"]), numpy.array(["demo", "demo"])):
        with pytest.raises(ConfigurationError, match="must be text"):
            AsyncClient(secret, "demo")
        with pytest.raises(ConfigurationError, match="must be text"):
            AsyncClient("demo", secret)
    with pytest.raises(DateRangeError, match="`start` is out of range"):
        AsyncClient("demo", "demo").get_reports(pandas.Timestamp.max.tz_localize("UTC"), pandas.Timestamp("2026-01-01"))


@pytest.mark.parametrize(("limits", "seconds"), [
    ({"connect": 1, "read": 2, "write": 3, "pool": 4}, 8), ({"connect": 1, "read": 6, "write": 3, "pool": 0}, 7),
    ({"connect": 1, "read": None, "write": 3, "pool": 4}, INF),
    ({"connect": 1, "read": 2, "write": 3, "pool": None}, INF),
])  # fmt: skip
def test_an_attempt_ends_after_all_of_its_limits(limits: dict[str, float | None], seconds: float) -> None:
    """Waiting for a connection, making it, and the longer of reading and writing; without one of them never."""
    assert longest_attempt(httpx.Timeout(**limits)) == seconds


# The environment.


@pytest.mark.parametrize("around", ['"{}"', "'{}'", "'{}", "`{}`", "\u201c{}\u201d"])
@pytest.mark.parametrize("variable", ["ILETIMERKEZI_API_KEY", "ILETIMERKEZI_API_HASH"])
def test_quotes_around_a_variable_are_named(monkeypatch: pytest.MonkeyPatch, variable: str, around: str) -> None:
    """As files of settings have them where nobody takes them off; the service would refuse them with 401."""
    for name in ("ILETIMERKEZI_API_KEY", "ILETIMERKEZI_API_HASH"):
        monkeypatch.setenv(name, "gizli")
    monkeypatch.setenv(variable, around.format("GIZLI"))
    with pytest.raises(ConfigurationError, match=f"variable {variable} has quotation marks around it") as caught:
        AsyncClient()
    assert "GIZLI" not in everything_of(caught.value)


def test_quotes_around_other_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender, and the address."""
    monkeypatch.setenv("ILETIMERKEZI_SENDER", '"FIRMA"')
    with pytest.raises(ConfigurationError, match="variable ILETIMERKEZI_SENDER has quotation marks around it"):
        AsyncClient("demo", "demo")
    monkeypatch.setenv("ILETIMERKEZI_SENDER", "FIRMA")
    monkeypatch.setenv("ILETIMERKEZI_BASE_URL", '"https://api.example/v1"')
    with pytest.raises(ConfigurationError, match="variable ILETIMERKEZI_BASE_URL must be an absolute"):
        AsyncClient("demo", "demo")


@pytest.mark.parametrize("around", ["{}\n", " {}", "{}\r\n", "{}\t", "\ufeff{}", "\u00a0{}", "{}\u200b", "\n{}\n"])
@pytest.mark.parametrize("variable", ["ILETIMERKEZI_API_KEY", "ILETIMERKEZI_API_HASH", "ILETIMERKEZI_SENDER"])
def test_white_space_in_a_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, around: str) -> None:
    """As a file that ends in a line end leaves it there; the value is not shown."""
    for name in ("ILETIMERKEZI_API_KEY", "ILETIMERKEZI_API_HASH"):
        monkeypatch.setenv(name, "gizli")
    monkeypatch.setenv(variable, around.format("GIZLI"))
    with pytest.raises(ConfigurationError, match=variable) as caught:
        AsyncClient()
    assert "GIZLI" not in everything_of(caught.value)


@pytest.mark.parametrize("argument", ["key", "hash"])
def test_white_space_in_an_argument_is_named(argument: str) -> None:
    """The argument, and not a variable that nobody set."""
    with pytest.raises(ConfigurationError, match=f"`{argument}` has white space") as caught:
        AsyncClient(**({"key": "gizli", "hash": "gizli"} | {argument: "gizli\n"}))
    assert "VARIABLE" not in str(caught.value)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """The variable and the path."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "yok"))
    with pytest.raises(ConfigurationError, match=variable) as caught:
        AsyncClient("demo", "demo")
    assert str(tmp_path / "yok") in str(caught.value)
    assert caught.value.__context__ is None
    AsyncClient("demo", "demo", base_url="http://127.0.0.1/v1")


def test_a_folder_of_certificates_that_a_file_replaces_need_not_be_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of the two variables, httpx reads the file's alone."""
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "yok"))
    AsyncClient("demo", "demo")


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_that_holds_no_certificate_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    """Instead of a nameless error of OpenSSL."""
    (tmp_path / "ca.pem").write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        AsyncClient("demo", "demo")


def test_a_key_log_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python heeds that variable, too."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "yok" / "keys"))
    with pytest.raises(ConfigurationError, match=r"SSLKEYLOGFILE.*No such file or directory"):
        AsyncClient("demo", "demo")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "address", ["http://user:hidden@proxy:port", "http://user:hidden@", "http://user:hidden@p:99999"]
)
def test_a_broken_proxy_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, address: str) -> None:
    """By its variable; the address, which may hold a password, is not shown."""
    monkeypatch.setenv(variable, address)
    with pytest.raises(ConfigurationError, match=variable) as caught:
        AsyncClient("demo", "demo")
    assert "hidden" not in everything_of(caught.value)


def test_a_proxy_that_wants_a_package_is_told_when_the_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not by every call."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="socksio"):
        AsyncClient("demo", "demo")


def test_a_password_in_the_base_url_is_not_shown() -> None:
    """Neither in words nor in the variables of our frames."""
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        AsyncClient("demo", "demo", base_url="https://user:hidden@api.example/v1")
    assert "hidden" not in everything_of(caught.value)


# Event loops side by side.


def test_loops_in_threads_keep_their_connections(url: str, sandbox: Sandbox) -> None:
    """One client in four threads, of both backends: each loop opens one connection, and uses it for all its calls."""
    client = AsyncClient("demo", "demo", base_url=url, rate=None)
    together = threading.Barrier(4)

    async def main() -> None:
        for _ in range(10):
            await client.get_balance()
            # All loops call in turn.
            await anyio.to_thread.run_sync(together.wait, PATIENCE)
        opened.append(len(client._session.transport._pool._lanes_here()._idle))  # type: ignore[attr-defined]  # it is a LanePool
        await client._session.transport._pool.aclose()

    opened: list[int] = []
    threads = [
        threading.Thread(target=anyio.run, args=(main,), kwargs={"backend": backend})
        for backend in ("asyncio", "trio", "asyncio", "trio")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert opened == [1, 1, 1, 1]
    assert len(sandbox.requests) == 40


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_lanes_of_loops_that_ended_are_dropped(url: str) -> None:
    """However many there were."""
    client = AsyncClient("demo", "demo", base_url=url, rate=None)
    for _ in range(5):
        for backend in ("asyncio", "trio"):
            anyio.run(client.get_balance, backend=backend)
    pool = client._session.transport._pool
    assert isinstance(pool, LanePool)
    gc.collect()
    anyio.run(client.get_balance)
    assert len(pool._by_loop) == 1
    anyio.run(client.aclose)
    del pool, client
    gc.collect()


# How lanes speak.


@pytest.mark.anyio
async def test_lanes_speak_http_1_1_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request at a time on a connection: no other protocol is offered to the server."""
    offered: list[list[str]] = []
    real = ssl.SSLContext.set_alpn_protocols

    def note(self: ssl.SSLContext, protocols: list[str]) -> None:
        offered.append(list(protocols))
        real(self, protocols)

    monkeypatch.setattr(ssl.SSLContext, "set_alpn_protocols", note)

    async def hang_up(stream: anyio.abc.ByteStream, request: bytes) -> str:
        return "close"

    async with raw_server(hang_up) as (url, _):
        address = url.replace("http://", "https://")
        async with AsyncClient("demo", "demo", base_url=address, timeout=0.2, retry=Retry(attempts=1)) as client:
            with pytest.raises(Exception, match="get-balance"):
                await client.get_balance()
    assert offered
    assert all(protocols == ["http/1.1"] for protocols in offered)


@pytest.mark.anyio
async def test_an_answer_that_is_read_to_its_end_leaves_no_lane_open_after_the_close() -> None:
    """Closing the client closes the idle connection, which the server sees."""
    closed = anyio.Event()

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await stream.send(http(BALANCE))
        try:
            await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            closed.set()
            raise

    async with raw_server(answer) as (url, _):
        client = AsyncClient("demo", "demo", base_url=url, rate=None)
        await client.get_balance()
        assert not closed.is_set()
        await client.aclose()
        with anyio.fail_after(PATIENCE):
            await closed.wait()


@pytest.mark.anyio
@pytest.mark.parametrize(("date", "seconds"), [("Wed, 25 Nov 2026 14:00:00 GMT", 1.0), (None, 0.0)])
async def test_a_dated_retry_after_is_taken_against_the_server_s_clock(date: str | None, seconds: float) -> None:
    """A date is so many seconds after the answer's own; without that, after now, and one that is past is none."""
    came: list[float] = []

    async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
        came.append(anyio.current_time())
        headers = [
            "Retry-After: Wed, 25 Nov 2026 14:00:01 GMT" if date else "Retry-After: Wed, 25 Nov 2020 14:00:01 GMT"
        ]
        headers += [f"Date: {date}"] if date else []
        await stream.send(http(b"", "503 Busy", headers) if len(came) == 1 else http(BALANCE))

    async with raw_server(answer) as (url, _), AsyncClient("demo", "demo", base_url=url, rate=None) as client:
        assert (await client.get_balance()).sms == 1
    assert came[1] - came[0] >= seconds
