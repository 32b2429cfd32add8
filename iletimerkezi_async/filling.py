"""Texts with the names of columns in braces, and the rows that fill them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import TypeAlias, cast, overload
from unicodedata import category, normalize

from .errors import ConfigurationError, IletimerkeziError
from .models import Message
from .numbers import clean_number, find_flaw, spell
from .redaction import forgetful
from .results import Refusal
from .text import find_complaint, read_text
from .wire.draft import text_complaint

__all__ = ["Filler", "Row", "Template", "column_key", "fill_template", "find_column"]

#: A row as programs hold it: by the names of its columns.
Row: TypeAlias = Mapping[str, object]

_PIECES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_ESCAPE = "; for a brace itself write it twice: {{ or }}"
_PLAIN_NAMES = "the text may have plain names of columns in braces, such as {ad}"
# What looks like a name and cannot be anything else that some languages put in braces.
_PLAIN_NAME = re.compile(r"[^\W\d][\w -]*")
# What spreadsheets show, in English and in Turkish, where they have no value.
_ERRORS = frozenset(
    [
        "#N/A",
        "#VALUE!",
        "#REF!",
        "#DIV/0!",
        "#NUM!",
        "#NAME?",
        "#NULL!",
        "#YOK",
        "#DEĞER!",
        "#BAŞV!",
        "#SAYI/0!",
        "#SAYI!",
        "#AD?",
        "#BOŞ!",
    ]
)
_FOLD_I = str.maketrans("İIı", "iii")
# Shorter texts cannot be too long by any count.
_SURELY_SHORT = 400


class Template:
    """A text as it was written.

    Args:
        written: With `{column}` for a row's value, and `{{` and `}}` for braces.

    Attributes:
        names: The columns that it names, each once.

    Raises:
        ApiError: It is no text.
        ConfigurationError: Its braces are wrong.
    """

    def __init__(self, written: str) -> None:
        self._parts: list[tuple[str, str | None]] = []
        complaint = _parse(written, self._parts)
        # Error trackers print the variables of the frame that raised.
        del written
        if complaint:
            raise complaint
        self.names = tuple(dict.fromkeys(name for _, name in self._parts if name is not None))
        self._places = [None if name is None else self.names.index(name) for _, name in self._parts]

    @property
    def text(self) -> str | None:
        """The text of everybody; `None` where everybody gets their own."""
        return None if self.names else "".join(literal for literal, _ in self._parts)

    def fill(self, values: Sequence[str]) -> str:
        """The text with values, in the order of `names`."""
        words: list[str] = []
        for (literal, _), place in zip(self._parts, self._places):
            words.append(literal)
            if place is not None:
                words.append(values[place])
        return "".join(words)

    @staticmethod
    def find_column(names: Sequence[str], wanted: str) -> int | ConfigurationError:
        """The index of a column that it names; or the complaint."""
        found = find_column(names, wanted)
        if isinstance(found, int) or _PLAIN_NAME.fullmatch(wanted):
            return found
        return ConfigurationError(f"{found} ({_PLAIN_NAMES}{_ESCAPE})")

    def __repr__(self) -> str:
        return f"<Template with {len(self.names)} columns>"


def _parse(written: object, parts: list[tuple[str, str | None]]) -> IletimerkeziError | None:
    """Take a text apart, into `parts`: what stands in front of each name, and the name; or the complaint about it."""
    text = read_text(written)
    if text is None:
        return find_complaint(written)
    literal = ""
    for piece in _PIECES.finditer(text):
        name = piece[1]
        if name is None and len(piece[0]) == 1 and piece[0] in "{}":
            rest = text[piece.start() + 1 :]
            if piece[0] == "{" and "}" in rest:
                return ConfigurationError(f"{_PLAIN_NAMES}, and no more{_ESCAPE}")
            return ConfigurationError(f"the braces of the text do not match{_ESCAPE}")
        if name is None:
            literal += piece[0][0] if piece[0] in {"{{", "}}"} else piece[0]
            continue
        if not column_key(name):
            return ConfigurationError(f"{_PLAIN_NAMES}, and no more{_ESCAPE}")
        parts.append((literal, name))
        literal = ""
    parts.append((literal, None))
    return None


def column_key(name: str) -> str:
    """What two names of columns share that look the same: composed, without invisible characters, case and braces."""
    visible = "".join(
        " " if category(letter) == "Cc" else letter for letter in normalize("NFC", name) if category(letter) != "Cf"
    )
    # In Turkish and in English alike.
    folded = visible.translate(_FOLD_I).casefold()
    return " ".join(re.sub(r"[{}]", "", folded).split())


def find_column(names: Sequence[str], wanted: str) -> int | ConfigurationError:
    """The index of a column; or the complaint that there is none of this name, or more than one."""
    found = [index for index, name in enumerate(names) if name == wanted]
    key = column_key(wanted)
    found = found or [index for index, name in enumerate(names) if column_key(name) == key]
    if len(found) == 1:
        return found[0]
    problem = f"there are {len(found)} columns" if found else "there is no column"
    shown = ", ".join(" ".join(name.split()) for name in names)
    return ConfigurationError(f"{problem} {wanted!r}; there are: {shown}")


class Filler:
    """Makes messages of a template and the values of rows.

    Args:
        template: The text.
    """

    def __init__(self, template: Template) -> None:
        self._template = template

    def fill(self, place: str, number: object, values: Sequence[object]) -> Message | Refusal:
        """The message for a row; or what is wrong with it.

        Args:
            place: Where the row is, for whoever has to mend it.
            number: Whom it is for, as it is written.
            values: The values of the template's columns, in the order of its names.
        """
        cleaned = clean_number(number)
        if cleaned is None:
            return Refusal("" if number is None else spell(number), f"{place}: {find_flaw(number)}")
        words = [value if type(value) is str and value[:1] != "#" else _write_any(value) for value in values]
        if None in words:
            name = self._template.names[words.index(None)]
            value = values[words.index(None)]
            return Refusal(cleaned, f"{place}: {_describe(value)} in the column {name!r}")
        text = self._template.fill(cast("list[str]", words))
        if len(text) > _SURELY_SHORT or not text.strip():
            complaint = text_complaint(text)
            if complaint is not None:
                return Refusal(cleaned, f"{place}: {complaint.message}")
        return Message(text, (cleaned,))


def _write_any(value: object) -> str | None:
    """See `_write`; of somebody's object that cannot be read, whatever it raises, there is no text."""
    try:
        return _write(value)
    except Exception:  # noqa: BLE001 - such as a date of NumPy, which says that it is a number
        return None


