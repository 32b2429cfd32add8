"""Runs a recipe as its readers would: a process of its own, beside a sandbox behind a real socket."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from recipe_processes import Serve, free_port, running, wait_for_port


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
