"""The Celery worker on a real Redis server: what is delivered more than once is sent once."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType

import pytest
from recipe_processes import HERE
from waiting import PATIENCE

from iletimerkezi_async import InsufficientBalanceError
from iletimerkezi_async.sandbox import Sandbox

NUMBER = 5301234567


@pytest.fixture
def api_key() -> str:
    """An account that nobody else has, as the server may be shared."""
    return uuid.uuid4().hex


@pytest.fixture
def sandbox(api_key: str) -> Sandbox:
    return Sandbox(key=api_key)


@pytest.fixture
def recipe(
    api_key: str, settings: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The module as the web service imports it, to queue tasks, with a worker beside it."""
    pytest.importorskip("celery", reason="the Celery recipe was left out: celery is not installed")
    environment = settings | {
        "ILETIMERKEZI_API_KEY": api_key,
        "REDIS_URL": redis_url,
        "QUEUE": f"notices-{uuid.uuid4()}",
        "PAUSE_SECONDS": "0.1",
        # Not our packages.
        "PYTHONWARNINGS": "default",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "celery_worker", raising=False)
    command = [sys.executable, "-m", "celery", "--app", "celery_worker", "worker", "--concurrency", "2", "-l", "ERROR"]
    process = subprocess.Popen(command, cwd=HERE, env=os.environ | environment, start_new_session=True)
    try:
        yield importlib.import_module("celery_worker")
        assert process.poll() is None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        sys.modules.pop("celery_worker", None)


def test_what_is_queued_twice_or_lost_is_sent_once(sandbox: Sandbox, recipe: ModuleType) -> None:
    """Two tasks of one notice give the same order; lost answers and a service that is away are come back from."""
    twice = [recipe.send_notice.delay("twice", str(NUMBER), "Kargonuz yola çıktı: 1") for _ in range(2)]
    ids = {task.get(timeout=PATIENCE) for task in twice}
    sandbox.fail("send-sms", "drop-answer", times=5)
    lost = recipe.send_notice.delay("lost", str(NUMBER + 1), "Kargonuz yola çıktı: 2").get(timeout=PATIENCE)
    sandbox.fail("send-sms", "503", times=6, retry_after=0)
    away = recipe.send_notice.delay("away", str(NUMBER + 2), "Kargonuz yola çıktı: 3").get(timeout=PATIENCE)
    assert ids | {lost, away} == {order.id for order in sandbox.orders}
    assert sorted(sandbox.deliveries.values()) == [1, 1, 1]


def test_an_error_comes_back_as_what_it_was(sandbox: Sandbox, recipe: ModuleType) -> None:
    """Through Celery's JSON: its class, its code and what to do are those of the worker's."""
    sandbox.fail("send-sms", "402")
    task = recipe.send_notice.delay("poor", str(NUMBER), "Kargonuz yola çıktı: 4")
    with pytest.raises(InsufficientBalanceError, match="top up the account") as caught:
        task.get(timeout=PATIENCE)
    assert caught.value.code == 402