def _write(value: object) -> str | None:
    """A value as it is to be read; `None` where there is none, or one that nobody could read."""
    text = read_text(value)
    if text is not None:
        return None if text.strip() in _ERRORS else text
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, date):
        return _write_date(value)
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else None
    if hasattr(type(value), "__index__"):
        return str(value)
    if hasattr(type(value), "__float__"):
        return _write_float(value)
    kind = type(value)
    is_plain = kind.__str__ is not object.__str__ and not any(
        hasattr(kind, name) for name in ("__iter__", "__getitem__", "__buffer__")
    )
    return spell(value) if is_plain and kind.__name__ not in {"NAType", "NaTType", "bytes"} else None


def _write_float(value: object) -> str | None:
    number = float(cast("float", value))
    if not isfinite(number):
        return None
    # A column with gaps makes floats of integers.
    return str(int(number)) if number == int(number) else str(value)


def _write_date(value: date) -> str | None:
    if value != value:  # noqa: PLR0124 - pandas has a date that is none
        return None
    day = f"{value:%d.%m.%Y}"
    has_time = isinstance(value, datetime) and (value.hour or value.minute or value.second)
    return f"{day} {value:%H:%M}" if has_time else day


def _describe(value: object) -> str:
    kind = type(value).__name__
    if read_text(value) is not None:
        return "there is an error of the spreadsheet"
    is_missing = value is None or kind in {"NAType", "NaTType"} or (isinstance(value, (float, Decimal)))
    return "there is no value" if is_missing else f"there is no text but {kind}"


class _RowFiller:
    """Makes messages of whole rows, and finds their columns."""

    def __init__(self, template: Template, to: str) -> None:
        self._filler = Filler(template)
        self._wanted = (to, *template.names)
        self._keys: tuple[str, ...] = ()
        self._rows = 0

    @forgetful
    def fill(self, given: object) -> Message | Refusal:
        """The message for the next row.

        Raises:
            ConfigurationError: The first row lacks a column.
        """
        self._rows += 1
        filled = self._fill(f"row {self._rows:,}", given)
        # Error trackers print the variables of the frame that raised.
        del given
        if isinstance(filled, ConfigurationError):
            raise filled
        return filled

    def _fill(self, place: str, given: object) -> Message | Refusal | ConfigurationError:
        row = _mapping(given)
        if row is None:
            return Refusal("", f"{place}: {type(given).__name__} has no names of columns; give a dict")
        try:
            values = [row[key] for key in self._keys] if self._keys else None
        except KeyError:
            values = None
        if values is not None:
            return self._filler.fill(place, values[0], values[1:])
        return self._fill_new(place, row)

    def _fill_new(self, place: str, row: Row) -> Message | Refusal | ConfigurationError:
        """The message for a row whose columns are not those of the one before."""
        names = [str(name) for name in row]
        found = [Template.find_column(names, wanted) for wanted in self._wanted]
        complaint = next((each for each in found if isinstance(each, ConfigurationError)), None)
        if complaint is None:
            self._keys = tuple(list(row)[cast("int", index)] for index in found)
            values = [row[key] for key in self._keys]
            return self._filler.fill(place, values[0], values[1:])
        if not self._keys:
            return complaint
        number = row.get(self._keys[0])
        return Refusal("" if number is None else spell(number), f"{place}: {complaint}")


