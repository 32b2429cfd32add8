"""Commands about the national consent registry."""

from datetime import datetime, timezone
from enum import Enum
from functools import partial
from typing import Annotated

import typer

from iletimerkezi_async.errors import (
    ApiError,
    OutcomeUnknownError,
    RecipientError,
    TransportError,
)
from iletimerkezi_async.models import Consent, ConsentType, RecipientType
from iletimerkezi_async.numbers import clean_number

from .command import Command, run_async
from .consent_file import read_consents
from .messages import CommandError, WrongUsageError
from .output import write_json, write_pairs
from .settings import Json, Verbose, open_client

__all__ = ["BRAND_VARIABLE", "group"]

BRAND_VARIABLE = "ILETIMERKEZI_BRAND"

group = typer.Typer(
    help="The national consent registry (IYS).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Brand = Annotated[
    str | None,
    typer.Option("--brand", envvar=BRAND_VARIABLE, show_envvar=False, metavar="CODE", help="The brand's code."),
]


@group.command("check", cls=Command)
def check(
    recipient: Annotated[str, typer.Argument(metavar="RECIPIENT", hidden=True)],
    *,
    brand: _Brand = None,
    recipient_type: Annotated[
        RecipientType | None,
        typer.Option(case_sensitive=False, metavar="bireysel|tacir", help="As an individual or a merchant."),
    ] = None,
    type: Annotated[
        ConsentType, typer.Option(case_sensitive=False, metavar="mesaj|eposta|arama", help="What it is about.")
    ] = ConsentType.MESAJ,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Ask what RECIPIENT, a number or an e-mail address, has said.

    What --brand leaves out comes from ILETIMERKEZI_BRAND.
    """
    code = _need_brand(brand)
    if recipient_type is None:
        raise WrongUsageError("say --recipient-type: bireysel (an individual) or tacir (a merchant)")
    found = run_async(partial(_check, code, recipient, recipient_type, type))
    if as_json:
        write_json(_fields(recipient, recipient_type, type, found))
    elif found is None:
        write_pairs({"status": "no record"})
    else:
        given = f"{found.consent_date:%Y-%m-%d %H:%M}" if found.consent_date else "-"
        write_pairs({"status": _word(found.status), "source": _word(found.source), "date": given})


async def _check(code: str, recipient: str, recipient_type: RecipientType, about: ConsentType) -> Consent | None:
    async with open_client() as client:
        try:
            return await client.check_consent(code, recipient, recipient_type=recipient_type, type=about)
        except RecipientError as error:
            if not error.numbers:
                raise
            kind = "an e-mail address" if about is ConsentType.EPOSTA else "a Turkish mobile number"
            raise WrongUsageError(f"{recipient!r} is not {kind}") from None


def _fields(
    recipient: str, recipient_type: RecipientType, about: ConsentType, found: Consent | None
) -> dict[str, object]:
    return {
        "recipient": found.recipient if found else clean_number(recipient) or recipient,
        "recipient_type": _word(found.recipient_type if found else recipient_type),
        "type": _word(found.type if found else about),
        "status": _word(found.status) if found else None,
        "source": _word(found.source) if found else None,
        "consent_date": found.consent_date if found else None,
    }


def _word(word: str) -> str:
    return str(word.value) if isinstance(word, Enum) else word


@group.command("register", cls=Command)
def register(
    file: Annotated[str, typer.Argument(metavar="FILE", hidden=True)],
    *,
    brand: _Brand = None,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Register the consents of FILE, or of standard input with -.

    FILE is CSV. Its first line is recipient,recipient_type,type,status,source,consent_date; another one might be
    5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,2026-12-01 09:00. A time without an offset is Turkish, and not more than
    three days ago.

    All lines are checked before the first is registered. What --brand leaves out comes from ILETIMERKEZI_BRAND.
    """
    code = _need_brand(brand)
    client = open_client()
    consents = read_consents(file, now=datetime.now(timezone.utc))

    async def send() -> None:
        async with client:
            await client.register_consents(code, consents)

    try:
        run_async(send, "interrupted: some may be registered and some not; `iletimerkezi consent check` tells")
    except (ApiError, TransportError, OutcomeUnknownError) as error:
        what = error.reason if isinstance(error, OutcomeUnknownError) else str(error)
        raise CommandError(f"{what}: {_how_far(error, len(consents))}", error) from None
    if as_json:
        write_json({"registered": len(consents)})
    else:
        write_pairs({"registered": len(consents)})


def _how_far(error: ApiError | TransportError | OutcomeUnknownError, total: int) -> str:
    done = f"{error.registered:,} of {total:,} are registered, from the first on"
    if isinstance(error, OutcomeUnknownError):
        return f"{done}; the next ones may be, too: `iletimerkezi consent check` tells"
    return done


def _need_brand(brand: str | None) -> str:
    if not brand:
        raise WrongUsageError(f"say --brand, or set {BRAND_VARIABLE}")
    return brand
