"""Runs the tests that come through a changed line, against a copy of the package that has the change."""

from __future__ import annotations

import compileall
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest
from measuring import PACKAGE, PYTEST, ROOT

#: So many times as long as it was measured may a test last, and so many seconds more, before it counts as hanging.
_SLOWER, _GRACE = 10, 15
#: The tests stop here even if each of them is within its time.
_LONGEST = 240.0
# Of the plugins that are loaded before pytest.
_ALREADY_LOADED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
_PASSED = 0
_OTHERS = (
    *(
        "aiohttp",
        "anyio._backends._asyncio",
        "anyio._backends._trio",
        "attrs",
        "httpx",
        "httpx2",
        "hypothesis.strategies",
    ),
    *("opentelemetry.sdk.trace", "orjson", "psycopg_pool", "redis", "starlette.applications", "trio", "uvicorn"),
)


class _Bounded:
    """Ends this process where a test hangs."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        signal.alarm(int(_SLOWER * self._seconds.get(item.nodeid, 0.0)) + _GRACE)
        try:
            return (yield)  # type: ignore[return-value]  # as hook wrappers do
        finally:
            signal.alarm(0)


class Bench:
    """A copy of the package, in which one file at a time is changed."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        shutil.copytree(PACKAGE, self._folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        # Compiled once; a changed file no longer fits its hash, while its time and size may.
        compileall.compile_dir(self._folder, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        _preload()

    def close(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self._folder)

    @contextmanager
    def _changed(self, source: Path, text: str) -> Iterator[None]:
        place = self._folder / source.relative_to(ROOT)
        kept = place.read_text("utf-8")
        place.write_text(text, "utf-8")
        try:
            yield
        finally:
            place.write_text(kept, "utf-8")

    def is_noticed(self, source: Path, text: str, tests: list[str], seconds: dict[str, float]) -> bool:
        """Whether one of these tests fails, or hangs, where `source` reads `text`."""
        with self._changed(source, text):
            sys.stdout.flush()
            child = os.fork()
            if not child:
                self._run(tests, seconds)
            return self._outcome(child) != _PASSED

    def _run(self, tests: list[str], seconds: dict[str, float]) -> None:
        """In the child: never comes back."""
        os.setsid()
        code = 1
        try:
            output = os.open(self._folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.environ["PYTHONPATH"] = str(self._folder)
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            sys.dont_write_bytecode = True
            sys.path.insert(0, str(self._folder))
            # What tests start looks for the package here first.
            os.chdir(self._folder)
            selected = self._folder / "selected"
            selected.write_text("\n".join(f"{ROOT}/{test}" for test in tests), "utf-8")
            code = pytest.main([*PYTEST, *_ALREADY_LOADED, "-x", f"@{selected}"], plugins=[_Bounded(seconds)])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _outcome(self, child: int) -> int:
        deadline = time.monotonic() + _LONGEST
        done, status = os.waitpid(child, os.WNOHANG)
        while not done and time.monotonic() < deadline:
            time.sleep(0.05)
            done, status = os.waitpid(child, os.WNOHANG)
        # What the tests started may outlive them.
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if not done:
            _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        told = (self._folder / "output").read_text("utf-8", "replace")
        if code == pytest.ExitCode.NO_TESTS_COLLECTED or "ERROR: not found: " in told:
            sys.exit(f"the tests are others than those that were measured, measure again: {told[-1000:]}")
        return code


def _preload() -> None:
    """Import what the tests need of others, once instead of for each change."""
    for name in _OTHERS:
        with suppress(ImportError):
            importlib.import_module(name)
