"""What the library costs before it does anything: its import, and the memory of a client and its connections."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import anyio

from .harness import REPEATS, Findings, Goal, Row, client, in_child, in_turn, peak_megabytes, ratios, server
from .rivals import NUMBER

_LANES = 100
_DEPENDENCIES = "attrs, anyio, httpx, orjson, sniffio"


def importing() -> Findings:
    """The import, beside that of the dependencies alone, each in a new process and from bytecode, as once installed."""
    with tempfile.TemporaryDirectory() as cache:
        _import_time("iletimerkezi_async", cache)
        seconds = in_turn(
            {
                "ours": lambda: _import_time("iletimerkezi_async", cache),
                "dependencies": lambda: _import_time(_DEPENDENCIES, cache),
            }
        )
    measure = "import: CPU time, as a multiple of its dependencies"
    return Findings([Row(measure, ratios(seconds["ours"], seconds["dependencies"]), goal=Goal(1.25))])


def memory() -> Findings:
    """An idle client, and one with a hundred open connections over TLS."""
    with server("--tls", "--delay", "0.2") as served:
        megabytes = in_child("footprint", served.url)
    rows = [
        Row("memory of an idle client, TLS", megabytes["client"], "MB"),
        Row(f"memory of {_LANES} open connections, TLS", megabytes["lanes"], "MB"),
    ]
    return Findings(rows)


def _import_time(modules: str, cache: str) -> float:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    code = f"import time; began = time.process_time(); import {modules}; print(time.process_time() - began)"
    command = [sys.executable, "-c", code]
    # The quickest of several: what disturbs an import only ever makes it slower.
    runs = (subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment) for _ in range(3))
    return min(float(run.stdout) for run in runs)


async def _memory(url: str) -> dict[str, list[float]]:
    before = peak_megabytes()
    async with client(url) as sms:
        with_client = peak_megabytes()
        for _ in range(REPEATS):
            async with anyio.create_task_group() as tasks:
                for _ in range(_LANES):
                    tasks.start_soon(sms.send_sms, "Kodunuz 1234", NUMBER)
        return {"client": [with_client - before], "lanes": [peak_megabytes() - with_client]}


if __name__ == "__main__":
    print(json.dumps(anyio.run(_memory, sys.argv[1])))
