"""Progress and tables: drawn in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TextIO

from .output import is_terminal, one_line, write

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["Show", "SignOfLife", "describe_pace", "show_table", "track"]


class Show(Protocol):
    """Called with how much is done by now, and how much of that was done before it began."""

    def __call__(self, done: int, before: int = 0, /) -> object: ...  # noqa: D102 - see the class


_SECONDS_A_LINE = 1.0
# A step of an hour is not worth a line a second.
_LINES_A_STEP = 20


def track(label: str, total: int | None, stream: TextIO | None = None) -> AbstractContextManager[Show]:
    """Show how far a step has come, while the context lasts.

    Args:
        label: What is done.
        total: How much there is to do, where that is known.
        stream: Where to; standard output if not told otherwise.
    """
    target = stream or sys.stdout
    return _bar(label, total, target) if is_terminal(target) else _lines(label, total, target)


def describe_pace(done: int, total: int | None, seconds: float, before: int = 0) -> str:
    """How far a step is, how quick, and how long it will take."""
    far = f"{done:,}" if total is None else f"{done:,} of {total:,}"
    if done <= before or seconds <= 0:
        return far
    rate = (done - before) / seconds
    pace = f"{far}, {rate:,.0f} a second"
    left = 0 if total is None else (total - done) / rate
    return f"{pace}, {_duration(left)} left" if left > 0 else pace


def _duration(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def _lines(label: str, total: int | None, stream: TextIO) -> Generator[Show, None, None]:
    began = time.monotonic()
    due = began + _SECONDS_A_LINE

    def show(done: int, before: int = 0) -> None:
        nonlocal due
        now = time.monotonic()
        if now < due:
            return
        due = now + max(_SECONDS_A_LINE, (now - began) / _LINES_A_STEP)
        # What is done must not end because nobody watches.
        with suppress(OSError):
            stream.write(f"{label}  {describe_pace(done, total, now - began, before)}\n")
            stream.flush()

    yield show


@contextmanager
def _bar(label: str, total: int | None, stream: TextIO) -> Generator[Show, None, None]:
    from rich.console import Console  # noqa: PLC0415 - takes 0.1 s
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - likewise

    columns = (
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        # As wide as the words leave room for.
        BarColumn(bar_width=None),
        TextColumn("{task.fields[pace]}"),
    )
    began = time.monotonic()
    bars = Progress(
        *columns,
        console=Console(file=stream),
        expand=True,
        # A stream that goes elsewhere is to go on doing so.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
    )
    with bars:
        task = bars.add_task(label, total=total, pace="")

        def show(done: int, before: int = 0) -> None:
            pace = describe_pace(done, total, time.monotonic() - began, before)
            bars.update(task, completed=done, pace=pace)

        yield show


class SignOfLife:
    """A line on a terminal while something takes longer than a second and nobody knows how long.

    Args:
        label: What is done.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._began = time.monotonic()
        self._shown = 0
        self._is_on = is_terminal(sys.stderr)

    def tell(self) -> None:
        """Say that it goes on; to be called often."""
        seconds = int(time.monotonic() - self._began)
        if self._is_on and seconds > self._shown:
            self._shown = seconds
            self._write(f"\r{one_line(self._label)}, {_duration(seconds)}")

    def end(self) -> None:
        """Take the line away, for good."""
        if self._shown:
            self._write("\r\x1b[K")
        self._is_on, self._shown = False, 0

    @staticmethod
    def _write(text: str) -> None:
        # What is done must not end because nobody watches.
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


def show_table(rows: Mapping[str, str]) -> None:
    """Show names and values."""
    rows = {name: one_line(value) for name, value in rows.items()}
    if not is_terminal():
        name_width, value_width = max(map(len, rows)), max(map(len, rows.values()))
        write("".join(f"{name:<{name_width}}  {value:>{value_width}}\n" for name, value in rows.items()))
        return
    from rich.console import Console  # noqa: PLC0415 - takes 0.1 s
    from rich.table import Table  # noqa: PLC0415 - likewise

    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, value in rows.items():
        table.add_row(name, value)
    # What came from a file is no markup.
    Console(markup=False, emoji=False, highlight=False).print(table)
