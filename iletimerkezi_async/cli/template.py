"""Texts with the names of columns in braces."""

import re
from collections.abc import Callable
from string import Formatter

from iletimerkezi_async.models import Message

from .lists import RecipientList
from .messages import WrongUsageError

__all__ = ["Template"]

# No attributes, indices, conversions or formats: a text fills in values, and cannot look into anything.
_NAME = re.compile(r"[^\W\d][\w -]*")
_ESCAPE = "; for a brace itself write it twice: {{ or }}"


class Template:
    """A text as it was typed.

    Args:
        typed: With `{column}` for a row's value, and `{{` and `}}` for braces.

    Attributes:
        empty: How many values were empty so far.

    Raises:
        WrongUsageError: Its braces are wrong.
    """

    def __init__(self, typed: str) -> None:
        self._parts = _parse(typed)
        self.empty = 0

    @property
    def text(self) -> str | None:
        """The text of everybody; `None` where everybody gets their own."""
        if any(name is not None for _, name in self._parts):
            return None
        return "".join(literal for literal, _ in self._parts)

    def reader(self, recipients: RecipientList) -> Callable[[list[str]], Message]:
        """What makes a row of this list a message.

        Raises:
            WrongUsageError: The list lacks a column.
        """
        parts = [(literal, None if name is None else recipients.find(name)) for literal, name in self._parts]

        def read(row: list[str]) -> Message:
            words: list[str] = []
            for literal, index in parts:
                words.append(literal)
                if index is not None:
                    words.append(self._value(row, index))
            return Message("".join(words), (recipients.number(row),))

        return read

    def _value(self, row: list[str], index: int) -> str:
        value = row[index].strip() if index < len(row) else ""
        self.empty += not value
        return value


def _parse(typed: str) -> list[tuple[str, str | None]]:
    try:
        parts = list(Formatter().parse(typed))
    except ValueError:
        parts = None
    if parts is None:
        raise WrongUsageError(f"the braces of the text do not match{_ESCAPE}")
    if not all(name is None or (_NAME.fullmatch(name) and not (form or turn)) for _, name, form, turn in parts):
        raise WrongUsageError(
            f"the text may have plain names of columns in braces, such as {{ad}}, and no more{_ESCAPE}"
        )
    return [(literal, name) for literal, name, _, _ in parts]
