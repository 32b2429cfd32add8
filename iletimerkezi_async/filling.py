"""Texts with the names of columns in braces, and the rows that fill them."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, pairwise
from operator import methodcaller
from typing import Protocol, TypeAlias, cast, overload
from unicodedata import category, normalize

from .errors import ConfigurationError
from .models import Message
from .numbers import clean_number, find_flaw, write_out
from .redaction import forgetful
from .results import Refusal
from .text import find_complaint, read_text
from .values import Flaw, read_value
from .wire.draft import text_complaint


class NamedRow(Protocol):
    """A named tuple, a row of SQLAlchemy."""

    def _asdict(self) -> Mapping[str, object]: ...


class KeyedRow(Protocol):
    """A row of `sqlite3` or of asyncpg."""

    def keys(self) -> Iterable[str]:
        """The names of its columns."""
        ...

    def __getitem__(self, name: str, /) -> object: ...


class Table(Protocol):
    """A table of pandas, polars or Arrow."""

    @property
    def columns(self) -> object:
        """The names of its columns; for Arrow, their contents."""
        ...

    def __getitem__(self, name: str, /) -> object: ...


#: A row as programs hold it: by the names of its columns.
Row: TypeAlias = Mapping[str, object] | NamedRow | KeyedRow

_PIECES = r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+"
_ESCAPE = "; to send a brace itself, write it twice: {{ or }}"
_PLAIN_NAMES = "braces in the text must hold a plain column name, such as {ad}"
# A column's name as other programs mark it: the whole mark, and the name in it.
_ELSEWHERE = (
    r"(?=(\{ *([^{}]{1,99}) *\}|<+ *([^<>]{1,99}?) *>+|\[+ *([^\[\]]{1,99}?) *\]+|« *([^«»]{1,99}?) *»"
    r"|%\( *([^()]{1,99}?) *\)s|%([^%]{1,99})%|#([^#]{1,99})#|(?<!\w)@(\w{1,99})|\$(\w{1,99})))"
)
# A plain name, and not an expression, which some template languages allow in braces.
_PLAIN_NAME = r"[^\W\d][\w -]*"
_FOLD_I = str.maketrans("İIı", "iii")
# Shorter texts cannot be too long by any count.
_SURELY_SHORT = 400


class Template:
    """A template: a text with the names of columns in braces.

    Args:
        written: The text, with `{column}` for a row's value, and `{{` and `}}` for braces.
        comma: Whether numbers have a decimal comma.

    Attributes:
        names: The columns that it names, each once.

    Raises:
        ApiError: It is not text.
        ConfigurationError: Its braces are wrong.
    """

    def __init__(self, written: str, *, comma: bool = True) -> None:
        self._comma = comma
        # Each name with the text before it; the last text has `None`.
        self._parts = _parse(written)
        self.names = tuple(dict.fromkeys(name for _, name in self._parts if name is not None))

    @property
    def text(self) -> str | None:
        """The text that all recipients get; `None` if each gets its own."""
        return None if self.names else "".join(literal for literal, _ in self._parts)

    def fill(self, values: Sequence[str]) -> str:
        """The text with values, in the order of `names`."""
        words = dict(zip(self.names, values))
        return "".join(literal if name is None else literal + words[name] for literal, name in self._parts)

    def message(self, place: str, number: object, values: Sequence[object]) -> Message | Refusal:
        """The message for a row; or a refusal with the reason.

        Args:
            place: The row's position, as a refusal names it.
            number: The recipient's number, as it is written.
            values: The values of its columns, in the order of `names`.
        """
        cleaned = clean_number(number)
        if cleaned is None:
            return _refuse(number, f"{place}: {find_flaw(number)}")
        words = [read_value(value, comma=self._comma) for value in values]
        for name, word in zip(self.names, words):
            if type(word) is Flaw:
                return Refusal(cleaned, f"{place}: {word} in the column {name!r}")
        text = self.fill(words)
        if len(text) > _SURELY_SHORT or not text.strip():
            complaint = text_complaint(text)
            if complaint is not None:
                return Refusal(cleaned, f"{place}: {complaint.message}")
        return Message(text, (cleaned,))

    def find_columns(self, header: Sequence[str]) -> list[int]:
        """The index of each column that the template names.

        Raises:
            ConfigurationError: There is no such column, or more than one.
        """
        hint = f" ({_PLAIN_NAMES}{_ESCAPE})"
        return [find_column(header, name, "" if re.fullmatch(_PLAIN_NAME, name) else hint) for name in self.names]

    def check_signs(self, header: Iterable[str]) -> None:
        """Refuse names of columns that are marked as other programs do, as the names themselves would be sent.

        Raises:
            ConfigurationError: It has such a name.
        """
        for (literal, name), (following, _) in pairwise(self._parts):
            if literal.endswith("{") and following.startswith("}"):
                raise _misused(f"{{{{{{{name}}}}}}}", f"{{{name}}}")
            if literal.endswith("$"):
                raise _misused(f"${{{name}}}", f"{{{name}}}; for an amount in dollars, write the sign after it")
        # If a column is also named correctly, its other name is no mistake.
        right = {"", *map(column_key, self.names)}
        keys = {key: name for name in header if (key := column_key(name)) not in right}
        for literal, _ in self._parts:
            for whole, *found in re.findall(_ELSEWHERE, literal):
                name = keys.get(column_key("".join(found)))
                if name is not None:
                    raise _misused(f"{{{whole}}}" if whole[0] == "{" else whole, f"{{{name}}}")

    def __repr__(self) -> str:
        return f"<Template with {len(self.names)} columns>"


def _misused(written: str, right: str) -> ConfigurationError:
    return ConfigurationError(f"{written} in the text is not replaced by a column's value; write {right}")


def _parse(written: object) -> list[tuple[str, str | None]]:
    complaint = find_complaint(written)
    if complaint:
        raise complaint
    text = cast("str", read_text(written))
    parts: list[tuple[str, str | None]] = []
    literal = ""
    for piece in re.finditer(_PIECES, text):
        whole, name = piece[0], piece[1]
        is_open = whole == "{" and "}" in text[piece.end() :]
        if is_open or (name is not None and not column_key(name)):
            raise ConfigurationError(f"{_PLAIN_NAMES}{_ESCAPE}")
        if whole in {"{", "}"}:
            raise ConfigurationError(f"the braces of the text do not match{_ESCAPE}")
        if name is None:
            literal += whole[0] if whole in {"{{", "}}"} else whole
            continue
        parts.append((literal, name))
        literal = ""
    parts.append((literal, None))
    return parts


def column_key(name: str) -> str:
    """The key by which names of columns are compared: composed, without invisible characters, case and braces."""
    visible = "".join(
        " " if category(letter) == "Cc" else letter for letter in normalize("NFC", name) if category(letter) != "Cf"
    )
    # So that names match by Turkish and by English rules.
    folded = visible.translate(_FOLD_I).casefold()
    return " ".join(re.sub(r"[{}]", "", folded).split())


def find_column(names: Sequence[str], wanted: str, hint: str = "") -> int:
    """The index of a column.

    Raises:
        ConfigurationError: No column, or more than one, has this name. The error ends with the hint.
    """
    found = [index for index, name in enumerate(names) if name == wanted]
    key = column_key(wanted)
    found = found or [index for index, name in enumerate(names) if column_key(name) == key]
    if len(found) == 1:
        return found[0]
    problem = f"there are {len(found)} columns" if found else "there is no column"
    shown = ", ".join(" ".join(name.split()) for name in names)
    raise ConfigurationError(f"{problem} {wanted!r}; there are: {shown}{hint}")


class _RowFiller:
    """Makes messages from whole rows. The first row tells which columns there are.

    Args:
        template: The text.
        to: The column with the numbers.
    """

    def __init__(self, template: Template, to: str) -> None:
        self._template = template
        self._to = to
        #: The keys of the rows' numbers and of the template's values.
        self._keys: tuple[str, ...] = ()
        self._rows = 0

    @forgetful
    def fill(self, given: object) -> Message | Refusal:
        """The message for the next row.

        Raises:
            ConfigurationError: The first row lacks a column.
        """
        self._rows += 1
        place = f"row {self._rows}"
        row = _mapping(given)
        if row is None:
            return Refusal("", f"{place}: {type(given).__name__} has no column names; give a dict")
        try:
            values = [row[key] for key in self._keys or self._find_keys(row)]
        except KeyError:
            # The columns are not those of the row before.
            number = row.get(self._keys[0])
            try:
                values = [row[key] for key in self._find_keys(row)]
            except ConfigurationError as error:
                return _refuse(number, f"{place}: {error}")
        if None in row:
            # `csv.DictReader` keeps surplus values under that key.
            return _refuse(values[0], f"{place}: it has more values than columns")
        return self._template.message(place, values[0], values[1:])

    def _find_keys(self, row: Mapping[str, object]) -> tuple[str, ...]:
        keys = [*row]
        names = [str(key) for key in keys]
        if not self._keys:
            self._template.check_signs(names)
        columns = (find_column(names, self._to), *self._template.find_columns(names))
        self._keys = tuple(keys[index] for index in columns)
        return self._keys


def _refuse(number: object, reason: str) -> Refusal:
    return Refusal("" if number is None else write_out(number), reason)


def _mapping(row: object) -> Mapping[str, object] | None:
    """A row as a mapping of column names to values; `None` if it has no column names."""
    if isinstance(row, Mapping):
        return cast("Mapping[str, object]", row)
    try:
        by_name = getattr(row, "_asdict", None)
        if by_name is not None:
            return cast("Mapping[str, object]", by_name())
        return dict(cast("KeyedRow", row)) if hasattr(row, "keys") else None
    except Exception:  # noqa: BLE001 - any object may come, and raise anything when it is read
        return None


def _check_rows(rows: object) -> None:
    kind = type(rows)
    if hasattr(kind, "collect"):
        raise ConfigurationError(f"`rows` must have values that can be read; call .collect() on the {kind.__name__}")
    names = _column_names(rows)
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise ConfigurationError(f"`rows` has several columns {str(doubled)!r}; rename all but one")
    is_one = isinstance(rows, (str, bytes, bytearray, Mapping))
    if is_one or not any(hasattr(kind, name) for name in ("__iter__", "__aiter__", "__getitem__")):
        raise ConfigurationError(f"`rows` must be several rows, such as a list of dicts, not one {kind.__name__}")


def _records(rows: object) -> Iterator[object]:
    """Rows one by one; of a table from its columns, as its rows cannot be iterated."""
    if hasattr(type(rows), "read_next_batch"):
        # A reader of Arrow's tables.
        return chain.from_iterable(map(_records, cast("Iterable[object]", rows)))
    names = _column_names(rows)
    if not names:
        return iter(cast("Iterable[object]", rows))
    columns = (cast("Iterable[object]", cast("Table", rows)[name]) for name in names)
    if hasattr(rows, "to_pylist"):
        # Of Arrow: a list of all values would take long.
        columns = (map(methodcaller("as_py"), column) for column in columns)
    # Not a generator, whose frame would hold a row while the table raises.
    return map(dict, map(partial(zip, names), zip(*columns)))


def _column_names(rows: object) -> list[str]:
    """The names of a table's columns; none for anything else, also if it has a method of that name."""
    names = getattr(rows, "column_names", None) or getattr(rows, "columns", ())
    return [] if callable(names) else [*cast("Iterable[str]", names)]


