"""The command that serves the sandbox."""

import logging
import shlex
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import anyio
from typer import Option

from .command import run_async
from .consents import BRAND_VARIABLE
from .messages import WrongUsageError
from .output import show_log, write
from .settings import DEMO_HASH, DEMO_KEY, DEMO_SENDER, IYS_VARIABLE, IysChoice, Verbose, Word

if TYPE_CHECKING:
    from iletimerkezi_async.sandbox import Sandbox
    from iletimerkezi_async.sandbox.style import StyleName

__all__ = ["sandbox"]

# An option that may be given several times.
_Words = list[str] | None

_LAST_PORT = 65_535
_LONGEST = 86_400
_TEST_SENDER = "APITEST"
_DEMO_BRAND = "BRAND"


def sandbox(
    *,
    port: Annotated[int, Option(metavar="PORT", min=0, max=_LAST_PORT, help="Where to listen; 0: any free.")] = 8025,
    key: Annotated[str, Option(metavar="KEY", help="The accepted API key.")] = DEMO_KEY,
    hash: Annotated[str, Option(metavar="HASH", help="The hash of the key.")] = DEMO_HASH,
    username: Annotated[Word, Option(metavar="NAME", help="User to accept without a key.")] = None,
    password: Annotated[Word, Option(metavar="WORD", help="The user's password.")] = None,
    sender: Annotated[_Words, Option(metavar="NAME", help="An approved sender, next to APITEST.")] = None,
    brand: Annotated[_Words, Option(metavar="CODE", help="A brand that has consents.")] = None,
    balance: Annotated[int, Option(metavar="N", min=0, help="SMS at the start.")] = 1_000_000,
    blocked: Annotated[_Words, Option(metavar="NUMBER", help="A number on the blacklist.")] = None,
    undelivered: Annotated[_Words, Option(metavar="NUMBER", help="A number whose messages fail.")] = None,
    delivery_seconds: Annotated[float, Option(metavar="S", min=0, max=_LONGEST, help="Seconds until delivery.")] = 1.0,
    webhook: Annotated[Word, Option(metavar="URL", help="Where to post delivery reports.")] = None,
    fail: Annotated[_Words, Option(metavar="OPERATION=FAULT", help="A fault for the next request.")] = None,
    iys_optional: Annotated[bool, Option("--iys-optional", help="Accept orders without iys, as off.")] = False,
    style: Annotated[str, Option(metavar="live|seeds|strings|csharp", help="The JSON types of answers.")] = "live",
    verbose: Verbose = False,
) -> None:
    """Serve a sandbox of the service, until Ctrl-C or SIGTERM.

    It accepts orders and answers with reports, but sends nothing. Its page in a browser shows orders and requests.

    --sender, --brand, --blocked, --undelivered and --fail may be repeated. OPERATION is an operation of the
    service, such as send-sms, or * for any. FAULT is drop-request, drop-answer, half-answer, garbage, not-object,
    html-502-before, html-502, empty-504, empty-503, 503, empty-429, 429, stall, close-idle, or the code of a refusal,
    such as 402.
    """
    from iletimerkezi_async.sandbox import Sandbox  # noqa: PLC0415 - it takes a while to load

    brands = brand or [_DEMO_BRAND]
    try:
        service = Sandbox(
            key,
            hash,
            (_TEST_SENDER, *(sender or [DEMO_SENDER])),
            balance,
            username=username,
            password=password,
            blocked=blocked or (),
            missing_iys="off" if iys_optional else "refuse",
            undelivered=undelivered or (),
            delivery_seconds=delivery_seconds,
            brands=brands,
            style=cast("StyleName", style),
            webhook=webhook,
        )
        for planned in fail or ():
            operation, _, fault = planned.partition("=")
            service.fail(operation, fault)
    except ValueError as error:
        raise WrongUsageError(str(error)) from None
    if verbose:
        show_log(logging.DEBUG, "iletimerkezi_sandbox")
    run_async(partial(_serve, service, port, brands[0]))


async def _serve(service: "Sandbox", port: int, brand: str) -> None:
    more = {IYS_VARIABLE: IysChoice.OFF.value, BRAND_VARIABLE: brand}
    async with service.serve(port) as base_url:
        write(_welcome(base_url, service.environment(base_url) | more))
        await anyio.sleep_forever()


def _quote_fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quote_powershell(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# The form of an export in each shell, and the quoting of its value.
_SHELLS: dict[str, tuple[str, Callable[[str], str]]] = {
    "bash, zsh": ("export {}={}", shlex.quote),
    "fish": ("set -gx {} {}", _quote_fish),
    "PowerShell": ("$env:{} = {}", _quote_powershell),
    "cmd": ('set "{}={}"', str),
}


def _welcome(base_url: str, environment: dict[str, str]) -> str:
    shells = "".join(
        f"\n{shell}:\n\n" + "".join(f"  {form.format(name, quote(value))}\n" for name, value in environment.items())
        for shell, (form, quote) in _SHELLS.items()
    )
    return f"""\
The sandbox serves at {base_url}: nothing real is sent.
Its page in a browser: {base_url.removesuffix("v1")} Ctrl-C ends it.

In another terminal, first set the variables.
{shells}
Then the command, or a program with AsyncClient(iys=Iys.OFF):

  iletimerkezi send "Kodunuz 1234" 5301234567
  iletimerkezi consent check 5301234567 --recipient-type bireysel
"""
