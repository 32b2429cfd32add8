"""Commands about the national consent registry (IYS), and the file of consents for `consent register`."""

import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from iletimerkezi_async.client import AsyncClient
from iletimerkezi_async.errors import ApiError, OutcomeUnknownError, RecipientError, TransportError
from iletimerkezi_async.models import Consent, ConsentType, RecipientType
from iletimerkezi_async.numbers import clean_number
from iletimerkezi_async.wire.consents import find_date_flaw, is_reachable

from .command import Command
from .messages import CommandError, WrongUsageError
from .moments import read_moment
from .output import write_json, write_pairs
from .settings import Json, Verbose, Word, call, open_client
from .tables import Row, RowReader

__all__ = ["BRAND_VARIABLE", "group", "read_consents"]

BRAND_VARIABLE = "ILETIMERKEZI_BRAND"

# The columns of a file of consents, in any order.
_COLUMNS = ("recipient", "recipient_type", "type", "status", "source", "consent_date")

_HEADER = ",".join(_COLUMNS)

group = typer.Typer(
    help="The national consent registry (IYS).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Brand = Annotated[Word, Option(envvar=BRAND_VARIABLE, show_envvar=False, metavar="CODE", help="The brand's code.")]


@group.command("check", cls=Command)
def check(
    recipient: Annotated[str, typer.Argument(metavar="RECIPIENT", hidden=True)],
    *,
    brand: _Brand = None,
    recipient_type: Annotated[
        RecipientType | None,
        Option(case_sensitive=False, metavar="bireysel|tacir", help="Whether individual or merchant."),
    ] = None,
    type: Annotated[
        ConsentType, Option(case_sensitive=False, metavar="mesaj|eposta|arama", help="SMS, e-mail or calls.")
    ] = ConsentType.MESAJ,
    as_json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Show the consent of RECIPIENT, a number or an e-mail address.

    The default of --brand is ILETIMERKEZI_BRAND.
    """
    code = _need_brand(brand)
    if recipient_type is None:
        raise WrongUsageError("say --recipient-type: bireysel (an individual) or tacir (a merchant)")
    found = call(partial(_check, code, recipient, recipient_type, type))
    if as_json:
        write_json(_fields(recipient, recipient_type, type, found))
    elif found is None:
        write_pairs({"status": "no record"})
    else:
        given = f"{found.consent_date:%Y-%m-%d %H:%M}" if found.consent_date else "-"
        write_pairs({"status": _word(found.status), "source": _word(found.source), "date": given})


async def _check(
    code: str, recipient: str, recipient_type: RecipientType, about: ConsentType, client: AsyncClient
) -> Consent | None:
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

    FILE is CSV. Its first line is recipient,recipient_type,type,status,source,consent_date; an example of the next ones
    is 5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,2026-12-01 09:00. A time without an offset is Turkish. It must not be more
    than three days ago.

    All lines are checked before the first is registered. The default of --brand is ILETIMERKEZI_BRAND.
    """
    code = _need_brand(brand)
    client = open_client()
    consents = read_consents(file, now=datetime.now(timezone.utc))

    interrupted = "interrupted: some may be registered and some not; `iletimerkezi consent check` tells"
    try:
        call(lambda each: each.register_consents(code, consents), client, interrupted)
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


def read_consents(path: str, *, now: datetime) -> list[Consent]:
    """Read the consents of a file, and check that all of them can be registered.

    Args:
        path: The file; `-` is standard input.
        now: The time to check the dates against.

    Raises:
        CommandError: The file cannot be read, or has bad lines; the error names the first of them.
    """
    name = "standard input" if path == "-" else path
    try:
        rows = _read_rows(name, sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes())
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from None
    except CommandError as error:
        raise CommandError(f"{error}; nothing was registered") from None
    columns = [column.strip().lower() for column in rows[0].cells] if rows else []
    if sorted(columns) != sorted(_COLUMNS):
        raise CommandError(f"{name}, line 1: the header must be {_HEADER}")
    return _make_all(name, columns, rows[1:], now)


def _read_rows(name: str, data: bytes) -> list[Row]:
    # In countries with a decimal comma, such as Turkey, spreadsheets write semicolons.
    reader = RowReader(name, ";" if b";" in data.partition(b"\n")[0] else ",")
    return [row for piece in (data, b"") if data for row in reader.feed(piece)]


def _make_all(name: str, columns: Sequence[str], rows: Sequence[Row], now: datetime) -> list[Consent]:
    made = [(row.line, _make(columns, row.cells, now)) for row in rows]
    complaints = [f"line {line}: {flaw}" for line, flaw in made if isinstance(flaw, str)]
    if complaints:
        more = f" (and {len(complaints) - 1:,} more bad lines)" if len(complaints) > 1 else ""
        raise CommandError(f"{name}, {complaints[0]}{more}; nothing was registered")
    return [consent for _, consent in made if isinstance(consent, Consent)]


def _make(columns: Sequence[str], fields: Sequence[str], now: datetime) -> Consent | str:
    """The consent in a line, or the reason why it is wrong; the reason does not show the recipient."""
    if len(fields) != len(columns):
        return f"{len(fields)} values instead of {len(columns)}"
    row = {column: field.strip() for column, field in zip(columns, fields)}
    moment = read_moment(row["consent_date"])
    if moment is None:
        return '`consent_date` must be a time such as "2026-12-01 09:00" (Turkish) or with an offset'
    try:
        consent = Consent(
            row["recipient"], row["recipient_type"], row["type"], row["status"], row["source"], consent_date=moment
        )
    except ValueError as error:
        return str(error)
    if not is_reachable(consent.recipient, consent.type):
        return "`recipient` is neither a Turkish mobile number nor, with the type EPOSTA, an e-mail address"
    flaw = find_date_flaw(moment, now)
    return f"`consent_date` {flaw}" if flaw else consent