@overload
def fill_template(
    template: str, rows: Iterable[Row] | Table, *, to: str = "telefon", decimal_comma: bool = True
) -> Iterator[Message | Refusal]: ...
@overload
def fill_template(
    template: str, rows: AsyncIterable[Row], *, to: str = "telefon", decimal_comma: bool = True
) -> AsyncIterator[Message | Refusal]: ...
@forgetful
def fill_template(
    template: str,
    rows: Iterable[Row] | Table | AsyncIterable[Row],
    *,
    to: str = "telefon",
    decimal_comma: bool = True,
) -> Iterator[Message | Refusal] | AsyncIterator[Message | Refusal]:
    """Make a message from each row, lazily: for `AsyncClient.send_bulk_messages`.

    A row that cannot be sent becomes a `Refusal` with its position and the reason; the campaign lists it in `refused`
    with all others. Reasons are a bad number, a missing column, a value that is missing (`None`, NaN, words for nothing
    such as `NULL` and `#YOK`) or means nothing to a reader, a text that is empty or too long.

    Names of columns are compared as they look: without case, invisible characters and differences of composition.
    Values are written for people, as by the command `bulk`:

    - text as it is, without white space around it and the marks of spreadsheets (`="…"`, an apostrophe in front);
    - numbers with the digits that they have, without the binary tail of floats and with no more decimals than a
      spreadsheet shows: 847.43 as 847,43, a whole float without its point, a `Decimal` with its zeros;
    - a day as 31.12.2026, a time as 09:05, both as 31.12.2026 09:05 unless it is midnight; times with a zone in Turkish
      time; a duration as 30:00, in hours and minutes.

    Args:
        template: The text, with `{column}` for a row's value; for a brace itself write it twice. It only inserts
            values, and evaluates nothing.
        rows: The rows, sync or async: mappings, named tuples, rows of a database, also as a result of SQLAlchemy; a
            table of pandas, polars or Arrow.
        to: The column with the phone numbers.
        decimal_comma: Whether numbers have a decimal comma, as Turkish readers expect. Text stays as it is.

    Returns:
        An iterator of messages and refusals; async if `rows` is.

    Raises:
        ConfigurationError: The braces are wrong, or `rows` cannot be read as rows; or, raised with the first row, it
            lacks a column that the text names.
        ApiError: The template is not text.
    """
    column, comma = cast("object", to), cast("object", decimal_comma)
    if not isinstance(column, str):
        raise ConfigurationError(f"`to` must be the name of the column with the numbers, not {type(column).__name__}")
    if not isinstance(comma, bool):
        raise ConfigurationError(f"`decimal_comma` must be True or False, not {type(comma).__name__}")
    text = Template(template, comma=comma)
    _check_rows(rows)
    fill = _RowFiller(text, column).fill
    return _FilledAsync(fill, aiter(rows)) if isinstance(rows, AsyncIterable) else FilledRows(fill, _records(rows))


# No generators: they would end with the first error of the rows, and their frames would hold a row. A campaign closes
# the rows through `close` and `aclose`, even those that have not begun.


class FilledRows(Iterator["Message | Refusal"]):
    """The messages of rows.

    Args:
        fill: Makes the message of a row.
        rows: The rows.
    """

    def __init__(self, fill: Callable[[object], Message | Refusal], rows: Iterator[object]) -> None:
        self._fill, self._rows = fill, rows

    def __next__(self) -> Message | Refusal:
        return self._fill(next(self._rows))

    def close(self) -> None:
        """Close the rows, if they are a generator, which may have a connection open."""
        if inspect.isgenerator(self._rows):
            self._rows.close()


class _FilledAsync(AsyncIterator["Message | Refusal"]):
    """The messages of async rows."""

    def __init__(self, fill: Callable[[object], Message | Refusal], rows: AsyncIterator[object]) -> None:
        self._fill, self._rows = fill, rows

    async def __anext__(self) -> Message | Refusal:
        return self._fill(await anext(self._rows))

    async def aclose(self) -> None:
        """Close the rows, if they can be closed."""
        close = getattr(self._rows, "aclose", None)
        if close is not None:
            await close()
