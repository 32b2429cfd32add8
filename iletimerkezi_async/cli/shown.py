"""Cells of a workbook as a spreadsheet in Turkey shows them: the value under its number format.

It knows what lists have: digits and masks, decimals, percentages, amounts with their currency, dates and times. A
format that it does not know (fractions, exponents) leaves the plain value.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

__all__ = ["show"]

_MONTHS = (
    "Ocak",
    "Şubat",
    "Mart",
    "Nisan",
    "Mayıs",
    "Haziran",
    "Temmuz",
    "Ağustos",
    "Eylül",
    "Ekim",
    "Kasım",
    "Aralık",
)
_DAYS = ("Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar")
_SHORT_DAYS = ("Pzt", "Sal", "Çar", "Per", "Cum", "Cmt", "Paz")
_BOOLEANS = ("YANLIŞ", "DOĞRU")
# The one built-in format that every country shows in its own way.
_COUNTRY_DATES = {"mm-dd-yy": "d.mm.yyyy", "m/d/yy h:mm": "d.mm.yyyy hh:mm"}
_GENERAL_DIGITS = 11

_SECTION = re.compile(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[^;"\\\[])+|(?<=;)(?=;|$)')
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_(?P<gap>.)|\*(?P<filler>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]'
    r"|\[(?P<bracket>[^\]]*)\]|(?P<general>General|Standard|Genel)|(?P<ampm>AM/PM|A/P|ÖÖ/ÖS)"
    r"|(?P<date>[yY]+|[mM]+|[dD]+|[hH]+|[sS]+(?:\.0+)?)|(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)|(?P<percent>%)"
    r"|(?P<text>@)|(?P<exponent>[eE][+-])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?[0-9.]+)\]")


def show(value: object, form: str, *, is_error: bool = False) -> str:
    """A cell as it is shown.

    Args:
        value: What is in it.
        form: Its number format.
        is_error: Whether it holds an error, such as `#N/A`.
    """
    if is_error or isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return _BOOLEANS[value]
    if isinstance(value, (datetime, date, time)):
        return _show_date(value, _COUNTRY_DATES.get(form, form))
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, int) and form == "General":
        return str(value)
    if isinstance(value, (int, float)):
        number = _decimal(value)
        return str(value) if number is None else _show_number(number, form)
    return str(value)


def _decimal(value: float) -> Decimal | None:
    try:
        number = Decimal(repr(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _show_number(number: Decimal, form: str) -> str:
    section, number = _choose_section(number, form)
    tokens = _tokens(section)
    kinds = {kind for kind, _ in tokens}
    if kinds & {"date", "exponent", "ampm"} or ("digit" in kinds and ("other", "/") in tokens):
        return _show_general(number)
    if not kinds & {"digit", "general", "text"}:
        # Nothing but words, such as a section for zero.
        return "".join(map(_literal, tokens)) if tokens else ""
    if "digit" not in kinds:
        plain = _show_general(abs(number))
        shown = "".join(plain if kind in {"general", "text"} else _literal((kind, text)) for kind, text in tokens)
    else:
        shown = _fill(abs(number), tokens)
    return f"-{shown}" if number < 0 else shown


@lru_cache
def _tokens(form: str) -> Sequence[tuple[str, str]]:
    """The parts of a format: what kind each is, and its text."""
    return tuple((match.lastgroup or "", match[match.lastgroup or 0] or "") for match in _TOKEN.finditer(form))


def _choose_section(number: Decimal, form: str) -> tuple[str, Decimal]:
    """The part of a format that goes for a number; where the part has the sign, the number without it."""
    sections = [match[0] for match in _SECTION.finditer(form)] or [form]
    conditions = [_CONDITION.search(section) for section in sections]
    if any(conditions):
        for section, condition in zip(sections, conditions):
            if condition is None or _holds(number, condition[1], Decimal(condition[2])):
                return section, number
        return sections[-1], number
    if number < 0 and len(sections) > 1:
        return sections[1], -number
    if number == 0 and len(sections) > 2:  # noqa: PLR2004 - the third is for zero
        return sections[2], number
    return sections[0], number


def _holds(number: Decimal, relation: str, other: Decimal) -> bool:
    return {
        "<": number < other, "<=": number <= other, ">": number > other, ">=": number >= other, "=": number == other,
        "<>": number != other,
    }[relation]  # fmt: skip


def _show_general(number: Decimal) -> str:
    if number == number.to_integral_value():
        return f"{int(number)}"
    rounded = Decimal(f"{number:.{_GENERAL_DIGITS}g}")
    return f"{rounded:f}".rstrip("0").rstrip(".").replace(".", ",")


def _literal(token: tuple[str, str]) -> str:
    kind, text = token
    if kind == "gap":
        return " "
    return "" if kind in {"bracket", "filler"} else text


def _fill(number: Decimal, tokens: Sequence[tuple[str, str]]) -> str:
    """A number in the places of its format."""
    digits = [index for index, (kind, _) in enumerate(tokens) if kind == "digit"]
    point = next((index for index, (kind, _) in enumerate(tokens) if kind == "point"), len(tokens))
    whole_places = [index for index in digits if index < point]
    decimal_places = [index for index in digits if index > point]
    last_whole = max(whole_places, default=-1)
    # Each comma behind the digits stands for three that are not shown.
    behind = [*tokens[last_whole + 1 : point], *(tokens[digits[-1] + 1 :] if decimal_places else ())]
    thousands = sum(kind == "comma" for kind, _ in behind)
    groups = any(kind == "comma" for kind, _ in tokens[: last_whole + 1])
    scaled = number * 100 ** sum(kind == "percent" for kind, _ in tokens) / 1000**thousands
    rounded = scaled.quantize(Decimal(1).scaleb(-len(decimal_places)), ROUND_HALF_UP)
    whole, _, decimals = f"{rounded:f}".partition(".")
    placed = _place_whole(whole.lstrip("0"), tokens, whole_places, groups=groups)
    placed.update(_place_decimals(decimals, tokens, decimal_places))
    if any(placed[index] for index in decimal_places):
        placed[point] = ","
    return "".join(
        placed.get(index, "") if kind in {"digit", "point", "comma"} else _literal((kind, text))
        for index, (kind, text) in enumerate(tokens)
    )


def _place_whole(whole: str, tokens: Sequence[tuple[str, str]], places: list[int], *, groups: bool) -> dict[int, str]:
    """The digits in front of the point, from the last one on; the first place takes all that are left."""
    placed: dict[int, str] = {}
    count = 0
    for index in reversed(places):
        is_first = index == places[0]
        taken = whole if is_first else whole[-1:]
        whole = "" if is_first else whole[:-1]
        if not taken:
            taken = {"0": "0", "?": " "}.get(tokens[index][1], "")
        shown = ""
        for digit in reversed(taken):
            shown = digit + ("." if groups and count and count % 3 == 0 and digit.isdigit() else "") + shown
            count += 1
        placed[index] = shown
    return placed


def _place_decimals(decimals: str, tokens: Sequence[tuple[str, str]], places: list[int]) -> dict[int, str]:
    kept = len(decimals.rstrip("0"))
    blank = {"0": "0", "?": " "}
    return {
        index: decimals[count] if count < kept else blank.get(tokens[index][1], "")
        for count, index in enumerate(places)
    }


def _show_date(value: date | time, form: str) -> str:
    tokens = _tokens(form.partition(";")[0])
    if not any(kind == "date" for kind, _ in tokens):
        return f"{value:%d.%m.%Y}" if isinstance(value, date) else f"{value:%H:%M}"
    half = any(kind == "ampm" for kind, _ in tokens)
    letters = [text[0].lower() if kind == "date" else "" for kind, text in tokens]
    shown: list[str] = []
    for index, (kind, text) in enumerate(tokens):
        if kind == "date":
            before = next((each for each in reversed(letters[:index]) if each), "")
            after = next((each for each in letters[index + 1 :] if each), "")
            is_minute = letters[index] == "m" and (before == "h" or after == "s")
            shown.append(_show_part(value, "n" if is_minute else letters[index], len(text), half=half))
        elif kind == "ampm":
            shown.append("ÖÖ" if getattr(value, "hour", 0) < 12 else "ÖS")  # noqa: PLR2004 - noon
        else:
            shown.append(_literal((kind, text)))
    return "".join(shown).strip()


def _show_part(value: date | time, letter: str, length: int, *, half: bool) -> str:
    """A part of a date or time: y, m, d, h, n for minutes, s."""
    width = min(length, 2)
    if letter in "hns":
        hour, minute, second = (getattr(value, name, 0) for name in ("hour", "minute", "second"))
        hour = (hour % 12 or 12) if half else hour
        return f"{ {'h': hour, 'n': minute, 's': second}[letter]:0{width}}"
    if not isinstance(value, date):
        return ""
    if letter == "y":
        return f"{value.year:04}" if length > 2 else f"{value.year % 100:02}"  # noqa: PLR2004 - yy and yyyy
    if letter == "m":
        month = _MONTHS[value.month - 1]
        return {3: month[:3], 4: month, 5: month[0]}.get(length, f"{value.month:0{width}}")
    return {3: _SHORT_DAYS[value.weekday()], 4: _DAYS[value.weekday()]}.get(length, f"{value.day:0{width}}")
