"""The file of the numbers that a campaign left out."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from iletimerkezi_async import Refusal
from iletimerkezi_async.numbers import clean_number

from .messages import CommandError, WrongUsageError

__all__ = ["RefusalFile"]

# Half and full width.
_FORMULA_MARKS = tuple("=+-@＝＋－＠")


class RefusalFile:
    """A CSV file of refused numbers, readable for its owner alone; or none.

    Args:
        path: Where; `None` for nowhere.
        others: Files that it must not overwrite.

    Raises:
        WrongUsageError: It is one of them.
        CommandError: It cannot be written, which is better told before anything is sent.
    """

    def __init__(self, path: str | None, others: Iterable[str | None]) -> None:
        self._path = path
        if path is None:
            return
        if any(other is not None and _is_same(path, other) for other in others):
            raise WrongUsageError(f"--refused would overwrite {path}")
        os.close(self._open(path, os.O_APPEND))

    def write(self, refusals: Iterable[Refusal]) -> None:
        """Write all of them, in place of what was there.

        Raises:
            CommandError: It cannot be done.
        """
        if self._path is None:
            return
        try:
            with os.fdopen(self._open(self._path, os.O_TRUNC), "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(Refusal._fields)
                writer.writerows(map(_harmless, refusals))
        except OSError as error:
            raise CommandError(f"{self._path}: {error.strerror}") from None

    @staticmethod
    def _open(path: str, flag: int) -> int:
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _harmless(refusal: Refusal) -> Sequence[str]:
    return [_without_formula(field) for field in refusal]


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
