"""Workbooks (.xlsx): the rows of a sheet, as a spreadsheet shows them."""

import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from iletimerkezi_async.filling import column_key
from iletimerkezi_async.formats import show_cell

from .archives import NO_VALUE, Range, find_facts, find_kind, to_transitional
from .messages import CommandError, WrongUsageError
from .tables import Row

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

__all__ = ["MAGIC", "OLD_MAGIC", "Sheet"]

#: The first bytes of a workbook, and of every other ZIP archive.
MAGIC = b"PK\x03\x04"
#: The first bytes of workbooks before Excel 2007, and of those with a password.
OLD_MAGIC = b"\xd0\xcf\x11\xe0"

_PIECE = 500
# Bytes. No spreadsheet program writes an archive that unpacks to more.
_LARGEST = 4 << 30
# Escapes of characters that XML cannot hold (and of texts that look like such an escape).
_ESCAPE = re.compile(r"(?:_x[0-9A-Fa-f]{4}_)+")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ERROR = "e"


class _Cell(Protocol):
    value: object
    number_format: str
    data_type: str


class _OpenSheet(Protocol):
    """A sheet of openpyxl, opened for reading."""

    title: str

    def reset_dimensions(self) -> None: ...

    def iter_rows(self) -> Iterable[tuple[_Cell, ...]]: ...


class Sheet:
    """A sheet of a workbook.

    Args:
        file: The workbook.
        name: Its name in errors.
        wanted: The sheet, by name or from 1; `None` for the first one that is not hidden.
        comma: Whether decimals are written with a comma.

    Raises:
        CommandError: The file is not a workbook.
        WrongUsageError: There is no such sheet.
    """

    def __init__(self, file: BinaryIO, name: str, wanted: str | None, *, comma: bool) -> None:
        self._name = name
        self.comma = comma
        file, book = _load(file, name)
        self._from_1904 = book.epoch.year == 1904  # noqa: PLR2004 - the other year that days are counted from
        self._sheet = _choose(book, name, wanted)
        # Some programs write a size that is too small.
        self._sheet.reset_dimensions()
        self.title = self._sheet.title
        with zipfile.ZipFile(file) as archive:
            facts = find_facts(archive, getattr(self._sheet, "_worksheet_path", ""))
        if facts is None:
            raise self._complain()
        #: Reasons to leave rows out, by row number.
        self.flaws, self._ranges = facts

    def sample(self, most: int) -> list[Row]:
        """The first rows. A range merged over columns has its value only in its first column, as headers need it."""
        return next(self._pieces(most, across=False), list[Row]())

    def pieces(self) -> Iterator[list[Row]]:
        """All rows except blank ones, in chunks."""
        return self._pieces(_PIECE, across=True)

    def _pieces(self, most: int, *, across: bool) -> Iterator[list[Row]]:
        rows = self._rows(across)
        while True:
            with warnings.catch_warnings():
                # openpyxl's warnings quote cells.
                warnings.simplefilter("ignore")
                piece = list(islice(rows, most))
            if not piece:
                return
            yield piece

    def _rows(self, across: bool) -> Iterator[Row]:
        merged = _Merged(each if across else each._replace(right=each.left) for each in self._ranges)
        try:
            for line, cells in enumerate(self._sheet.iter_rows(), 1):
                shown = ["" if cell.value is None else self._show(cell) for cell in cells]
                is_blank = not any(map(str.strip, shown))
                merged.fill(line, shown)
                if not is_blank or self.flaws.get(line) == NO_VALUE:
                    yield Row(line, shown)
        except Exception:  # noqa: BLE001 - openpyxl raises all kinds of errors, with values in their texts
            is_damaged = True
        else:
            is_damaged = False
        if is_damaged:
            raise self._complain()

    def _show(self, cell: _Cell) -> str:
        value = cell.value
        if isinstance(value, str):
            if cell.data_type == _ERROR:
                return value
            value = _ESCAPE.sub(_unescape, value) if "_x" in value else value
        return show_cell(value, cell.number_format, comma=self.comma, from_1904=self._from_1904)

    def _complain(self) -> CommandError:
        return CommandError(f"{self._name}: the sheet {self.title!r} is damaged; save it again, or as CSV UTF-8")


class _Merged:
    """Gives every cell of a merged range the range's value, which a sheet shows only once."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        self._ranges = iter(ranges)
        self._next = next(self._ranges, None)
        self._open: list[tuple[Range, str]] = []

    def fill(self, line: int, shown: list[str]) -> None:
        """Fill in one row. Call it for every row, from the first."""
        while self._next and self._next.top <= line:
            left = self._next.left
            self._open.append((self._next, shown[left] if left < len(shown) else ""))
            self._next = next(self._ranges, None)
        if not self._open:
            return
        self._open = [each for each in self._open if line <= each[0].bottom]
        for (_, _, left, right), value in self._open:
            shown += [""] * (right + 1 - len(shown))
            shown[left : right + 1] = [value] * (right + 1 - left)


def _unescape(escapes: "re.Match[str]") -> str:
    units = "".join(chr(int(code, 16)) for code in _ESCAPED.findall(escapes[0]))
    # Characters above U+FFFF are written as two escapes (surrogates).
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _load(file: BinaryIO, name: str) -> "tuple[BinaryIO, Workbook]":
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - an extra, and slow
    except ImportError:
        raise CommandError(
            f"{name} is a workbook, which needs: pip install 'iletimerkezi-async[xlsx]'; or save it as CSV UTF-8"
        ) from None
    kind: str | None = None
    book: Workbook | None = None
    try:
        with zipfile.ZipFile(file) as archive:
            kind = find_kind(archive)
            if sum(each.file_size for each in archive.infolist()) > _LARGEST:
                kind = "an archive of more than 4 GiB"
            file = (None if kind else to_transitional(archive)) or file
        with warnings.catch_warnings():
            # openpyxl warns about parts that are not needed here, such as validations.
            warnings.simplefilter("ignore")
            book = None if kind else load_workbook(file, read_only=True, data_only=True)
    except Exception:  # noqa: BLE001 - openpyxl raises all kinds of errors for other files
        book = None
    if book is None:
        what = f"it is {kind}, and" if kind else "it is"
        raise CommandError(f"{name}: {what} not an .xlsx workbook that can be read; save it as .xlsx or CSV UTF-8")
    # Keep dates as the numbers in the file: openpyxl's warnings about dates that it cannot convert quote them.
    vars(book).update(_date_formats=frozenset(), _timedelta_formats=frozenset())
    return file, book


def _choose(book: "Workbook", name: str, wanted: str | None) -> _OpenSheet:
    sheets = book.worksheets
    visible = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
    if wanted is None:
        found = (visible or sheets)[:1]
    else:
        found = [sheet for sheet in sheets if column_key(sheet.title) == column_key(wanted)]
        if not found and wanted.isascii() and wanted.isdigit():
            found = sheets[int(wanted) - 1 : int(wanted)] if int(wanted) else []
    if not found and wanted is None:
        raise CommandError(f"{name}: there is no sheet in it that could be read; save it as .xlsx or CSV UTF-8")
    if not found:
        titles = ", ".join(str(sheet.title) for sheet in sheets)
        raise WrongUsageError(f"{name} has no sheet {wanted!r}; there are: {titles}")
    return cast("_OpenSheet", found[0])
