"""The layout of a list: its delimiter, its header, and the column with the numbers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from attrs import field, frozen

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.filling import column_key, find_column
from iletimerkezi_async.numbers import clean_number, clean_numbers

from .messages import WrongUsageError
from .tables import QUOTE, Row

__all__ = ["Layout", "Wishes", "find_delimiter", "find_layout", "is_nearly_number", "read_delimiter"]

# Usual headers of columns of numbers, reduced to letters and digits.
_KNOWN = frozenset({
    "alici", "alicinumara", "alicinumarasi", "cell", "cellphone", "cep", "cep1", "cepno", "cepnumarasi", "ceptel",
    "ceptelefon", "ceptelefonno", "ceptelefonnumarasi", "ceptelefonu", "ceptelno", "gsm", "gsm1", "gsmno",
    "gsmnumara", "gsmnumarasi", "gsmtel", "gsmtelefon", "iletisimnumarasi", "iletisimtelefonu", "mobil", "mobile",
    "mobilenumber", "mobilephone", "mobilno", "mobiltel", "mobiltelefon", "msisdn", "musterigsm", "musteritelefon",
    "musteritelefonu", "numara", "numarasi", "number", "phone", "phone1value", "phonenumber", "primaryphone",
    "smsno", "smsnumarasi", "tel", "tel1", "telefon", "telefon1", "telefonno", "telefonnumara", "telefonnumarasi",
    "telefonu", "telno", "telnumarasi", "whatsapp", "whatsappno",
})  # fmt: skip
_PLAIN = str.maketrans("şğçöüâîû", "sgcouaiu")
_WORDS = frozenset({"-", "--", "yok", "none", "null", "nan", "na", "n/a", "#yok", "#n/a", "bos", "boş", "0"})
# Values in rows, hardly ever in headers: amounts, dates, percentages, e-mail addresses.
_DATA = re.compile(r"[-+%₺$€ ]*[0-9][0-9.,:/ %₺$€TL-]*|\S+@\S+\.\S+", re.IGNORECASE)
# The fewest digits of a value that looks like a number.
_NEARLY = 5
_MOST_TITLE_ROWS = 20
_TAB_NAMES = frozenset({"\\t", "tab", "sekme"})


@frozen
class Wishes:
    """The parts of the layout that options set; the rest is detected.

    Attributes:
        column: The column with the numbers: its name, or its position, from 1.
        delimiter: The separator of the columns.
        header: Whether there is a header.
        encoding: The encoding of the bytes.
        sheet: The sheet of a workbook: its name, or its position, from 1.
        point: Whether decimals of a workbook are written with a point instead of a comma.
    """

    column: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None
    sheet: str | None = None
    point: bool = False


@frozen
class Layout:
    """The layout of a list.

    Attributes:
        delimiter: The separator of the columns; `None` in a plain list, and in a workbook.
        header: The names of the columns; empty without a header.
        header_line: The header's line.
        numbers: The index of the column with the numbers.
        width: The number of columns.
        titles: The number of rows above the header.
        blank: The number of cells without a name at the end of a text file's header.
    """

    delimiter: str | None
    header: tuple[str, ...]
    header_line: int
    numbers: int
    width: int
    titles: int = field(default=0)
    blank: int = field(default=0)

    @property
    def skipped(self) -> int:
        """The number of rows before the first recipient."""
        return self.titles + bool(self.header)

    def is_shifted(self, cells: Sequence[str]) -> bool:
        """Whether a row may have more values than columns, so that values are under wrong names."""
        if any(map(str.strip, cells[self.width :])):
            return True
        surplus = len(cells) - self.width - self.blank
        # For example 1250,50 without quotes before an empty last column: the amount fills two cells, and the row ends
        # with a blank cell.
        behind = cells[self.numbers + 1 : self.width]
        return self.delimiter == "," and 0 < surplus < len(behind) and all(map(str.strip, behind))

    @property
    def column(self) -> str:
        """The column with the numbers, as text for the user."""
        if self.width == 1 and not self.header:
            return "the only one"
        place = f"{self.numbers + 1} of {self.width}"
        return f"{_tidy(self.header[self.numbers])!r} ({place})" if self.header else place


def read_delimiter(typed: str | None) -> str | None:
    """The delimiter that was typed.

    Raises:
        WrongUsageError: It is not a delimiter.
    """
    if typed is None or (len(typed) == 1 and typed not in '"\r\n'):
        return typed
    if typed.casefold() in _TAB_NAMES:
        return "\t"
    raise WrongUsageError(f'--delimiter {typed!r} is not one character, such as ";", or "tab"')


def find_delimiter(sample: Mapping[str | None, Sequence[Row]]) -> str | None:
    """The delimiter that gives the most phone numbers in a column.

    Among equals, prefer one that gives all rows the same number of columns (at least two), then one that gives the
    most columns.
    """
    quoted = any(QUOTE in row.cells[0] for row in sample[None])
    best: str | None = "," if quoted else None
    best_score = (_count_numbers(sample[None]), False, 1)
    for delimiter, rows in sample.items():
        if delimiter is None or not rows:
            continue
        widths = {len(row.cells) for row in rows}
        score = (_count_numbers(rows), len(widths) == 1 and max(widths) > 1, len(rows[0].cells))
        # A delimiter that makes no columns is no better than a plain list.
        if score > best_score and max(widths) > 1:
            best, best_score = delimiter, score
    return best


def _count_numbers(rows: Sequence[Row]) -> int:
    """The count of phone numbers in the column that has the most."""
    return max(_count_by_column(rows), default=0)


def _count_by_column(rows: Sequence[Row]) -> list[int]:
    width = max((len(row.cells) for row in rows), default=0)
    columns = ([row.cells[index] for row in rows if index < len(row.cells)] for index in range(width))
    return [sum(number is not None for number in clean_numbers(column)) for column in columns]


def find_layout(name: str, rows: Sequence[Row], delimiter: str | None, wishes: Wishes) -> Layout:
    """Find the layout of a list by its first rows.

    Args:
        name: The list's name in errors.
        rows: Its first rows, at least one.
        delimiter: The separator of their columns.
        wishes: The parts of the layout that options set.

    Raises:
        WrongUsageError: The column that was asked for does not exist, or it is unclear which column has the numbers.
    """
    titles = _count_titles(rows, wishes)
    first = [_tidy(cell) for cell in rows[titles].cells]
    data = rows[titles:]
    has_header = wishes.header
    if has_header is None:
        has_header = bool(titles) or _is_header(first, data, wishes.column)
    header = tuple(first) if has_header else ()
    if not header:
        _check_lines(name, data, wishes)
    width = len(first) if has_header else Counter(len(row.cells) for row in data).most_common(1)[0][0]
    numbers = _find_numbers(name, header, data[has_header:], width, wishes.column)
    line = rows[titles].line if has_header else 0
    named = width if delimiter is None else _count_named(header, numbers) or width
    return Layout(delimiter, header[:named], line, numbers, named, titles, width - named)


def _check_lines(name: str, rows: Sequence[Row], wishes: Wishes) -> None:
    """Refuse several numbers in a line: only one of them would be used."""
    widths = {_count_filled(row.cells) for row in rows}
    is_table = len(rows) > 1 and len(widths) == 1 and wishes.column is not None
    has_words = any(map(str.isalpha, "".join(cell for row in rows for cell in row.cells)))
    most = max(sum(number is not None for number in clean_numbers(row.cells)) for row in rows)
    if not has_words and most > 1 and not is_table:
        raise WrongUsageError(f"{name} has several numbers in a line; write a number a line")


def _count_named(header: Sequence[str], numbers: int) -> int:
    """The count of columns up to the last one that has a name or the numbers."""
    return max((index for index, title in enumerate(header, 1) if title or index == numbers + 1), default=0)


def _count_titles(rows: Sequence[Row], wishes: Wishes) -> int:
    """The count of title rows above the header, such as a letterhead or a date."""
    if wishes.header is not None:
        return 0
    for index, row in enumerate(rows[:_MOST_TITLE_ROWS]):
        known = [place for place, cell in enumerate(row.cells) if _is_known(cell)]
        if known or _names(row.cells, wishes.column):
            return 0 if any(_is_recipient(above.cells, known, row.cells) for above in rows[:index]) else index
    return _find_unknown_header(rows)


def _is_recipient(cells: Sequence[str], known: Sequence[int], header: Sequence[str]) -> bool:
    """Whether a row above a header has a number in a column of numbers, and is not a letterhead with a telephone."""
    is_sparse = _count_filled(cells) == 1 < _count_filled(header)
    return not is_sparse and any(place < len(cells) and clean_number(cells[place]) for place in known)


def _find_unknown_header(rows: Sequence[Row]) -> int:
    """The index of a header with unknown names: the row above the first number, if it has the most filled cells."""
    counts = _count_by_column(rows)
    if len(counts) <= 1 or not max(counts):
        return 0
    column = counts.index(max(counts))
    numbers = (index for index, row in enumerate(rows) if clean_number("".join(row.cells[column : column + 1])))
    index = next(numbers) - 1
    if not 0 < index < _MOST_TITLE_ROWS:
        return 0
    cells = [cell.strip() for cell in rows[index].cells]
    has_data = any(_DATA.fullmatch(cell) or is_nearly_number(cell) or cell.casefold() in _WORDS for cell in cells)
    filled = _count_filled(cells)
    is_header = not has_data and bool("".join(cells[column : column + 1]))
    return index if is_header and all(_count_filled(row.cells) < filled for row in rows[:index]) else 0


def _count_filled(cells: Sequence[str]) -> int:
    return sum(map(bool, map(str.strip, cells)))


def _is_header(first: Sequence[str], rows: Sequence[Row], column: str | None) -> bool:
    """Whether a row is a header. A header has no number, or near-number, in the column of numbers."""
    if _names(first, column):
        return True
    index = _guess_column(first, rows, column)
    if index is None:
        return not any(map(is_nearly_number, first))
    cell = first[index] if index < len(first) else ""
    if _is_known(cell):
        return True
    if is_nearly_number(cell) or cell.casefold() in _WORDS | {""}:
        return False
    if len(first) == 1:
        # A mistyped number must not be taken for a header: it would not be listed as refused.
        return not any(letter.isdigit() for letter in cell)
    return not any(_DATA.fullmatch(other) for other in first)


def _guess_column(first: Sequence[str], rows: Sequence[Row], column: str | None) -> int | None:
    if column is not None:
        return _position(column, len(first))
    if len(first) == 1:
        return 0
    counts = _count_by_column(rows)
    if max(counts, default=0):
        return counts.index(max(counts))
    known = [index for index, cell in enumerate(first) if _is_known(cell)]
    return known[0] if known else None


def _position(column: str, width: int) -> int | None:
    is_position = column.isascii() and column.isdigit() and 1 <= int(column[:9]) <= width
    return int(column) - 1 if is_position else None


def _names(cells: Sequence[str], column: str | None) -> bool:
    with suppress(ConfigurationError):
        return column is not None and find_column(cells, column) >= 0
    return False


def _find_numbers(name: str, header: tuple[str, ...], rows: Sequence[Row], width: int, column: str | None) -> int:
    if column is not None:
        position = None if column in header else _position(column, width)
        return _find(name, header, column) if position is None else position
    if width == 1:
        return 0
    known = [index for index, title in enumerate(header) if _is_known(title)]
    likely = _likely_columns(rows) if header else []
    if len(likely) == 1 and (not known or likely[0] in known):
        return likely[0]
    # If there are two, one may be the landline, or another person's number.
    if not likely and len(known) == 1:
        return known[0]
    choices = ", ".join(filter(None, header)) if header else f"1 to {width}, as there is no header"
    several = len({*known, *likely}) > 1
    problem = "has several columns that look like numbers" if several else f"has {width} columns"
    raise WrongUsageError(f"{name} {problem}; say which has the numbers, with --column: {choices}")


def _likely_columns(rows: Sequence[Row]) -> list[int]:
    """The columns whose values are mostly numbers."""
    counts = _count_by_column(rows)
    filled = [
        sum(index < len(row.cells) and bool(row.cells[index].strip()) for row in rows) for index in range(len(counts))
    ]
    return [index for index, count in enumerate(counts) if count and 2 * count >= filled[index]]


def _find(name: str, header: tuple[str, ...], title: str) -> int:
    if not header:
        raise WrongUsageError(f"{name} has no header, and so no column {title!r}; say --header if its first row is one")
    try:
        return find_column(header, title)
    except ConfigurationError as error:
        raise WrongUsageError(f"{name}: {error}") from None


def _is_known(title: str) -> bool:
    key = column_key(title).translate(_PLAIN)
    return "".join(filter(str.isalnum, key)) in _KNOWN


def is_nearly_number(cell: str) -> bool:
    """Whether a cell holds a phone number, or something close to one."""
    digits = sum(map(str.isdigit, cell))
    letters = sum(map(str.isalpha, cell))
    return (digits >= _NEARLY and digits > letters) or clean_number(cell) is not None


def _tidy(cell: str) -> str:
    """A cell as it is shown: without invisible characters and line ends."""
    return " ".join("".join(letter for letter in cell if letter.isprintable() or letter.isspace()).split())
