"""The worker, with procrastinate on a real PostgreSQL server: what is done more than once is sent once."""

from __future__ import annotations

import importlib
import os
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from types import ModuleType

import pytest
from recipe_processes import HERE

from iletimerkezi_async.sandbox import Sandbox

sys.path.append(str(HERE.parent / "stores"))

NUMBER = 5301234567

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


@pytest.fixture(scope="module")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of its own, on the server that the environment names, or on one of our own."""
    import psycopg
    from servers import Postgres, own_postgres

    url = os.environ.get("ILETIMERKEZI_TEST_POSTGRES")
    if not url:
        reason = Postgres.reason_to_skip()
        if reason:
            pytest.skip(reason)
        with own_postgres(tmp_path_factory.mktemp("postgres")) as server:
            yield server.url
        return
    name = f"queue_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name of ours
    yield f"{url.rpartition('/')[0]}/{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # likewise


@pytest.fixture
async def recipe(
    settings: dict[str, str], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ModuleType]:
    """The module, as the worker and the web service import it."""
    pytest.importorskip("procrastinate", reason="the recipe was left out: procrastinate is not installed")
    for name, value in (settings | {"DATABASE_URL": postgres_url, "PAUSE_SECONDS": "0"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "postgres_worker", raising=False)
    module = importlib.import_module("postgres_worker")
    async with module.app.open_async():
        await module.app.schema_manager.apply_schema_async()
        yield module
    await module.sms.aclose()
    await module.store.aclose()
    sys.modules.pop("postgres_worker", None)


async def test_jobs_of_all_kinds(sandbox: Sandbox, recipe: ModuleType) -> None:
    """Queued twice, an answer that is lost for good at first, and a job that comes after the 10 minutes."""

    async def work(notice: str, number: int) -> None:
        await recipe.send_notice.defer_async(notice_id=notice, number=str(number), text=f"Kargonuz: {notice}")
        await recipe.app.run_worker_async(wait=False, queues=["notices"], install_signal_handlers=False)

    await work("twice", NUMBER)
    await work("twice", NUMBER)
    assert sandbox.request_counts["send-sms"] == 1

    # All attempts of the first try: the job comes back, and the service then knows the order.
    sandbox.fail("send-sms", "drop-answer", times=1)
    sandbox.fail("send-sms", "503", times=5, retry_after=0)
    await work("lost", NUMBER + 1)

    # After the 10 minutes the service would send it again: it is the key that protects.
    sandbox.advance(minutes=11)
    await work("twice", NUMBER)
    assert sandbox.deliveries == {f"+90{NUMBER}": 1, f"+90{NUMBER + 1}": 1}
    assert (await recipe.sms.find_send("notice-lost")).order_id == sandbox.orders[1].id
