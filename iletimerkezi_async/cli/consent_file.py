"""A file of consents: CSV, read to its end and checked before anything is asked of the service."""

from __future__ import annotations

import csv
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from iletimerkezi_async.models import Consent
from iletimerkezi_async.wire.consents import find_date_flaw, is_reachable

from .messages import CommandError
from .moments import read_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
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
        with _open(path) as file:
            return _read(name, file, now)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f'{name} is not UTF-8; in a spreadsheet, save it as "CSV UTF-8"') from None


def _open(path: str) -> AbstractContextManager[TextIO]:
    if path == "-":
        return nullcontext(sys.stdin)
    # Spreadsheets write a mark in front.
    return Path(path).open(encoding="utf-8-sig", newline="")


def _read(name: str, file: Iterable[str], now: datetime) -> list[Consent]:
    lines = iter(file)
    header = next(lines, "")
    # Spreadsheets of a country whose decimals have a comma write semicolons.
    separator = ";" if ";" in header else ","
    columns = [column.strip().lower() for column in header.removeprefix("\ufeff").replace('"', "").split(separator)]
    if sorted(columns) != sorted(COLUMNS):
        raise CommandError(f"{name}, line 1: the header must be {_HEADER}")
    consents: list[Consent] = []
    complaints: list[str] = []
    for line, fields in _rows(name, csv.reader(lines, delimiter=separator, strict=True)):
        try:
            consents.append(_make(columns, fields, now))
        except _BadLineError as error:
            complaints.append(f"line {line}: {error}")
    if complaints:
        more = f" (and {len(complaints) - 1:,} more bad lines)" if len(complaints) > 1 else ""
        raise CommandError(f"{name}, {complaints[0]}{more}; nothing was registered")
    return consents


def _rows(name: str, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their line; where one goes over several lines, the first."""
    line = 2
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise CommandError(f"{name}, line {line}: {error}; nothing was registered") from None
        if fields is None:
            return
        if any(field.strip() for field in fields):
            yield line, fields
        line = reader.line_num + 2  # type: ignore[attr-defined] # typeshed's name for a reader is a private one


def _make(columns: list[str], fields: list[str], now: datetime) -> Consent:
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
