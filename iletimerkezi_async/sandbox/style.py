"""The type variations of the wire: the same answer, written in each way that callers have met."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import attrs

__all__ = ["Style"]

_WRITE_NUMBER: Final[dict[str, Callable[[str], str | int]]] = {
    "e164": lambda number: number,
    "national": lambda number: number[3:],
    "integer": lambda number: int(number[3:]),
}
_WRITE_EMPTY: Final[dict[str, Callable[[], Any]]] = {
    "list": list,
    "object": dict,
    "string": str,
    "null": lambda: None,
}


@attrs.frozen(kw_only=True)
class Style:
    """How the sandbox writes its answers.

    The provider's documents and payloads seen in public code disagree about the types of most fields. A client
    has to read them all, so each disagreement is a switch here. The defaults are the commonest form.

    Attributes:
        numbers: How phone numbers come back: ``"+905301234567"``, ``"5301234567"`` or the integer ``5301234567``.
        scalars: Whether codes, ids, states and counters are integers or strings.
        single: Whether a repeated element with exactly one entry is a list or that bare entry.
        empty: What stands for a repeated element without entries, and for a consent that is not there;
            ``"absent"`` leaves the field out.
        late_fields: Whether reports have the fields that the provider documented later (``total``,
            ``delivered``, ``undelivered``, ``waiting``, ``submitAt``, ``sendAt``, ``sender``, ``price``).
        http_status: Whether the HTTP status repeats the code, or is 200 whatever the code inside.

    Raises:
        ValueError: A word that is none of the above.
    """

    numbers: Literal["e164", "national", "integer"] = attrs.field(
        default="e164", validator=attrs.validators.in_(("e164", "national", "integer"))
    )
    scalars: Literal["int", "str"] = attrs.field(default="int", validator=attrs.validators.in_(("int", "str")))
    single: Literal["list", "value"] = attrs.field(default="list", validator=attrs.validators.in_(("list", "value")))
    empty: Literal["list", "object", "string", "null", "absent"] = attrs.field(
        default="list", validator=attrs.validators.in_(("list", "object", "string", "null", "absent"))
    )
    late_fields: bool = True
    http_status: Literal["code", "200"] = attrs.field(default="code", validator=attrs.validators.in_(("code", "200")))

    def write_numbers(self, numbers: Sequence[str]) -> list[str | int]:
        """Write ``+905XXXXXXXXX`` numbers in this style."""
        return list(map(_WRITE_NUMBER[self.numbers], numbers))

    def scalar(self, value: int) -> int | str:
        """Write a code, an id, a state or a counter in this style."""
        return str(value) if self.scalars == "str" else value

    def repeated(self, name: str, entries: Sequence[Any]) -> dict[str, Any]:
        """Write a repeated element as the fields to merge into its parent: one, or none when it is left out."""
        if len(entries) == 1 and self.single == "value":
            return {name: entries[0]}
        if entries:
            return {name: entries}
        if self.empty == "absent":
            return {}
        return {name: _WRITE_EMPTY[self.empty]()}
