"""Commands about the account."""

import sys

from iletimerkezi_async.models import Balance

from .command import run_async
from .output import note, one_line, write, write_json, write_pairs
from .settings import Json, Verbose, open_client

__all__ = ["balance", "senders"]


def balance(*, as_json: Json = False, _verbose: Verbose = False) -> None:
    """Show what the account holds."""
    held = run_async(_get_balance)
    if as_json:
        # The amount as text: a JSON number would lose its decimals.
        write_json({"amount": str(held.amount), "sms": held.sms})
        return
    write_pairs({"sms": held.sms, "lira": held.amount})


async def _get_balance() -> Balance:
    async with open_client() as client:
        return await client.get_balance()


def senders(*, as_json: Json = False, _verbose: Verbose = False) -> None:
    """List the approved senders, spelt as they must be given."""
    approved = run_async(_get_senders)
    for sender in approved:
        if as_json:
            write_json({"sender": sender})
        else:
            write(f"{one_line(sender)}\n")
    if not approved and sys.stdout.isatty():
        note("no sender is approved yet")


async def _get_senders() -> tuple[str, ...]:
    async with open_client() as client:
        return await client.get_senders()
