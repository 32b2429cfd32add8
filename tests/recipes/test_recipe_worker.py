"""The worker, with taskiq on a real Redis server: what is delivered more than once is sent once."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

import anyio
import pytest
from recipe_processes import HERE
from redis import Redis
from waiting import until, until_told

from iletimerkezi_async import AsyncClient, Iys
from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.stores import RedisStore

NUMBER = 5301234567

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


@pytest.fixture
def api_key() -> str:
    """An account that nobody else has, as the server may be shared."""
    return uuid.uuid4().hex


@pytest.fixture
def sandbox(api_key: str) -> Sandbox:
    return Sandbox(key=api_key)


@pytest.fixture
def environment(settings: dict[str, str], redis_url: str, api_key: str) -> dict[str, str]:
    """What the worker and whoever queues have in common; a queue of its own for each test."""
    return settings | {
        "ILETIMERKEZI_API_KEY": api_key,
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


class Keys:
    """What the store knows of the notices."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._store = RedisStore(environment["REDIS_URL"])
        self._client = AsyncClient(
            environment["ILETIMERKEZI_API_KEY"], "demo", iys=Iys.OFF, sender="FIRMA",
            base_url=environment["ILETIMERKEZI_BASE_URL"], store=self._store,
        )  # fmt: skip
        self._url = environment["REDIS_URL"]

    async def state(self, notice: str) -> str | None:
        found = await self._client.find_send(f"notice-{notice}")
        return None if found is None else found.state.value

    async def wait(self, notice: str, state: str) -> None:
        async def is_there() -> bool:
            return await self.state(notice) == state

        await until_told(is_there)

    def end_leases(self) -> None:
        """As if time had gone on: those of dead workers are over."""
        with Redis.from_url(self._url, decode_responses=True) as server:
            for key in server.scan_iter("iletimerkezi:*:key:notice-*"):
                server.hset(key, "lease_until", "0")

    async def aclose(self) -> None:
        await self._client.aclose()
        await self._store.aclose()


@pytest.fixture
async def keys(environment: dict[str, str]) -> AsyncIterator[Keys]:
    keys = Keys(environment)
    yield keys
    await keys.aclose()


async def test_a_worker_that_is_killed_while_it_sends(
    sandbox: Sandbox, recipe: ModuleType, keys: Keys, environment: dict[str, str]
) -> None:
    """The order was taken, and the worker died before it knew. The next one finds it, and sends nothing twice."""
    sandbox.fail("send-sms", "stall")
    await recipe.send_notice.kiq("a", str(NUMBER), "Kargonuz yola çıktı: A")
    with working(environment):
        await until(lambda: bool(sandbox.orders))
        assert await keys.state("a") == "begun"
    await anyio.sleep(1)
    keys.end_leases()
    with working(environment):
        # taskiq-redis looks for what was left behind whenever something new has come.
        await recipe.send_notice.kiq("b", str(NUMBER + 1), "Kargonuz yola çıktı: B")
        await keys.wait("b", "sent")
        await keys.wait("a", "sent")
    assert sandbox.deliveries == {f"+90{NUMBER}": 1, f"+90{NUMBER + 1}": 1}


async def test_deliveries_of_all_kinds(
    sandbox: Sandbox, recipe: ModuleType, keys: Keys, environment: dict[str, str]
) -> None:
    """Queued twice, lost answers, a service that is away, and a delivery that comes after the 10 minutes."""
    with working(environment):
        for _ in range(2):
            await recipe.send_notice.kiq("twice", str(NUMBER), "Kargonuz yola çıktı: 1")
        await keys.wait("twice", "sent")

        # Every answer of the first delivery is lost: it is put back, and the service then knows it.
        sandbox.fail("send-sms", "drop-answer", times=2)
        await recipe.send_notice.kiq("lost", str(NUMBER + 1), "Kargonuz yola çıktı: 2")
        await keys.wait("lost", "sent")

        sandbox.fail("send-sms", "503", times=2, retry_after=0)
        await recipe.send_notice.kiq("away", str(NUMBER + 2), "Kargonuz yola çıktı: 3")
        await keys.wait("away", "sent")

        # After the 10 minutes the service would send it again: it is the key that protects.
        sandbox.advance(minutes=11)
        await recipe.send_notice.kiq("twice", str(NUMBER), "Kargonuz yola çıktı: 1")
        await recipe.send_notice.kiq("last", str(NUMBER + 3), "Kargonuz yola çıktı: 4")
        await keys.wait("last", "sent")
    assert sorted(sandbox.deliveries.values()) == [1, 1, 1, 1]
