"""The command that sends one order."""

from datetime import datetime
from functools import partial
from typing import Annotated

import anyio
import typer

from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.errors import ApiError
from iletimerkezi_async.models import Message, Order
from iletimerkezi_async.text import TextLength, measure

from .command import run_async
from .messages import INTERRUPTED_ORDER
from .output import complain, write_json, write_pairs
from .settings import Json, Verbose, open_client
from .terms import At, IysOption, SenderOption, Yes, ask, read_terms, read_text

__all__ = ["send"]


def send(
    text: Annotated[str, typer.Argument(metavar="TEXT", hidden=True)],
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER...", hidden=True)],
    *,
    iys: IysOption = None,
    sender: SenderOption = None,
    at: At = None,
    yes: Yes = False,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Send TEXT to every NUMBER, as one order.

    With - for TEXT it is read from standard input. In a terminal it asks before it sends. What --iys and --sender
    leave out comes from ILETIMERKEZI_IYS and ILETIMERKEZI_SENDER.
    """
    terms = read_terms(iys, sender, at)
    text = read_text(text)
    client = open_client(sender=terms.sender, iys=terms.iys)
    # Whatever can be refused is refused before the question.
    draft = terms.fill([Message(text, numbers)])
    if isinstance(draft, ApiError):
        raise draft
    length = measure(text)
    if not yes:
        whom = f"each of {draft.recipients:,} recipients" if draft.recipients > 1 else "1 recipient"
        ask(f"{length.parts} SMS to {whom}", terms)
    order = run_async(partial(_send, client, text, numbers, send_at=terms.send_at))
    _show(order, length, terms.send_at, as_json=as_json)


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
