"""The benchmarks can be run. What they measure is for people to read: no test looks at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent


#: As `python -m benchmarks`, with as many numbers as take no time.
QUICK = "from benchmarks import __main__, spellings; spellings._COUNT = 5000; __main__.main()"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", QUICK, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_measure_is_told_and_written_down(tmp_path: Path) -> None:
    """As a table with the machine and the versions, as JSON, and as a chart."""
    ran = run("numbers", "--out", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "numbers cleaned a second" in ran.stdout
    assert "httpx" in ran.stdout
    told = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert list(told["measures"]) == ["numbers"]
    assert all(len(row["figures"]) == 5 for found in told["measures"].values() for row in found["rows"])
    assert ET.parse(tmp_path / "results.svg").getroot().tag.endswith("svg")


def test_an_unknown_measure_is_refused() -> None:
    """With the names of those that there are."""
    ran = run("nothing")
    assert ran.returncode == 2
    assert "no such measure: nothing" in ran.stderr
