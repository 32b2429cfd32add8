"""The forms of answers: the same answer with the types and formats that clients have seen."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import attrs

__all__ = ["Style", "StyleName"]

StyleName: TypeAlias = Literal["live", "seeds", "strings", "csharp"]
"""The presets."""


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


_WRITE_NUMBER: Final[dict[str, Callable[[str], str | int]]] = {
    "e164": lambda number: number,
    "plain": lambda number: number[1:],
    "national": lambda number: number[3:],
    "trunk": lambda number: f"0{number[3:]}",
    "spaced": lambda number: f"+90 {number[3:6]} {number[6:9]} {number[9:11]} {number[11:]}",
    "integer": lambda number: int(number[3:]),
}
_WRITE_PRICE: Final[dict[str, Callable[[Decimal], Any]]] = {
    "comma": lambda price: f"{price:.4f}".replace(".", ","),
    "point": lambda price: f"{price:.4f}",
    "number": _number,
    "digits": lambda price: str(_number(price)),
}
_WRITE_EMPTY: Final[dict[str, Callable[[], Any]]] = {
    "list": list,
    "object": dict,
    "string": str,
    "null": lambda: None,
}


def _one_of(*words: str) -> Any:
    return attrs.field(default=words[0], validator=attrs.validators.in_(words))


@attrs.frozen(kw_only=True)
class Style:
    """The form of the answers.

    The provider's documents and the payloads in public code disagree about the types of most fields. A client
    has to read all of them, so each disagreement is a switch here. The defaults are what the service writes now
    (provider's documents of April 2026, and its newest clients). There are four presets: ``Style.live()`` is the
    same as ``Style()``, ``Style.seeds()`` writes as the first documents do, ``Style.strings()`` makes every value a
    string, as many older answers are, and ``Style.csharp()`` is what the provider's newest client for C# can read.
    In XML only ``numbers``, ``price``, ``late_fields``, ``field_errors``, ``http_status`` and ``cookie`` make a
    difference.

    Attributes:
        numbers: How phone numbers come back: ``"+905301234567"`` (``"e164"``), ``"5301234567"`` (``"national"``) or
            the integer ``5301234567`` (``"integer"``). Never seen in practice: ``"905301234567"`` (``"plain"``),
            ``"05301234567"`` (``"trunk"``) and ``"+90 530 123 45 67"`` (``"spaced"``).
        scalars: Whether codes, ids, states and counters are integers (``"int"``) or strings (``"str"``). ``"live"`` is
            what the service writes now: integers, except that the id of an order is a string in ``send-sms`` and
            ``get-report`` (and an integer in ``get-reports``). A brand code of digits is written in the same way.
        sent_id: Whether the id of the order in ``send-sms`` is an integer or a string; by default as ``scalars`` says.
        report_id: The same for the order in ``get-report``.
        balance: Whether ``amount`` and ``sms`` of the balance are numbers (``10.584``) or strings.
        price: The form of the price in a report: ``"0,0372"`` with a decimal comma, ``"0.0372"`` with a point,
            a number, or a string with the number's digits (``"1"``, ``"0.5"``).
        single: Whether a repeated element with exactly one entry is a list, or the entry without a list.
        empty: The value of a repeated element without entries, and of a missing consent; ``"absent"`` leaves the
            field out.
        late_fields: Whether reports have the fields that the provider documented later (``total``,
            ``delivered``, ``undelivered``, ``waiting``, ``submitAt``, ``sendAt``, ``sender``, ``price``).
        field_errors: Whether a 422 describes the problem of each field, in ``errors`` beside the status.
        http_status: Whether the HTTP status repeats the code, or is always 200.
        cookie: Whether each answer sets a cookie, as a gateway in front of the service may.

    Raises:
        ValueError: A word that is none of the above.
    """

    numbers: Literal["e164", "plain", "national", "trunk", "spaced", "integer"] = _one_of(*_WRITE_NUMBER)
    scalars: Literal["live", "int", "str"] = _one_of("live", "int", "str")
    sent_id: Literal["as scalars", "int", "str"] = _one_of("as scalars", "int", "str")
    report_id: Literal["as scalars", "int", "str"] = _one_of("as scalars", "int", "str")
    balance: Literal["number", "string"] = _one_of("number", "string")
    price: Literal["comma", "point", "number", "digits"] = _one_of(*_WRITE_PRICE)
    single: Literal["list", "value"] = _one_of("list", "value")
    empty: Literal["list", "object", "string", "null", "absent"] = _one_of("list", "object", "string", "null", "absent")
    late_fields: bool = True
    field_errors: bool = True
    http_status: Literal["code", "200"] = _one_of("code", "200")
    cookie: bool = False

    @classmethod
    def live(cls) -> "Style":
        """The form that the service writes now; the default."""
        return cls()

    @classmethod
    def seeds(cls) -> "Style":
        """The form of the first documents' samples: national numbers, amounts as strings, no later fields."""
        return cls(numbers="national", scalars="int", balance="string", late_fields=False, field_errors=False)

    @classmethod
    def strings(cls) -> "Style":
        """Every value a string."""
        return cls(scalars="str", balance="string", price="digits")

    @classmethod
    def csharp(cls) -> "Style":
        """The id of an order is a string in ``send-sms`` and an integer in ``get-report``."""
        return cls(sent_id="str", report_id="int")

    def in_xml(self) -> "Style":
        """Return the same style for XML, where all values are text and a list repeats its element."""
        return attrs.evolve(self, balance="string", single="list", empty="absent")

    def write_numbers(self, numbers: Sequence[str]) -> list[str | int]:
        """Write ``+905XXXXXXXXX`` numbers in this style."""
        return list(map(_WRITE_NUMBER[self.numbers], numbers))

    def scalar(self, value: int) -> int | str:
        """Write a code, a state, a counter, or the id of an order in a list."""
        return str(value) if self.scalars == "str" else value

    def write_sent_id(self, value: int) -> int | str:
        """Write the id of an order that was just taken."""
        return self._write_id(value, self.sent_id)

    def write_report_id(self, value: int) -> int | str:
        """Write the id of an order at the head of its report."""
        return self._write_id(value, self.report_id)

    def _write_id(self, value: int, form: str) -> int | str:
        return value if (self.scalars if form == "as scalars" else form) == "int" else str(value)

    def brand_code(self, code: str) -> int | str:
        """Write a brand code; one that is not all digits stays as it is."""
        return self.scalar(int(code)) if code.isascii() and code.isdigit() else code

    def write_balance(self, amount: str, sms: int) -> dict[str, Any]:
        """Write the balance."""
        if self.balance == "string":
            return {"amount": amount, "sms": str(sms)}
        return {"amount": _number(Decimal(amount)), "sms": sms}

    def write_price(self, price: Decimal) -> str | int | float:
        """Write the price of an order."""
        written: str | int | float = _WRITE_PRICE[self.price](price)
        return written

    def repeated(self, name: str, entries: Sequence[Any]) -> dict[str, Any]:
        """Write a repeated element as fields to merge into its parent: one field, or none if it is left out."""
        if len(entries) == 1 and self.single == "value":
            return {name: entries[0]}
        if entries:
            return {name: entries}
        if self.empty == "absent":
            return {}
        return {name: _WRITE_EMPTY[self.empty]()}
