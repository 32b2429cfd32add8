"""Runs what a recipe needs, as processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: The recipes' folder.
HERE = Path(__file__).parent
_PATIENCE = 20


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens there.

    Raises:
        RuntimeError: The process has ended, or time is up.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("it does not listen")


@contextmanager
def running(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is stopped in the end, politely and then not; it must not have died before."""
    process = subprocess.Popen(command, cwd=HERE, env=os.environ | environment)
    try:
        yield process
        assert process.poll() is None
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


#: Starts a module with arguments, in which `PORT` stands for a free one; gives its address.
Serve = Callable[..., str]
