"""Progress and tables: drawn in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TextIO

from .output import is_terminal, one_line, write

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["Show", "describe_pace", "show_table", "track", "working"]


class Show(Protocol):
    """Shows progress: how much is done by now, and how much of that was done by earlier runs."""

    def __call__(self, done: int, before: int = 0, /) -> object: ...  # noqa: D102 - see the class


_SECONDS_A_LINE = 1.0
# A long step writes fewer lines: the pause between two is the time so far, divided by this.
_LINES_A_STEP = 20


def track(label: str, total: int | None, stream: TextIO | None = None) -> AbstractContextManager[Show]:
    """Show the progress of a step while the context is open.

    Args:
        label: The name of the step.
        total: The size of the step, if it is known.
        stream: The stream to write to; standard output by default.
    """
    target = stream or sys.stdout
    return _bar(label, total, target) if is_terminal(target) else _lines(label, total, target)


def describe_pace(done: int, total: int | None, seconds: float, before: int = 0) -> str:
    """The progress of a step, its pace, and the time left."""
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
        # The work goes on if the stream is gone.
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
        # It takes the width that the words leave free.
        BarColumn(bar_width=None),
        TextColumn("{task.fields[pace]}"),
    )
    began = time.monotonic()
    bars = Progress(
        *columns,
        # Leave room for the `^C` that the terminal echoes: it would begin a new line.
        console=Console(file=stream, width=shutil.get_terminal_size().columns - len("^C") - 1),
        expand=True,
        # Redirect only streams that go to the terminal.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
    )
    with bars:
        task = bars.add_task(label, total=total, pace="")

        def show(done: int, before: int = 0) -> None:
            pace = describe_pace(done, total, time.monotonic() - began, before)
            bars.update(task, completed=done, pace=pace)

        yield show


@contextmanager
def working(label: str) -> Generator[Callable[[str], object], None, None]:
    """Show a spinner in a terminal; give a function that changes its label."""
    if not is_terminal(sys.stderr):
        yield str
        return
    from rich.console import Console  # noqa: PLC0415 - takes 0.1 s
    from rich.text import Text  # noqa: PLC0415 - likewise

    def draw(label: str) -> Text:
        return Text(one_line(label), no_wrap=True, overflow="ellipsis")

    with Console(stderr=True).status(draw(label)) as status:
        yield lambda label: status.update(draw(label))


def show_table(rows: Mapping[str, str]) -> None:
    """Show a table of names and values; values are aligned to the right, as most are numbers."""
    name_width, value_width = max(map(len, rows)), max(map(len, rows.values()))
    write("".join(f"{name:<{name_width}}  {value:>{value_width}}\n" for name, value in rows.items()))
