"""The command that sends one order."""

from datetime import datetime
from typing import Annotated

import typer

from iletimerkezi_async.models import Message, Order
from iletimerkezi_async.text import TextLength, measure
from iletimerkezi_async.wire.packing import Filling

from .keeping import STORE_VARIABLE, KeyOption, StoreOption, has_store, open_store, opened
from .messages import INTERRUPTED_ORDER, WrongUsageError
from .output import note, write_json, write_pairs
from .settings import Json, Verbose, call, open_client
from .terms import At, IysOption, SenderOption, Yes, ask, read_terms, read_text

__all__ = ["send"]


def send(
    text: Annotated[str, typer.Argument(metavar="TEXT", hidden=True)],
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER...", hidden=True)],
    *,
    iys: IysOption = None,
    sender: SenderOption = None,
    at: At = None,
    key: KeyOption = None,
    store: StoreOption = None,
    yes: Yes = False,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Send TEXT to every NUMBER, as one order.

    If TEXT is -, it is read from standard input. In a terminal the command asks before it sends. The defaults of --iys
    and --sender are ILETIMERKEZI_IYS and ILETIMERKEZI_SENDER.

    With --key the order is sent only once, even if the same command runs again, on all machines that share the store.
    """
    if key is not None and not has_store(store):
        raise WrongUsageError(f"--key needs a store: --store, or {STORE_VARIABLE}")
    # With a key, --at may be in the past: an earlier run may have sent the order, which is then shown.
    terms = read_terms(iys, sender, at, resumed=key is not None)
    text = read_text(text)
    kept = open_store(store)
    client = open_client(sender=terms.sender, iys=terms.iys, store=kept)
    # Refuse bad numbers and texts here, before the question.
    draft = Filling(terms, [Message(text, numbers)]).draft()
    length = measure(text)
    if not yes:
        whom = f"each of {draft.recipients:,} recipients" if draft.recipients > 1 else "1 recipient"
        ask(f"{length.parts} SMS to {whom}", terms)
    order = call(
        lambda each: each.send_sms(text, numbers, send_at=terms.send_at, key=key),
        opened(client, kept),
        INTERRUPTED_ORDER,
    )
    _show(order, length, terms.send_at, as_json=as_json)
    if order.replayed:
        note("it was sent before under this key; nothing was sent now")


def _show(order: Order, length: TextLength, send_at: datetime | None, *, as_json: bool) -> None:
    fields = {"id": order.id, "recipients": order.recipients, "parts": length.parts}
    if order.replayed:
        fields["replayed"] = True
    if as_json:
        write_json({**fields, "encoding": length.encoding.value, "units": length.units, "send_at": send_at})
        return
    when = {"send at": f"{send_at:%Y-%m-%d %H:%M}"} if send_at else {}
    write_pairs({"order": order.id, "recipients": order.recipients, "parts": length.parts, **when})
