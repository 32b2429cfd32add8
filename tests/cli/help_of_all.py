"""Shows the help of every command: `python tests/cli/help_of_all.py`. It fails where one of them cannot be shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click
import typer

from iletimerkezi_async.cli import app


def commands(command: click.Command, path: Sequence[str] = ()) -> Iterator[Sequence[str]]:
    """Where every command is, the first one at the top."""
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, [*path, name])


def main() -> int:
    """Show all, and tell how many could not be."""
    failed = 0
    for path in commands(typer.main.get_command(app)):
        try:
            app([*path, "--help"], prog_name="iletimerkezi")
        except SystemExit as end:
            failed += bool(end.code)
    return failed


if __name__ == "__main__":
    sys.exit(main())
