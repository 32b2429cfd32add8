"""The campaign without a disk, on a real PostgreSQL server: killed in one process, it goes on in another."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipe_processes import HERE
from waiting import PATIENCE, wait_until

from iletimerkezi_async.sandbox import Sandbox

sys.path.append(str(HERE.parent / "stores"))

NUMBERS = [f"+90530123{n}" for n in range(4000, 4300)]


@pytest.fixture(scope="module")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server that the environment names, or one of our own."""
    from servers import Postgres, named_or_own

    with named_or_own(Postgres, tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(key=uuid.uuid4().hex)


def test_it_goes_on_in_another_container(
    sandbox: Sandbox, settings: dict[str, str], postgres_url: str, tmp_path: Path
) -> None:
    """One is killed in the middle of an order, the other is started at once and waits for its lease."""
    import psycopg

    numbers = tmp_path / "list.txt"
    numbers.write_text("\n".join(NUMBERS))
    name = f"kis-{uuid.uuid4().hex}"
    environment = os.environ | settings | {
        "ILETIMERKEZI_API_KEY": sandbox.environment(settings["ILETIMERKEZI_BASE_URL"])["ILETIMERKEZI_API_KEY"],
        "DATABASE_URL": postgres_url, "BATCH_SIZE": "10", "PAUSE_SECONDS": "0.1", "PYTHONWARNINGS": "default",
    }  # fmt: skip
    command = [sys.executable, str(HERE / "diskless.py"), name, str(numbers)]
    sandbox.fail("send-sms", "close-idle", times=8)
    sandbox.fail("send-sms", "stall", times=2)
    first = subprocess.Popen(command, env=environment)
    wait_until(lambda: len(sandbox.orders) >= 10)
    second = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    first.kill()
    first.wait()
    assert len(sandbox.orders) < 30
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        # Two minutes later.
        connection.execute("UPDATE iletimerkezi_rows SET lease_until = 0 WHERE part = 0 AND name = %s", (name,))
    told, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, told
    assert sandbox.deliveries == dict.fromkeys(NUMBERS, 1)
