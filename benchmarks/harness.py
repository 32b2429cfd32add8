"""What the benchmarks share: the server's process, a measured child process, mixed spellings."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


@contextmanager
def server(*options: str) -> Iterator[tuple[str, str]]:
    """The bare server in a process of its own: its base URL, and the file of its authority (or nothing)."""
    command = [sys.executable, str(HERE / "server.py"), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        told = json.loads(process.stdout.readline())
        scheme = "https" if told["authority"] else "http"
        try:
            yield f"{scheme}://127.0.0.1:{told['port']}/v1", told["authority"]
        finally:
            process.stdin.close()


def spelled(count: int, seed: int = 1, bad: float = 0.001) -> Iterator[str]:
    """Numbers in the spellings that lists hold, spread over all that there could be; a few are landlines."""
    draw = random.Random(seed)
    for _ in range(count):
        digits = f"5{draw.randrange(10**9):09}"
        choice = draw.random()
        if choice < bad:
            yield "0212" + digits[:7]
        elif choice < 0.3:
            yield "0" + digits
        elif choice < 0.5:
            yield digits
        elif choice < 0.65:
            yield f"0{digits[:3]} {digits[3:6]} {digits[6:8]} {digits[8:]}"
        elif choice < 0.75:
            yield f"+90 {digits[:3]} {digits[3:6]} {digits[6:8]} {digits[8:]}"
        elif choice < 0.85:
            yield "+90" + digits
        elif choice < 0.92:
            yield "90" + digits
        elif choice < 0.97:
            yield f"(0{digits[:3]}) {digits[3:6]}-{digits[6:]}"
        else:
            yield "0090" + digits
