"""What all tests share: both backends, a sandbox on a real socket, a client of it that does not dawdle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from hypothesis import settings
from waiting import PATIENCE

from iletimerkezi_async import AsyncClient, Iys, Retry
from iletimerkezi_async.sandbox import Sandbox

# Where the tests are a background job, the interrupt is ignored, and so it would be by the commands that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# For a night's search: pytest --hypothesis-profile=long tests/fuzz tests/model
settings.register_profile("long", max_examples=5000, deadline=None)
# New ones each time, for as long as somebody lets it search: see tests/hunt.py.
settings.register_profile("hunt", max_examples=250, deadline=None)
# How long an example takes tells of the machine. The same examples each time: what fails was changed by whoever sees it
# fail. For new ones there is the long search.
settings.register_profile("usual", deadline=None, derandomize=True, max_examples=40)
# Where another Python has made the searches.
settings.register_profile("brief", deadline=None, derandomize=True, max_examples=10)
settings.load_profile("usual")

# Those who call servers with httpx itself wait for five seconds unless they say otherwise; a busy machine takes longer.
for _limit in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, _limit, PATIENCE)

#: The default policy without its pauses.
QUICK = Retry(wait_initial=0.001, wait_max=0.01)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each processor, as tests wait for half of their time; each imports everything, so no more than eight."""
    return min(8, 2 * (os.cpu_count() or 1))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stress-scale", type=int, default=1, metavar="N", help="N times as many rounds in the stress tests"
    )


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def no_credentials_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "HASH"):
        monkeypatch.delenv(f"ILETIMERKEZI_API_{name}", raising=False)
    monkeypatch.delenv("ILETIMERKEZI_SENDER", raising=False)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(first_id=42_800_001)


@pytest.fixture
def url(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient("demo", "demo", sender="FIRMA", iys=Iys.OFF, base_url=url, retry=QUICK, rate=None) as client:
        yield client


@pytest.fixture
def make_client(url: str) -> Callable[..., AsyncClient]:
    def make(**options: object) -> AsyncClient:
        settings: dict[str, object] = {"sender": "FIRMA", "iys": Iys.OFF, "base_url": url, "retry": QUICK, "rate": None}
        return AsyncClient("demo", "demo", **(settings | options))  # type: ignore[arg-type]  # settings of any type

    return make


@pytest.fixture
def pass_minutes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sandbox, float], None]:
    """Let the time go by for everybody."""
    real = time.time
    late = 0.0

    def go_by(sandbox: Sandbox, minutes: float) -> None:
        nonlocal late
        late += 60 * minutes
        sandbox.advance(minutes=minutes)
        monkeypatch.setattr("time.time", lambda: real() + late)

    return go_by
