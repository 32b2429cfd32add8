"""The worker, with taskiq on a real Redis server: what is delivered more than once is sent once."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

import anyio
import pytest
from recipe_processes import HERE, free_port, running, wait_for_port

from iletimerkezi_async.sandbox import Sandbox

VARIABLE = "ILETIMERKEZI_TEST_REDIS"
NUMBER = 5301234567

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server that the environment names, or one of our own."""
    url = os.environ.get(VARIABLE)
    if url:
        yield url
        return
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip(
            f"the worker recipe was left out: there is no Redis server ({VARIABLE} is not set, "
            "and no redis-server is installed: apt-get install redis-server)"
        )
    port = free_port()
    options = {"port": str(port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "logfile": os.devnull}
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    with running(server, *arguments, "--dir", str(tmp_path_factory.mktemp("redis"))) as process:
        wait_for_port(port, process)
        yield f"redis://127.0.0.1:{port}"


@pytest.fixture
def environment(settings: dict[str, str], redis_url: str) -> dict[str, str]:
    """What the worker and whoever queues have in common; a queue of its own for each test."""
    return settings | {
        "REDIS_URL": redis_url,
        "QUEUE": f"notices-{uuid.uuid4()}",
        "REDELIVERY_SECONDS": "1",
        "PAUSE_SECONDS": "0.1",
        # Not our packages.
        "PYTHONWARNINGS": "default",
    }


@pytest.fixture
async def recipe(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModuleType]:
    """The module as the web service imports it, to queue tasks."""
    pytest.importorskip("taskiq_redis", reason="the worker recipe was left out: taskiq-redis is not installed")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "worker", raising=False)
    module = importlib.import_module("worker")
    await module.broker.startup()
    yield module
    await module.broker.shutdown()
    sys.modules.pop("worker", None)


@contextmanager
def working(environment: dict[str, str]) -> Iterator[None]:
    """A worker, as it runs in production, that ends as by a power cut.

    (Asked politely, taskiq's worker waits for one more task.)
    """
    command = [sys.executable, "-m", "taskiq", "worker", "worker:broker", "--workers", "1", "--log-level", "ERROR"]
    process = subprocess.Popen(command, cwd=HERE, env=os.environ | environment, start_new_session=True)
    try:
        yield
        assert process.poll() is None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(15):
        while not condition():  # noqa: ASYNC110 - the sandbox runs in another thread
            await anyio.sleep(0.02)


class Records:
    """The recipe's own records."""

    def __init__(self, recipe: ModuleType) -> None:
        self._redis = recipe.Redis.from_url(recipe.REDIS_URL, decode_responses=True)
        self._queue = recipe.QUEUE

    async def get(self, notice: str) -> str:
        return str(await self._redis.get(f"{self._queue}:notice:{notice}")).partition(" ")[0]

    async def put(self, notice: str, value: str) -> None:
        await self._redis.set(f"{self._queue}:notice:{notice}", value)

    async def wait(self, notice: str, word: str) -> None:
        with anyio.fail_after(15):
            while await self.get(notice) != word:  # noqa: ASYNC110 - another process writes it
                await anyio.sleep(0.02)

    async def aclose(self) -> None:
        await self._redis.aclose()


@pytest.fixture
async def records(recipe: ModuleType) -> AsyncIterator[Records]:
    records = Records(recipe)
    yield records
    await records.aclose()


async def test_a_worker_that_is_killed_while_it_sends(
    sandbox: Sandbox, recipe: ModuleType, records: Records, environment: dict[str, str]
) -> None:
    """The order was taken, and the worker died before it knew. The service tells the next one."""
    sandbox.fail("send-sms", "stall")
    await recipe.send_notice.kiq("a", str(NUMBER), "Kargonuz yola çıktı: A")
    with working(environment):
        await until(lambda: bool(sandbox.orders))
        assert await records.get("a") == "begun"
    await anyio.sleep(1)
    with working(environment):
        # taskiq-redis looks for what was left behind whenever something new has come.
        await recipe.send_notice.kiq("b", str(NUMBER + 1), "Kargonuz yola çıktı: B")
        await records.wait("b", "sent")
        await records.wait("a", "sent")
    assert ("send-sms", 451) in sandbox.requests
    assert sandbox.deliveries == {f"+90{NUMBER}": 1, f"+90{NUMBER + 1}": 1}


async def test_deliveries_of_all_kinds(
    sandbox: Sandbox, recipe: ModuleType, records: Records, environment: dict[str, str]
) -> None:
    """Queued twice, lost answers, a service that is away, and a delivery that comes after the 10 minutes."""
    with working(environment):
        for _ in range(2):
            await recipe.send_notice.kiq("twice", str(NUMBER), "Kargonuz yola çıktı: 1")
        await records.wait("twice", "sent")

        # Every answer of the first delivery is lost: it is put back, and the service then knows it.
        sandbox.fail("send-sms", "drop-answer", times=2)
        await recipe.send_notice.kiq("lost", str(NUMBER + 1), "Kargonuz yola çıktı: 2")
        await records.wait("lost", "sent")

        sandbox.fail("send-sms", "503", times=2, retry_after=0)
        await recipe.send_notice.kiq("away", str(NUMBER + 2), "Kargonuz yola çıktı: 3")
        await records.wait("away", "sent")
        assert set(sandbox.deliveries.values()) == {1}
        assert len(sandbox.deliveries) == 3

        # After the 10 minutes the service would send it again: it is the record that protects.
        sandbox.advance(minutes=11)
        asked = len(sandbox.requests)
        await recipe.send_notice.kiq("twice", str(NUMBER), "Kargonuz yola çıktı: 1")
        # One that began, and whose end nobody knows.
        await records.put("old", f"begun {time.time() - 660}")
        await recipe.send_notice.kiq("old", str(NUMBER + 3), "Kargonuz yola çıktı: 4")
        await records.wait("old", "doubtful")
        await recipe.send_notice.kiq("last", str(NUMBER + 4), "Kargonuz yola çıktı: 5")
        await records.wait("last", "sent")
        assert [operation for operation, _ in sandbox.requests[asked:]] == ["send-sms"]
    assert set(sandbox.deliveries.values()) == {1}
    assert f"+90{NUMBER + 3}" not in sandbox.deliveries
