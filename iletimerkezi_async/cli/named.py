"""The files of recipients that a campaign left out, and of those it did not text."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from iletimerkezi_async import BulkResult, OutcomeUnknownError, Refusal
from iletimerkezi_async.numbers import clean_number

from .messages import CommandError, WrongUsageError
from .output import complain

__all__ = ["FAILED_COLUMNS", "REFUSED_COLUMNS", "NameFile", "failed_rows"]

REFUSED_COLUMNS = Refusal._fields
FAILED_COLUMNS = ("number", "reason", "sent")

# Characters that begin a formula, in half and full width.
_FORMULA_MARKS = tuple("=+-@＝＋－＠")


class NameFile:
    """A CSV file of numbers with the reason for each, readable only by its owner; or no file.

    Args:
        option: The option that names the file.
        path: The option's value, if it was given.
        columns: The header.
        others: Files that must not be overwritten.
        default: The file if the option is not given; written only if there are rows.

    Raises:
        WrongUsageError: The file is one of the others.
        CommandError: The file cannot be written; checked before anything is sent.
    """

    def __init__(
        self,
        option: str,
        path: str | None,
        columns: Sequence[str],
        others: Iterable[str | None],
        default: str | None = None,
    ) -> None:
        self._path = path or default
        self._columns = columns
        self._asked = path is not None
        if path is None:
            return
        if any(other is not None and Path(path).resolve() == Path(other).resolve() for other in others):
            raise WrongUsageError(f"{option} would overwrite {path}")
        os.close(_open(path, os.O_APPEND))

    def write(self, rows: Iterable[Sequence[str]], count: int) -> str | None:
        """Write the rows, and replace earlier content.

        Args:
            rows: The rows.
            count: Their number.

        Returns:
            The path of the file, if there are rows.
        """
        if self._path is None or not (count or self._asked or Path(self._path).exists()):
            return None
        try:
            with os.fdopen(_open(self._path, os.O_TRUNC), "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(self._columns)
                writer.writerows(map(_harmless, rows))
        except (OSError, CommandError) as error:
            # Continue: the result must still be shown.
            complain(f"{self._path}: {error.strerror}" if isinstance(error, OSError) else str(error))
            return None
        return self._path if count else None


def failed_rows(result: BulkResult) -> Iterator[Sequence[str]]:
    """The recipients that were not texted, or may not have been, with the reason."""
    for failure in result.failed:
        sent = "unknown" if isinstance(failure.error, OutcomeUnknownError) else "no"
        for number in failure.recipients:
            yield number, failure.error.reason, sent


def _open(path: str, flag: int) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _harmless(row: Sequence[str]) -> Sequence[str]:
    return [_without_formula(field) for field in row]


def _without_formula(written: str) -> str:
    """Make a field safe for spreadsheets: an apostrophe before a formula makes it a text."""
    shown = "".join(letter if letter.isprintable() else " " for letter in written)
    is_formula = shown.lstrip()[:1] in _FORMULA_MARKS and clean_number(shown) != shown
    return f"'{shown}" if is_formula else shown
