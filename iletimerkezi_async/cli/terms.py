"""The terms of sending: the options of all commands that send, and their question."""

import sys
from datetime import datetime
from typing import Annotated

from typer import Option

from iletimerkezi_async.wire.draft import Draft, write_template

from .messages import CommandError, WrongUsageError
from .moments import read_moment
from .output import one_line, say
from .settings import IYS_VARIABLE, SENDER_VARIABLE, IysChoice, Word

__all__ = ["At", "IysOption", "SenderOption", "Yes", "ask", "describe_time", "read_terms", "read_text"]

IysOption = Annotated[
    IysChoice | None,
    Option(
        "--iys",
        envvar=IYS_VARIABLE,
        show_envvar=False,
        case_sensitive=False,
        metavar="off|bireysel|tacir",
        help="The consent list to check. No default.",
    ),
]
SenderOption = Annotated[
    Word, Option("--sender", envvar=SENDER_VARIABLE, show_envvar=False, metavar="NAME", help="The approved sender.")
]
At = Annotated[
    Word, Option("--at", metavar="WHEN", help='Send later: "2026-12-01 09:00". Turkish time if it has no offset.')
]
Yes = Annotated[bool, Option("--yes", help="Send without asking.")]


def read_terms(iys: IysChoice | None, sender: str | None, at: str | None, *, resumed: bool = False) -> Draft:
    """The terms from the options, as a draft without messages.

    Args:
        iys: The consent list.
        sender: The sender.
        at: The time to send.
        resumed: Whether an earlier run may have begun it, so that its time may be past.

    Raises:
        WrongUsageError: An option is missing, or cannot be read.
        IletimerkeziError: A value is not allowed.
    """
    if iys is None:
        raise WrongUsageError(
            f"say --iys (or set {IYS_VARIABLE}): commercial messages must by law be checked (bireysel: individuals, "
            "tacir: merchants); off is for one-time passwords, notices about an order and the like"
        )
    if sender is None:
        raise WrongUsageError(f"say --sender, or set {SENDER_VARIABLE}")
    return write_template(sender=sender, iys=iys.iys, send_at=_read_moment(at), may_be_past=resumed)


def read_text(typed: str) -> str:
    """The text argument; if it is `-`, the text on standard input.

    Raises:
        CommandError: Standard input is not text.
    """
    if typed != "-":
        return typed
    try:
        return sys.stdin.read().removesuffix("\n")
    except UnicodeDecodeError:
        raise CommandError("the text on standard input is not UTF-8") from None


def ask(what: str, terms: Draft, before: str | None = None) -> None:
    """In a terminal, ask whether to send.

    Args:
        what: The number of SMS and of recipients, in words.
        terms: The sender and the time.
        before: An earlier campaign to the same list, in words.

    Raises:
        CommandError: The answer is not a yes.
    """
    if not sys.stdin.isatty():
        return
    already = f"It was {before}. " if before else ""
    again = ", again" if before else ""
    say(f"{already}Send {what} as {one_line(terms.sender)}, {describe_time(terms)}{again}? [y/N]", end=" ")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was sent")


def describe_time(terms: Draft) -> str:
    """The time to send, in words."""
    return f"at {terms.send_at:%Y-%m-%d %H:%M}" if terms.send_at else "now"


def _read_moment(typed: str | None) -> datetime | None:
    if typed is None:
        return None
    moment = read_moment(typed)
    if moment is None:
        raise WrongUsageError(
            f'--at {typed!r} is not a time such as "2026-12-01 09:00", "01.12.2026 09:00" or "2026-12-01 09:00+03:00"'
        )
    return moment
