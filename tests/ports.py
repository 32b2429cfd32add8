"""Ports for servers that tests start as processes of their own. `.ci/run` uses it before anything is installed."""

from __future__ import annotations

import random
import socket
import subprocess
import time

# Below those from which the system takes the ports of outgoing connections. One of these may be in use by the time the
# server begins; and whoever knocks again and again until it listens is at last connected with itself.
_PORTS = range(10_000, 30_000)


def free_port() -> int:
    """A port on which nobody listens."""
    while True:
        # Not by the searches' seed, which is the same in all processes that run tests.
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens there.

    Raises:
        RuntimeError: The process has ended, or listens only after two minutes, if at all.
    """
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError("it does not listen")
