"""What the measures share: the bare server's process, runs in turn, and what is told of them."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from iletimerkezi_async import AsyncClient, Iys, Retry
from iletimerkezi_async.http.clients import HttpClient

OURS = "iletimerkezi_async"
REPEATS = 5
TEXT = "Kodunuz 1234"


@frozen
class Goal:
    """What a figure is to reach."""

    bound: float
    at_least: bool = False

    def is_met(self, figure: float) -> bool:
        """Whether a figure does."""
        return figure >= self.bound if self.at_least else figure <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}"


@frozen
class Row:
    """A line of the table.

    Attributes:
        measure: What was measured.
        figures: A figure for each repetition; their median counts.
        unit: What the figures are of; empty for a ratio.
        goal: What the median is to reach, if anything.
    """

    measure: str
    figures: list[float]
    unit: str = ""
    goal: Goal | None = None

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.figures)


@frozen
class Panel:
    """A part of the chart: the same work, done in several ways.

    Attributes:
        title: What is done.
        unit: What the figures are of.
        ways: For each way its figures, one for each repetition.
    """

    title: str
    unit: str
    ways: dict[str, list[float]]


@frozen
class Findings:
    """What one measure found: lines for the table, and parts of the chart."""

    rows: list[Row]
    panels: list[Panel] = field(factory=list)


@frozen
class Served:
    """Where the bare server is.

    Attributes:
        url: Its base URL.
        authority: The file with the certificate of its authority; empty without TLS.
    """

    url: str
    authority: str


@contextmanager
def server(*options: str) -> Iterator[Served]:
    """The bare server, in a process of its own, and trust in its authority. See `server.py` for its options."""
    command = [sys.executable, "-m", "benchmarks.server", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        told = json.loads(process.stdout.readline())
        scheme = "https" if told["authority"] else "http"
        if told["authority"]:
            # How httpx, and so ours, is told of an authority.
            os.environ["SSL_CERT_FILE"] = told["authority"]
        try:
            yield Served(f"{scheme}://127.0.0.1:{told['port']}/v1", told["authority"])
        finally:
            os.environ.pop("SSL_CERT_FILE", None)
            process.stdin.close()


def in_child(module: str, *arguments: str) -> dict[str, list[float]]:
    """Run a module of this folder in a process of its own; it prints its figures as JSON."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    figures: dict[str, list[float]] = json.loads(shown)
    return figures


def in_turn(ways: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Run all ways one after the other, and that several times, so that a slow moment of the machine strikes all."""
    figures: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(REPEATS):
        for way, run in ways.items():
            figures[way].append(run())
    return figures


def ratios(figures: list[float], others: list[float]) -> list[float]:
    """Each figure as a multiple of the other one of the same repetition."""
    return [figure / other for figure, other in zip(figures, others, strict=True)]


def client(url: str, http_client: HttpClient | None = None) -> AsyncClient:
    """Ours, as its users make it, but for pacing and repeating: a repeated call would be counted once."""
    return AsyncClient(
        "k", "h", sender="FIRMA", iys=Iys.OFF, base_url=url, rate=None, retry=Retry(attempts=1), http_client=http_client
    )


def send_body(*numbers: str, text: str = TEXT) -> dict[str, object]:
    """The document that `send_sms` sends."""
    order = {"sender": "FIRMA", "iys": "0", "message": {"text": text, "receipents": {"number": numbers}}}
    return {"request": {"authentication": {"key": "k", "hash": "h"}, "order": order}}


def peak_megabytes() -> float:
    """The most memory that this process has had so far."""
    # The usual way, `getrusage`, counts what the parent had when it started this process, too.
    status = Path("/proc/self/status")
    if status.exists():
        (peak,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 2**10
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kilobytes elsewhere.
    return peak_bytes / 2**20 if sys.platform == "darwin" else peak_bytes / 2**10
