"""Commands that send."""

import re
import sys
from datetime import datetime, timezone
from functools import partial
from typing import Annotated

import anyio
import typer

from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.draft import Draft, write_template
from iletimerkezi_async.models import TURKISH_TIME, Iys, Message, Order
from iletimerkezi_async.text import TextLength, measure

from .command import run_async
from .messages import INTERRUPTED_ORDER, CommandError, WrongUsageError
from .output import complain, write_json, write_pairs
from .settings import IYS_VARIABLE, SENDER_VARIABLE, IysChoice, Json, Verbose, open_client

__all__ = ["send"]

# Stricter than `fromisoformat`, whose newer versions take a date alone: the order would wait for midnight.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?")


def send(
    text: Annotated[str, typer.Argument(metavar="TEXT", hidden=True)],
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER...", hidden=True)],
    *,
    iys: Annotated[
        IysChoice | None,
        typer.Option(
            envvar=IYS_VARIABLE,
            show_envvar=False,
            case_sensitive=False,
            metavar="off|bireysel|tacir",
            help="The consent list to check. No default.",
        ),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option(envvar=SENDER_VARIABLE, show_envvar=False, metavar="NAME", help="The approved sender."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help='Send later: "2026-12-01 09:00". Turkish time if it has no offset.'),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send without asking.")] = False,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Send TEXT to every NUMBER, as one order.

    With - for TEXT it is read from standard input. In a terminal it asks before it sends. What --iys and --sender
    leave out comes from ILETIMERKEZI_IYS and ILETIMERKEZI_SENDER.
    """
    choice = _need_iys(iys)
    header = _need_sender(sender)
    send_at = _read_moment(at)
    text = _read_text(text)
    client = open_client(sender=header, iys=choice)
    # Whatever can be refused is refused before the question.
    template = write_template(sender=header, iys=choice, send_at=send_at, now=_now())
    draft = template.fill([Message(text, numbers)])
    length = measure(text)
    if not yes:
        _ask(draft, length)
    order = run_async(partial(_send, client, text, numbers, send_at=send_at))
    _show(order, length, draft.send_at, as_json=as_json)


async def _send(client: AsyncClient, text: str, numbers: list[str], *, send_at: datetime | None) -> Order:
    async with client:
        try:
            return await client.send_sms(text, numbers, send_at=send_at)
        except anyio.get_cancelled_exc_class():
            # Only Ctrl-C cancels this.
            complain(INTERRUPTED_ORDER)
            raise


def _show(order: Order, length: TextLength, send_at: datetime | None, *, as_json: bool) -> None:
    fields = {"id": order.id, "recipients": order.recipients, "parts": length.parts}
    if as_json:
        write_json({**fields, "encoding": length.encoding.value, "units": length.units, "send_at": send_at})
        return
    when = {"send at": f"{send_at:%Y-%m-%d %H:%M}"} if send_at else {}
    write_pairs({"order": order.id, "recipients": order.recipients, "parts": length.parts, **when})


def _ask(draft: Draft, length: TextLength) -> None:
    if not sys.stdin.isatty():
        return
    whom = f"each of {draft.recipients:,} recipients" if draft.recipients > 1 else "1 recipient"
    when = f"at {draft.send_at:%Y-%m-%d %H:%M}" if draft.send_at else "now"
    sys.stderr.write(f"Send {length.parts} SMS to {whom} as {draft.sender}, {when}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was sent")


def _need_iys(choice: IysChoice | None) -> Iys:
    if choice is None:
        raise WrongUsageError(
            f"say --iys (or set {IYS_VARIABLE}): commercial messages must by law be checked (bireysel: individuals, "
            "tacir: merchants); off is for one-time passwords, notices about an order and the like"
        )
    return choice.iys


def _need_sender(sender: str | None) -> str:
    if sender is None:
        raise WrongUsageError(f"say --sender, or set {SENDER_VARIABLE}")
    return sender


def _read_moment(typed: str | None) -> datetime | None:
    if typed is None:
        return None
    try:
        moment = datetime.fromisoformat(typed.replace("Z", "+00:00")) if _MOMENT.fullmatch(typed) else None
    except ValueError:
        moment = None
    if moment is None:
        raise WrongUsageError(f'--at {typed!r} is not a time such as "2026-12-01 09:00" or "2026-12-01 09:00+03:00"')
    return moment if moment.tzinfo else moment.replace(tzinfo=TURKISH_TIME)


def _read_text(typed: str) -> str:
    if typed != "-":
        return typed
    try:
        return sys.stdin.read().removesuffix("\n")
    except UnicodeDecodeError:
        raise CommandError("the text on standard input is not UTF-8") from None


def _now() -> datetime:
    return datetime.now(timezone.utc)
