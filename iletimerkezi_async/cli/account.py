"""Commands about the account: its balance, its senders, its blocked numbers."""

import sys
from typing import Annotated

import typer
from typer import Option

from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.models import Balance
from iletimerkezi_async.numbers import clean_number

from .command import Command
from .messages import WrongUsageError
from .moments import read_days
from .output import Rows, note, one_line, write, write_json, write_pairs
from .settings import Json, Verbose, Word, call

__all__ = ["balance", "balance_fields", "blacklist", "senders"]


def balance(*, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Show the account's balance."""
    held = call(AsyncClient.get_balance)
    if as_json:
        write_json(balance_fields(held))
    else:
        write_pairs({"sms": held.sms, "lira": held.amount})


def balance_fields(held: Balance) -> dict[str, object]:
    """A balance for JSON. The amount is a string, as a JSON number would lose its decimals."""
    return {"amount": str(held.amount), "sms": held.sms}


def senders(*, as_json: Json = False, _verbose: Verbose = False) -> None:
    """List the approved senders. Use exactly this spelling in --sender."""
    approved = call(AsyncClient.get_senders)
    for sender in approved:
        if as_json:
            write_json({"sender": sender})
        else:
            write(f"{one_line(sender)}\n")
    if not approved and sys.stdout.isatty():
        note("no sender is approved yet")


blacklist = typer.Typer(
    help="The account's blocked numbers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Number = Annotated[str, typer.Argument(metavar="NUMBER", hidden=True)]


@blacklist.command("list", cls=Command)
def list_blocked(
    *,
    first: Annotated[Word, Option("--from", metavar="DAY", help="Only those blocked from this day on.")] = None,
    last: Annotated[Word, Option("--to", metavar="DAY", help="Only those blocked until this day.")] = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """List the blocked numbers, one per line."""
    start, end = read_days(first, last)
    rows = Rows[str](lambda number: {"number": number}, lambda number: (number,), as_json=as_json)
    seen = call(lambda client: rows.add_all(client.get_blacklist(start, end)))
    if sys.stdout.isatty():
        note(f"{seen:,} blocked {'number' if seen == 1 else 'numbers'}")


@blacklist.command("add", cls=Command)
def add(number: _Number, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Block NUMBER: nothing is sent to it any more."""
    _change(number, blocked=True, as_json=as_json)


@blacklist.command("remove", cls=Command)
def remove(number: _Number, *, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Unblock NUMBER."""
    _change(number, blocked=False, as_json=as_json)


def _change(typed: str, *, blocked: bool, as_json: bool) -> None:
    number = clean_number(typed)
    if number is None:
        raise WrongUsageError(f"{typed!r} is not a phone number")
    call(lambda client: client.add_blacklist(number) if blocked else client.delete_blacklist(number))
    if as_json:
        write_json({"number": number, "blocked": blocked})
    else:
        write(f"{number} is {'blocked' if blocked else 'not blocked any more'}\n")
