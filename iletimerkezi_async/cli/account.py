"""Commands about the account."""

from iletimerkezi_async.models import Balance

from .command import run_async
from .output import write_json, write_pairs
from .settings import Json, Verbose, open_client

__all__ = ["balance"]


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
