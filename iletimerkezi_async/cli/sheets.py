"""Workbooks (.xlsx): the rows of a sheet, as they are shown to whoever opens it."""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol, cast

from iletimerkezi_async.filling import column_key
from iletimerkezi_async.formats import show_cell

from .messages import CommandError, WrongUsageError
from .tables import Row

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

__all__ = ["MAGIC", "OLD_MAGIC", "Sheet"]

#: What a workbook begins with, as does every other archive.
MAGIC = b"PK\x03\x04"
#: What workbooks before 2007 begin with, and those with a password.
OLD_MAGIC = b"\xd0\xcf\x11\xe0"

_PIECE = 500
_BYTES = 1 << 20
_ROW = re.compile(rb"<(?:\w+:)?row\b([^<>]*)>")
_NUMBER = re.compile(rb'\br="([0-9]+)"')
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
# A formula without a value, as programs write it that do not reckon; an empty text is a value.
_NO_VALUE = "a formula in it has no saved value; open the list in a spreadsheet, and save it there"
_UNSAVED = re.compile(
    rb'<(?:\w+:)?c\b(?![^<>]*\bt="str")[^<>]*>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<>]*</(?:\w+:)?f>)\s*'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>|</(?:\w+:)?c>)"
)
# An archive that unpacks to more is none that a spreadsheet has written.
_LARGEST = 4 << 30


class _Cell(Protocol):
    value: object
    number_format: str
    data_type: str


class _OpenSheet(Protocol):
    """A sheet that was opened for reading, as openpyxl has it."""

    title: str

    def reset_dimensions(self) -> None: ...

    def iter_rows(self) -> Iterable[tuple[_Cell, ...]]: ...


class Sheet:
    """A sheet of a workbook.

    Args:
        file: The workbook.
        name: What errors call it.
        wanted: The sheet, by name or from 1; `None` for the first one that is not hidden.
        comma: Whether decimals stand behind a comma.

    Raises:
        CommandError: It is no workbook.
        WrongUsageError: There is no such sheet.
    """

    def __init__(self, file: BinaryIO, name: str, wanted: str | None, *, comma: bool) -> None:
        self._name = name
        self.comma = comma
        self._sheet = _choose(_load(file, name), name, wanted)
        self._from_1904 = False
        # Some programs write a size that is too small.
        self._sheet.reset_dimensions()
        self.title = self._sheet.title
        flaws = _find_flaws(file, getattr(self._sheet, "_worksheet_path", ""))
        if flaws is None:
            raise self._complain()
        #: What is wrong with rows, by their numbers: they are filtered out or hidden, or lack the values of formulas.
        self.flaws = flaws

    def sample(self, most: int) -> list[Row]:
        """The first rows."""
        return list(islice(self._rows(), most))

    def pieces(self) -> Iterator[list[Row]]:
        """All rows but blank ones, some at a time."""
        rows = self._rows()
        while piece := list(islice(rows, _PIECE)):
            yield piece

    def _rows(self) -> Iterator[Row]:
        try:
            for line, cells in enumerate(self._sheet.iter_rows(), 1):
                shown = [
                    ""
                    if cell.value is None
                    else show_cell(cell.value, cell.number_format, comma=self.comma, from_1904=self._from_1904)
                    for cell in cells
                ]
                if any(map(str.strip, shown)) or self.flaws.get(line) == _NO_VALUE:
                    yield Row(line, shown)
        except Exception:  # noqa: BLE001 - whatever openpyxl stumbles over; its error may hold values
            is_damaged = True
        else:
            is_damaged = False
        if is_damaged:
            raise self._complain()

    def _complain(self) -> CommandError:
        return CommandError(f"{self._name}: the sheet {self.title!r} is damaged; save it again, or as CSV UTF-8")


def _load(file: BinaryIO, name: str) -> "Workbook":
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - an extra, and slow
    except ImportError:
        raise CommandError(
            f"{name} is a workbook, which needs: pip install 'iletimerkezi-async[xlsx]'; or save it as CSV UTF-8"
        ) from None
    try:
        with zipfile.ZipFile(file) as archive:
            is_large = sum(each.file_size for each in archive.infolist()) > _LARGEST
        with warnings.catch_warnings():
            # About parts that do not matter here, such as validations.
            warnings.simplefilter("ignore")
            book = None if is_large else load_workbook(file, read_only=True, data_only=True)
    except Exception:  # noqa: BLE001 - openpyxl raises all kinds for files that are none of its own
        book = None
    if book is None:
        raise CommandError(f"{name}: it is not an .xlsx workbook that can be read; save it as .xlsx or CSV UTF-8")
    return book


def _find_flaws(file: BinaryIO, path: str) -> dict[int, str] | None:
    """What openpyxl does not tell of a sheet that is read row by row; `None` where it is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            if path not in archive.namelist():
                return {}
            with archive.open(path) as source:
                return dict(_flawed_rows(source))
    except (zipfile.BadZipFile, zlib.error, OSError):
        return None


def _flawed_rows(source: IO[bytes]) -> Iterator[tuple[int, str]]:
    line = 0
    for attributes, content in _raw_rows(source):
        number = _NUMBER.search(attributes)
        line = int(number[1]) if number else line + 1
        if _HIDDEN.search(attributes):
            yield line, "it is hidden in the sheet"
        elif b"<" in content and _UNSAVED.search(content):
            yield line, _NO_VALUE


def _raw_rows(source: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The attributes of each row, and what is in it."""
    rest = b""
    while piece := source.read(_BYTES):
        data = rest + piece
        starts = list(_ROW.finditer(data))
        for start, following in pairwise(starts):
            yield start[1], data[start.end() : following.start()]
        # The last row, or its tag, may be cut in the middle.
        rest = data[starts[-1].start() :] if starts else data
    last = _ROW.search(rest)
    if last:
        yield last[1], rest[last.end() :]


def _choose(book: "Workbook", name: str, wanted: str | None) -> _OpenSheet:
    sheets = book.worksheets
    visible = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
    if wanted is None:
        found = (visible or sheets)[:1]
    else:
        found = [sheet for sheet in sheets if column_key(sheet.title) == column_key(wanted)]
        if not found and wanted.isascii() and wanted.isdigit():
            found = sheets[int(wanted) - 1 : int(wanted)] if int(wanted) else []
    if not found:
        titles = ", ".join(str(sheet.title) for sheet in sheets)
        raise WrongUsageError(f"{name} has no sheet {wanted!r}; there are: {titles}")
    return cast("_OpenSheet", found[0])
