"""Runs what a recipe needs, as processes of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import PATIENCE

#: The recipes' folder.
HERE = Path(__file__).parent


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
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


#: Starts a module with arguments, in which `PORT` stands for a free one; gives its address.
Serve = Callable[..., str]
