"""A file of consents: CSV, read to its end and checked before anything is asked of the service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from iletimerkezi_async.models import Consent
from iletimerkezi_async.wire.consents import find_date_flaw, is_reachable

from .messages import CommandError
from .moments import read_moment
from .tables import Row, RowReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["COLUMNS", "read_consents"]

#: The columns, in any order.
COLUMNS = ("recipient", "recipient_type", "type", "status", "source", "consent_date")

_HEADER = ",".join(COLUMNS)


class _BadLineError(Exception):
    """A line cannot be taken; its text says why, without the recipient."""


def read_consents(path: str, *, now: datetime) -> list[Consent]:
    """The consents of a file, all of which could be registered.

    Args:
        path: The file; `-` is standard input.
        now: Against which the dates are checked.

    Raises:
        CommandError: It cannot be read, or not all of it can be taken; the first bad line is named.
    """
    name = "standard input" if path == "-" else path
    try:
        rows = _read_rows(name, sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes())
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from None
    except CommandError as error:
        raise CommandError(f"{error}; nothing was registered") from None
    columns = [column.strip().lower() for column in rows[0].cells] if rows else []
    if sorted(columns) != sorted(COLUMNS):
        raise CommandError(f"{name}, line 1: the header must be {_HEADER}")
    return _make_all(name, columns, rows[1:], now)


def _read_rows(name: str, data: bytes) -> list[Row]:
    # Spreadsheets of a country whose decimals have a comma write semicolons.
    reader = RowReader(name, ";" if b";" in data.partition(b"\n")[0] else ",")
    return [row for piece in (data, b"") if data for row in reader.feed(piece)]


def _make_all(name: str, columns: Sequence[str], rows: Sequence[Row], now: datetime) -> list[Consent]:
    consents: list[Consent] = []
    complaints: list[str] = []
    for row in rows:
        try:
            consents.append(_make(columns, row.cells, now))
        except _BadLineError as error:
            complaints.append(f"line {row.line}: {error}")
    if complaints:
        more = f" (and {len(complaints) - 1:,} more bad lines)" if len(complaints) > 1 else ""
        raise CommandError(f"{name}, {complaints[0]}{more}; nothing was registered")
    return consents


def _make(columns: Sequence[str], fields: Sequence[str], now: datetime) -> Consent:
    if len(fields) != len(columns):
        raise _BadLineError(f"{len(fields)} values instead of {len(columns)}")
    row = {column: field.strip() for column, field in zip(columns, fields)}
    moment = read_moment(row["consent_date"])
    if moment is None:
        raise _BadLineError('`consent_date` must be a time such as "2026-12-01 09:00" (Turkish) or with an offset')
    try:
        consent = Consent(
            row["recipient"], row["recipient_type"], row["type"], row["status"], row["source"], consent_date=moment
        )
    except ValueError as error:
        raise _BadLineError(error) from None
    if not is_reachable(consent.recipient, consent.type):
        raise _BadLineError(
            "`recipient` is neither a Turkish mobile number nor, with the type EPOSTA, an e-mail address"
        )
    flaw = find_date_flaw(moment, now)
    if flaw:
        raise _BadLineError(f"`consent_date` {flaw}")
    return consent
