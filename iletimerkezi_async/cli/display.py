"""Progress and tables: drawn in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from .output import is_terminal, write

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["Show", "show_table", "track"]

#: Called with how much is done by now.
Show: TypeAlias = "Callable[[int], None]"

_SECONDS_A_LINE = 1.0


def track(label: str, total: int) -> AbstractContextManager[Show]:
    """Show how far a step has come, while the context lasts."""
    return _bar(label, total) if is_terminal() else _lines(label, total)


@contextmanager
def _lines(label: str, total: int) -> Generator[Show, None, None]:
    due = time.monotonic() + _SECONDS_A_LINE

    def show(done: int) -> None:
        nonlocal due
        now = time.monotonic()
        if now < due:
            return
        due = now + _SECONDS_A_LINE
        write(f"{label}  {done:,} of {total:,}\n")

    yield show


@contextmanager
def _bar(label: str, total: int) -> Generator[Show, None, None]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - takes 0.1 s

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns) as bars:
        task = bars.add_task(label, total=total)
        yield lambda done: bars.update(task, completed=done)


def show_table(rows: Mapping[str, str]) -> None:
    """Show names and values."""
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
    Console().print(table)
