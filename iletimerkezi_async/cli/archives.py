"""Facts about a workbook that openpyxl does not report, read from the archive's XML in pieces."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import IO, BinaryIO, NamedTuple

__all__ = ["NO_VALUE", "Facts", "Range", "find_facts", "find_kind", "to_transitional"]

#: The reason to leave out a row with an uncalculated formula; some programs write formulas without values.
NO_VALUE = "a formula in it has no saved value; open the list in a spreadsheet, and save it there"
_HIDDEN_ROW = "it is hidden in the sheet"

_KINDS = {
    "xl/workbook.bin": "an .xlsb of Excel",
    "word/document.xml": "a document of Word",
    "Index/Document.iwa": "a file of Numbers",
    "content.xml": "an .ods or another file of LibreOffice",
}
_WORKBOOK = re.compile(r"(?:.*/)?workbook[0-9]*\.xml", re.IGNORECASE)
_BYTES = 1 << 20
_RECKONED = re.compile(rb"<(?:\w+:)?calcPr\b[^>]*\b(?:fullCalcOnLoad=[\"'](?:1|true)|calcCompleted=[\"'](?:0|false))")
# The XML namespaces of the standard's Strict form, and their replacement in the usual (Transitional) form.
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_USUAL = rb"http://schemas.openxmlformats.org/\1/2006/"
_ROW = re.compile(rb"<(?:\w+:)?row\b([^<>]*)>")
_NUMBER = re.compile(rb"\br=[\"']([0-9]+)")
_HIDDEN = re.compile(rb"\bhidden=[\"'](?:1|true)")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b([^<>]*)>")
# An empty text (t="str") is a value. Some programs write 0.0 instead of a value; spreadsheets write 0.
_UNSAVED = re.compile(
    rb"<(?:\w+:)?c\b(?![^<>]*\bt=[\"']str)[^<>]*>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<>]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*(?:0\.0\s*)?</(?:\w+:)?v>|</(?:\w+:)?c>)"
)
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\b[^<>]*>")
_RANGE = re.compile(rb"\bref=[\"']\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})")
# A merged title may span all 16,384 columns of a sheet; no list has as many.
_MOST_COLUMNS = 256
_LAST_ROW = 1 << 20


class Range(NamedTuple):
    """A rectangle of cells. Rows count from 1, columns from 0; both ends are included."""

    top: int
    bottom: int
    left: int
    right: int


class Facts(NamedTuple):
    """Facts about the rows of a sheet.

    Attributes:
        flaws: Reasons to leave rows out, by row number: hidden (or filtered out), or a formula without a value.
        merged: The merged ranges, sorted from the top.
    """

    flaws: Mapping[int, str]
    merged: Sequence[Range]


def find_kind(archive: zipfile.ZipFile) -> str | None:
    """The kind of archive, if it is one of another program; `None` if it is unknown."""
    names = set(archive.namelist())
    return next((kind for name, kind in _KINDS.items() if name in names), None)


def to_transitional(archive: zipfile.ZipFile) -> BinaryIO | None:
    """Convert a workbook to the standard's usual (Transitional) form; `None` if it has this form already."""
    if not _STRICT.search(_read_workbook(archive)):
        return None
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as usual:
        for name in archive.namelist():
            with archive.open(name) as source, usual.open(name, "w") as target:
                # All namespaces are in the root element, and so in the first piece.
                target.write(_STRICT.sub(_USUAL, source.read(_BYTES)))
                while piece := source.read(_BYTES):
                    target.write(piece)
    return file


def _read_workbook(archive: zipfile.ZipFile) -> bytes:
    """The part that lists the sheets. Its name depends on the program that wrote the workbook."""
    return b"".join(archive.read(name) for name in filter(_WORKBOOK.fullmatch, archive.namelist()))


def find_facts(archive: zipfile.ZipFile, path: str) -> Facts | None:
    """The facts about a sheet; `None` if it is damaged."""
    try:
        if path not in archive.namelist():
            return Facts({}, [])
        # If the workbook asks to be recalculated when opened, the values of its formulas are placeholders.
        is_reckoned = bool(_RECKONED.search(_read_workbook(archive)))
        with archive.open(path) as source:
            return _read_facts(_raw_rows(source), is_reckoned=is_reckoned)
    except (zipfile.BadZipFile, zlib.error, OSError):
        return None


def _read_facts(rows: Iterable[tuple[bytes, bytes]], *, is_reckoned: bool) -> Facts:
    flaws: dict[int, str] = {}
    line = made_up = 0
    content = b""
    for attributes, content in rows:
        number = _NUMBER.search(attributes)
        line = int(number[1]) if number else line + 1
        if is_reckoned and b"<" in content:
            for formula in _FORMULA.finditer(content):
                # The other cells of an array formula have no formula of their own. Arrays are sorted from the top.
                last = min(max((each.bottom for each in _read_ranges(formula[1])), default=line), _LAST_ROW)
                flaws.update(dict.fromkeys(range(max(line, made_up), last + 1), NO_VALUE))
                made_up = max(made_up, last + 1)
        elif b"<" in content and _UNSAVED.search(content):
            flaws[line] = NO_VALUE
        if _HIDDEN.search(attributes):
            flaws[line] = _HIDDEN_ROW
    # The content of the last row reaches to the end of the part, where the merged ranges are.
    return Facts(flaws, sorted(each for tag in _MERGED.findall(content) for each in _read_ranges(tag)))


def _raw_rows(source: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The attributes and the content of each row. The content of the last one reaches to the end of the part."""
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


def _read_ranges(tag: bytes) -> Iterator[Range]:
    found = _RANGE.search(tag)
    if found:
        left, right = (min(_column(letters), _MOST_COLUMNS) for letters in (found[1], found[3]))
        yield Range(int(found[2]), int(found[4]), left, right)


def _column(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - ord("A") + 1
    return index - 1
