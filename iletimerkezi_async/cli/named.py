"""The files that name whom a campaign left out, and who was not texted."""

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

# Half and full width.
_FORMULA_MARKS = tuple("=+-@＝＋－＠")


class NameFile:
    """A CSV file of numbers and what is to be said of them, readable for its owner alone; or none.

    Args:
        option: What names it.
        path: What was said; `None` for nothing.
        columns: Its header.
        others: Files that it must not overwrite.
        default: Where to, if there is somebody to name and nothing was said.

    Raises:
        WrongUsageError: It is one of the others.
        CommandError: It cannot be written, which is better told before anything is sent.
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
        if any(other is not None and _is_same(path, other) for other in others):
            raise WrongUsageError(f"{option} would overwrite {path}")
        os.close(_open(path, os.O_APPEND))

    def write(self, rows: Iterable[Sequence[str]], count: int) -> str | None:
        """Write all of them, in place of what was there.

        Args:
            rows: The rows.
            count: How many there are.

        Returns:
            The file that now names them, if there is one.
        """
        if self._path is None or not (count or self._asked or Path(self._path).exists()):
            return None
        try:
            with os.fdopen(_open(self._path, os.O_TRUNC), "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(self._columns)
                writer.writerows(map(_harmless, rows))
        except (OSError, CommandError) as error:
            # What became of everybody is to be shown all the same.
            complain(f"{self._path}: {error.strerror}" if isinstance(error, OSError) else str(error))
            return None
        return self._path if count else None


def failed_rows(result: BulkResult) -> Iterator[Sequence[str]]:
    """Who was not texted, or may not have been, and why."""
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
    """A field that no spreadsheet takes for a formula, whoever wrote it; an apostrophe in front makes it a text."""
    shown = "".join(letter if letter.isprintable() else " " for letter in written)
    is_formula = shown.lstrip()[:1] in _FORMULA_MARKS and clean_number(shown) != shown
    return f"'{shown}" if is_formula else shown


def _is_same(path: str, other: str) -> bool:
    try:
        return Path(path).samefile(other)
    except (OSError, ValueError):
        return Path(path).absolute() == Path(other).absolute()
