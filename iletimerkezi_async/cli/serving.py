"""The command that serves the sandbox."""

from functools import partial
from typing import Annotated

import anyio
import typer

from iletimerkezi_async.http.settings import BASE_URL_VARIABLE
from iletimerkezi_async.wire.credentials import HASH_VARIABLE, KEY_VARIABLE

from .command import run_async
from .output import write
from .settings import (
    DEMO_HASH,
    DEMO_KEY,
    DEMO_SENDER,
    IYS_VARIABLE,
    SENDER_VARIABLE,
    IysChoice,
    Verbose,
)

__all__ = ["sandbox"]

_LAST_PORT = 65_535
_LONGEST = 86_400


def sandbox(
    *,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=_LAST_PORT, help="Where to listen; 0: any free port.")
    ] = 8025,
    balance: Annotated[int, typer.Option(metavar="N", min=0, help="SMS at the start.")] = 1_000_000,
    delivery_seconds: Annotated[
        float, typer.Option(metavar="S", min=0, max=_LONGEST, help="How long a delivery takes.")
    ] = 1.0,
    _verbose: Verbose = False,
) -> None:
    """Serve a sandbox of the service, until Ctrl-C.

    It takes orders, answers reports and remembers both, and sends nothing.
    """
    run_async(partial(_serve, port, balance, delivery_seconds))


async def _serve(port: int, balance: int, delivery_seconds: float) -> None:
    from iletimerkezi_async.sandbox import Sandbox  # noqa: PLC0415 - as serving needs uvicorn

    service = Sandbox(DEMO_KEY, DEMO_HASH, balance=balance, delivery_seconds=delivery_seconds)
    async with service.serve(port) as base_url:
        write(_welcome(base_url))
        await anyio.sleep_forever()


def _welcome(base_url: str) -> str:
    return f"""\
The sandbox serves at {base_url}: nothing real is sent. Ctrl-C ends it.

The command, in another terminal:

  export {BASE_URL_VARIABLE}={base_url}
  export {KEY_VARIABLE}={DEMO_KEY}
  export {HASH_VARIABLE}={DEMO_HASH}
  export {SENDER_VARIABLE}={DEMO_SENDER}
  export {IYS_VARIABLE}={IysChoice.OFF.value}
  iletimerkezi send "Kodunuz 1234" 5301234567

A client:

  AsyncClient("{DEMO_KEY}", "{DEMO_HASH}", sender="{DEMO_SENDER}", iys=Iys.OFF, base_url="{base_url}")
"""
