"""What the stress tests share: three event loops, plain connections and TLS, and a census of what must not be left."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from bad_servers import authority, serving
from census import open_descriptors
from fixture_types import ClientOf, Loop, NothingLeft, Serve

from iletimerkezi_async import AsyncClient, Iys, Retry

_HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None
_UVLOOP = pytest.param(
    ("asyncio", {"use_uvloop": True}),
    id="uvloop",
    marks=pytest.mark.skipif(not _HAS_UVLOOP, reason="uvloop is not installed"),
)
#: Event loops take some rounds of their own to close what was cancelled.
_PATIENCE = 10


@pytest.fixture(params=["asyncio", _UVLOOP, "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest.fixture
def loops() -> list[Loop]:
    """The same loops, for tests that run them themselves."""
    return [("asyncio", {}), *([("asyncio", {"use_uvloop": True})] if _HAS_UVLOOP else []), ("trio", {})]


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> int:
    """How many times as many rounds: `--stress-scale`."""
    return int(request.config.getoption("--stress-scale"))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve raw answers from a thread of its own, without TLS; gives the base URL."""
    with ExitStack() as started:
        yield lambda answer: started.enter_context(serving(answer))


@pytest.fixture
def serve_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """The same with TLS; clients made from here on trust it."""
    trusted, context = authority()
    trusted.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with ExitStack() as started:
        yield lambda answer: started.enter_context(serving(answer, tls=context))


@pytest.fixture(params=["plain", "tls"])
def serve_either(request: pytest.FixtureRequest) -> Serve:
    """First without TLS, then with it."""
    serve: Serve = request.getfixturevalue("serve" if request.param == "plain" else "serve_tls")
    return serve


@pytest.fixture
def client_of() -> ClientOf:
    """A client of a base URL: ten lanes, no pauses."""

    def make(url: str, **options: object) -> AsyncClient:
        settings: dict[str, object] = {
            "sender": "FIRMA",
            "iys": Iys.OFF,
            "base_url": url,
            "retry": Retry(wait_initial=0.001, wait_max=0.01),
            "rate": None,
            "max_connections": 10,
        }
        return AsyncClient("demo", "demo", **(settings | options))  # type: ignore[arg-type]  # settings of any type

    return make


@pytest.fixture
def nothing_left() -> NothingLeft:
    """A context that no open descriptor and no running task may survive.

    The garbage collector runs first: what it would have to close, it warns of, and a warning fails the test.
    """

    @asynccontextmanager
    async def check() -> AsyncIterator[None]:
        gc.collect()
        before = _census()
        yield
        with anyio.move_on_after(_PATIENCE):
            while _is_more(_census(), before):
                gc.collect()
                await anyio.sleep(0.01)
        after = _census()
        assert not _is_more(after, before), f"left over: {after[0] - before[0]} descriptors, {after[1]}"

    return check


def _census() -> tuple[int, list[str]]:
    return open_descriptors(), [task.name or "" for task in anyio.get_running_tasks()]


def _is_more(now: tuple[int, list[str]], before: tuple[int, list[str]]) -> bool:
    return now[0] > before[0] or len(now[1]) > len(before[1])
