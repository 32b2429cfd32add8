"""Commands about the numbers that the account does not send to."""

import sys
from datetime import date
from functools import partial
from typing import Annotated

import typer

from iletimerkezi_async.numbers import clean_number

from .command import Command, run_async
from .messages import WrongUsageError
from .moments import read_day
from .output import Rows, note, write, write_json
from .settings import Json, Verbose, open_client

__all__ = ["group"]

group = typer.Typer(
    help="The numbers that nothing is sent to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Number = Annotated[str, typer.Argument(metavar="NUMBER", hidden=True)]


@group.command("list", cls=Command)
def list_blocked(
    *,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Only those blocked from this day on.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Only those blocked until this day.")] = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """List the blocked numbers, one a line."""
    start, end = read_day("--from", first), read_day("--to", last)
    if start and end and end < start:
        raise WrongUsageError(f"the range ends ({end}) before it starts ({start})")
    seen = run_async(partial(_list, start, end, as_json=as_json))
    if sys.stdout.isatty():
        note(f"{seen:,} blocked {'number' if seen == 1 else 'numbers'}")


async def _list(start: date | None, end: date | None, *, as_json: bool) -> int:
    rows, seen = Rows(), 0
    async with open_client() as client:
        async for number in client.get_blacklist(start, end):
            seen += 1
            await (rows.add_json({"number": number}) if as_json else rows.add(number))
        await rows.flush()
    return seen


@group.command("add", cls=Command)
def add(number: _Number, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Block NUMBER: nothing is sent to it any more."""
    cleaned = _clean(number)
    run_async(partial(_add, cleaned))
    _show(cleaned, blocked=True, as_json=as_json)


async def _add(number: str) -> None:
    async with open_client() as client:
        await client.add_blacklist(number)


@group.command("remove", cls=Command)
def remove(number: _Number, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Block NUMBER no longer."""
    cleaned = _clean(number)
    run_async(partial(_remove, cleaned))
    _show(cleaned, blocked=False, as_json=as_json)


async def _remove(number: str) -> None:
    async with open_client() as client:
        await client.delete_blacklist(number)


def _clean(typed: str) -> str:
    number = clean_number(typed)
    if number is None:
        raise WrongUsageError(f"{typed!r} is not a phone number")
    return number


def _show(number: str, *, blocked: bool, as_json: bool) -> None:
    if as_json:
        write_json({"number": number, "blocked": blocked})
    else:
        write(f"{number} is {'blocked' if blocked else 'not blocked any more'}\n")