def _mapping(row: object) -> Row | None:
    if isinstance(row, Mapping):
        return cast("Row", row)
    try:
        return _read_names(row)
    except Exception:  # noqa: BLE001 - somebody's object that cannot be read is no row, whatever it raises
        return None


def _read_names(row: object) -> Row | None:
    names = getattr(row, "_fields", None)
    if names is not None:
        # Named tuples, and the rows of SQLAlchemy.
        return dict(zip(names, cast("Iterable[object]", row)))
    if hasattr(row, "keys"):
        # The rows of sqlite3 and of asyncpg.
        return {key: row[key] for key in row.keys()}  # type: ignore[index]  # noqa: SIM118 - what is gone through is not always keys
    return None


def _make(written: str, rows: object, to: object, made: list[Template]) -> IletimerkeziError | None:
    """Make the template; or the complaint about what was given."""
    try:
        made.append(Template(written))
    except IletimerkeziError as error:
        return error.with_traceback(None)
    if not isinstance(to, str):
        return ConfigurationError(f"`to` must be the name of the column with the numbers, not {type(to).__name__}")
    kind = type(rows)
    if hasattr(kind, "collect"):
        return ConfigurationError(f"`rows` must have values that can be read; of a {kind.__name__}, give .collect()")
    is_one = isinstance(rows, (str, bytes, bytearray, Mapping))
    if is_one or not any(hasattr(kind, name) for name in ("__iter__", "__aiter__", "__getitem__")):
        return ConfigurationError(f"`rows` must be rows, such as a list of dicts, and not one {kind.__name__}")
    return None


def _records(rows: object) -> Iterator[object]:
    """Rows one by one; those of a table of pandas or polars by its columns, as it has no rows that could be read."""
    columns = cast("Iterable[str] | None", getattr(rows, "columns", None))
    if columns is None:
        return iter(cast("Iterable[object]", rows))
    names = [*columns]
    values = zip(*(rows[name] for name in names))  # type: ignore[index] # as both have it
    # Without a frame of ours around what the table may raise.
    return map(dict, map(partial(zip, names), values))


@overload
def fill_template(template: str, rows: Iterable[Row], *, to: str = "telefon") -> Iterator[Message | Refusal]: ...
@overload
def fill_template(
    template: str, rows: AsyncIterable[Row], *, to: str = "telefon"
) -> AsyncIterator[Message | Refusal]: ...
@forgetful
def fill_template(
    template: str, rows: Iterable[Row] | AsyncIterable[Row], *, to: str = "telefon"
) -> Iterator[Message | Refusal] | AsyncIterator[Message | Refusal]:
    """Make a message of each row, lazily: for `AsyncClient.send_bulk_messages`.

    A row that cannot be sent comes out as a `Refusal` that tells its place and why; the campaign lists it in `refused`
    with all others: a bad number, a column that is not there, a value that is missing (`None`, NaN), a text that is
    empty or too long.

    Names are compared as they look: without case, invisible characters and differences of composition. Values are
    written as text: a whole float without its point, a date as 31.12.2026.

    Args:
        template: The text, with `{column}` for a row's value; for a brace itself write it twice. It fills in values,
            and can look into nothing.
        rows: The rows, sync or async: mappings, named tuples, rows of a database; a table of pandas or polars.
        to: The column with the numbers.

    Returns:
        An iterator of messages and refusals, async where `rows` is.

    Raises:
        ConfigurationError: The braces are wrong, or there are no such rows; or, with the first row, it lacks a column
            that the text names.
        ApiError: The template is no text.
    """
    made: list[Template] = []
    complaint = _make(template, rows, to, made)
    if complaint:
        # Error trackers print the variables of the frame that raised.
        del template, rows
        raise complaint
    filler = _RowFiller(made[0], to)
    if isinstance(rows, AsyncIterable):
        return _Filled(filler, rows)
    return map(filler.fill, _records(rows))


class _Filled(AsyncIterator["Message | Refusal"]):
    """The messages of rows that are waited for; no frame holds a row while the next one is."""

    def __init__(self, filler: _RowFiller, rows: AsyncIterable[Row]) -> None:
        self._filler = filler
        self._rows = aiter(rows)

    async def __anext__(self) -> Message | Refusal:
        return self._filler.fill(await anext(self._rows))

    async def aclose(self) -> None:
        """Close the rows, where they are a generator."""
        close = getattr(self._rows, "aclose", None)
        if close is not None:
            await close()
