"""Runs a recipe as its readers would: a process of its own, beside a sandbox behind a real socket."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from ports import free_port, wait_for_port
from recipe_processes import Serve, running

VARIABLE = "ILETIMERKEZI_TEST_REDIS"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server that the environment names, or one of our own."""
    url = os.environ.get(VARIABLE)
    if url:
        yield url
        return
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip(
            f"the recipes on Redis were left out: there is no Redis server ({VARIABLE} is not set, "
            "and no redis-server is installed: apt-get install redis-server)"
        )
    port = free_port()
    options = {"port": str(port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "logfile": os.devnull}
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    with running(server, *arguments, "--dir", str(tmp_path_factory.mktemp("redis"))) as process:
        wait_for_port(port, process)
        yield f"redis://127.0.0.1:{port}"


@pytest.fixture
def settings(url: str) -> dict[str, str]:
    """What `iletimerkezi sandbox` would have had exported."""
    return {
        "ILETIMERKEZI_API_KEY": "demo",
        "ILETIMERKEZI_API_HASH": "demo",
        "ILETIMERKEZI_SENDER": "FIRMA",
        "ILETIMERKEZI_BASE_URL": url,
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
def serve(settings: dict[str, str]) -> Iterator[Serve]:
    """Start a module with arguments, in which `PORT` stands for a free one; its address."""
    with ExitStack() as started:

        def start(*module: str, **environment: str) -> str:
            port = free_port()
            arguments = [str(port) if word == "PORT" else word for word in module]
            process = started.enter_context(running(sys.executable, "-m", *arguments, **settings, **environment))
            wait_for_port(port, process)
            return f"http://127.0.0.1:{port}"

        yield start
