"""`python -m benchmarks [NAME …] [--out FOLDER]`: measure everything, in some seven minutes.

Every measure runs against a bare server on the loopback, in a process of its own. What is compared runs side by side,
in turn, five times over; the table shows medians, and from what to what the five went. A figure by itself says as much
of the machine as of the library: only ratios can be compared between machines.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import attrs

from .calls import cpu_a_call, many_at_once, one_at_a_time
from .campaigns import campaign
from .footprint import importing, memory
from .harness import REPEATS, Findings, Row
from .reports import with_delay, without_delay
from .requests import lost_answers
from .spellings import cleaning
from .stalls import stalls
from .stores import keys
from .tracing import tracing

MEASURES: dict[str, Callable[[], Findings]] = {
    "call": one_at_a_time,
    "crowd-64": partial(many_at_once, 64, goal=0.92),
    "crowd-100": partial(many_at_once, 100, goal=0.87),
    "cpu-64": partial(cpu_a_call, 64),
    "cpu-100": partial(cpu_a_call, 100),
    "report": without_delay,
    "report-delay": with_delay,
    "numbers": cleaning,
    "campaign": campaign,
    "stalls": stalls,
    "lost": lost_answers,
    "keys": keys,
    "import": importing,
    "memory": memory,
    "tracing": tracing,
}
_PACKAGES = ("iletimerkezi-async", "httpx", "httpx2", "httpcore", "h11", "anyio", "attrs", "orjson", "aiohttp")


def machine() -> dict[str, str]:
    """Where the figures come from."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "tls": ssl.OPENSSL_VERSION,
        "packages": ", ".join(
            f"{package} {version(package)}" for package in _PACKAGES if find_spec(package.replace("-", "_"))
        ),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def show(rows: list[Row], about: dict[str, str]) -> None:
    """Print the medians, with their spread and their goals."""
    # Not above, as is the chart: with all that they load, the garbage collector would slow down what is measured.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    # Where there is no terminal, as wide as the widest line.
    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)
    for name, value in about.items():
        console.print(f"{name + ':':10} {value}")
    shown = Table(title=f"medians of {REPEATS}, side by side", title_justify="left")
    shown.add_column("measure")
    for name in ("median", "from", "to", "goal"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("")
    for row in rows:
        figures = (_figure(each, row.unit) for each in (row.median, min(row.figures), max(row.figures)))
        verdict = "" if row.goal is None else "met" if row.goal.is_met(row.median) else "missed"
        shown.add_row(row.measure, *figures, "" if row.goal is None else str(row.goal), verdict)
    console.print(shown)


def _figure(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if unit else f"{value:.2f}"
    return f"{digits} {unit}".rstrip()


def main() -> None:
    """Measure, print, write down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure everything, or what is named.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(MEASURES)}")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parent / "results",
        metavar="FOLDER",
        help="for the JSON and the chart",
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(MEASURES)
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    # Lost answers are what is measured, too.
    logging.getLogger("iletimerkezi_async").setLevel(logging.ERROR)
    findings: dict[str, Findings] = {}
    began = time.perf_counter()
    for name in options.names or MEASURES:
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        findings[name] = MEASURES[name]()
    seconds = time.perf_counter() - began
    print(f"\n{seconds:.0f} s", file=sys.stderr)
    about = machine()
    show([row for found in findings.values() for row in found.rows], about)
    write(findings, about, options.out)


def write(findings: dict[str, Findings], about: dict[str, str], folder: Path) -> None:
    """Write everything down, and draw the chart."""
    from .chart import draw  # noqa: PLC0415 - as above

    folder.mkdir(parents=True, exist_ok=True)
    told = {"machine": about, "measures": {name: attrs.asdict(found) for name, found in findings.items()}}
    (folder / "results.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    draw([panel for found in findings.values() for panel in found.panels], about, folder / "results.svg")
    print(f"written to {folder}")


if __name__ == "__main__":
    main()
