"""Which test runs which line, and how long each takes: measured once, for all mutants."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "iletimerkezi_async"
#: The folders whose code decides.
FOLDERS = ("orders", "http", "stores", "campaigns", "wire")
#: What concerns them. The tests of the house read the code instead of running it, and would notice every change.
TESTS = (
    *(f"tests/{folder}" for folder in FOLDERS),
    *(f"tests/test_{name}.py" for name in ("arguments", "client", "errors", "filling", "numbers", "options", "values")),
    *(f"tests/test_{name}.py" for name in ("secrets", "secrets_matrix", "text", "redaction")),
    "tests/fuzz",
    "tests/model",
)
#: In one process and with few examples of each search; a plain run has its own.
PYTEST = ("-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-profile=brief", f"--rootdir={ROOT}")


class _Contexts:
    """Tells coverage whose lines follow, and counts the seconds of each test that passes."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self._measured = measured
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._measured.switch_context(item.nodeid)
        return (yield)  # type: ignore[return-value]  # as hook wrappers do

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome == "passed":
            self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        else:
            self.seconds[report.nodeid] = float("inf")


class Measured:
    """What a run of the tests showed, kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self._lines = coverage.CoverageData(str(folder / "lines"))
        self._lines.read()
        self.seconds: dict[str, float] = json.loads((folder / "seconds.json").read_text("utf-8"))

    def tests_of(self, source: Path, lines: range) -> list[str]:
        """Those that came through any of these lines, and pass without a change."""
        by_line = self._lines.contexts_by_lineno(str(source))
        found = {test for line in lines for test in by_line.get(line, ()) if test}
        if not found and any(line in by_line for line in lines):
            # Run when it is imported, as constants are.
            found = {test for tests in by_line.values() for test in tests if test}
        return [test for test in found if self.seconds.get(test, float("inf")) < float("inf")]


def measure(folder: Path, tests: tuple[str, ...] = TESTS) -> None:
    """Run the tests in this process, and keep who ran what in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    include = [str(PACKAGE / name / "*") for name in FOLDERS]
    measured = coverage.Coverage(
        data_file=str(folder / "lines"), config_file=False, include=include, concurrency="thread"
    )
    contexts = _Contexts(measured)
    measured.start()
    try:
        pytest.main([*PYTEST, *tests], plugins=[contexts])
    finally:
        measured.stop()
        measured.save()
    (folder / "seconds.json").write_text(json.dumps(contexts.seconds), "utf-8")


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
