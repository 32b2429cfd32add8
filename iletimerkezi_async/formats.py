"""Cells of spreadsheets as they are displayed: a value in its number format, with Turkish settings.

The formats that occur in lists are supported: digits and masks, decimals, percentages, amounts with their currency,
days, times and durations. The rest (fractions, powers of ten, the words of other languages), and formats that Excel and
LibreOffice display differently (days before March 1900 among them), are `Unshown`. If only LibreOffice differs (the
sign of a number rounded to 0, in Turkey a percent sign in front), the result is Excel's. (Source: ECMA-376, Part 1,
18.8.31, and the display of both programs.)
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING

from iletimerkezi_async.values import Flaw, Unshown, round_float, write_general

if TYPE_CHECKING:
    from collections.abc import Sequence

_TURKISH = (
    ("Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım", "Aralık"),
    ("Oca", "Şub", "Mar", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki", "Kas", "Ara"),
    ("Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar"),
    ("Pzt", "Sal", "Çar", "Per", "Cum", "Cmt", "Paz"),
    ("ÖÖ", "ÖS"),
)
_ENGLISH = (
    ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
     "December"),
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    ("AM", "PM"),
)  # fmt: skip
_BOOLEANS = ("YANLIŞ", "DOĞRU")
# Formats that are displayed differently in each country, and their Turkish form.
_OF_COUNTRY = {
    "mm-dd-yy": "d.mm.yyyy", "m/d/yy h:mm": "d.mm.yyyy hh:mm",
    "d-mmm-yy": "dd.mmm.yy", "d-mmm": "dd.mmm", "mmm-yy": "mmm.yy",
    "h:mm": "hh:mm", "h:mm:ss": "hh:mm:ss", "mmss.0": "mm:ss.0",
}  # fmt: skip
_LONG_DAY, _LONG_TIME = "d mmmm yyyy dddd", "hh:mm:ss"
# Likewise, with the country's currency: the author's country is unknown.
_MONEY_OF_COUNTRY = frozenset({
    '"$"#,##0_);("$"#,##0)', '"$"#,##0_);[Red]("$"#,##0)', '"$"#,##0.00_);("$"#,##0.00)',
    '"$"#,##0.00_);[Red]("$"#,##0.00)', '"$"#,##0_);\\("$"#,##0\\)', '"$"#,##0_);[Red]\\("$"#,##0\\)',
    '"$"#,##0.00_);\\("$"#,##0.00\\)', '"$"#,##0.00_);[Red]\\("$"#,##0.00\\)',
    '_("$"* #,##0_)_("$"* \\(#,##0\\)_("$"* "-"_)_(@_)', '_("$"* #,##0.00_)_("$"* \\(#,##0.00\\)_("$"* "-"??_)_(@_)',
})  # fmt: skip

# Likewise, formats whose mark of a negative number depends on the country.
_NEGATIVE_OF_COUNTRY = frozenset({
    "#,##0_);(#,##0)", "#,##0_);[Red](#,##0)", "#,##0.00_);(#,##0.00)", "#,##0.00_);[Red](#,##0.00)",
})  # fmt: skip

_SECTION = re.compile(r'(?:"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|[^;"\\\[_*])+|(?<=;)(?=;|$)|^(?=;)', re.DOTALL)
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_(?P<gap>.)|\*(?P<filler>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]'
    r"|\[(?P<elapsed>h+|m+|s+)\]|\[(?P<bracket>[^\]]*)\]|(?P<general>General|Standard|Genel)"
    r"|(?P<ampm>AM/PM|A/P|ÖÖ/ÖS)|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?)|(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)"
    r"|(?P<percent>%)|(?P<text>@)|(?P<exponent>e[+-])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_LOCALE = re.compile(r"\[\$[^\]-]*-([^\],]*)[^\]]*\]")
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?[0-9.]+)\]")
_TEXT_SECTION = 4
# Spreadsheets display hashes if no condition holds.
_NO_SECTION = "#" * 8
# The digits that spreadsheets keep of a number.
_DIGITS = 15

_DAY = 24 * 60 * 60 * 1000
_BEGIN_1900 = datetime(1899, 12, 30)  # noqa: DTZ001 - times in spreadsheets have no zone
# The first day on which spreadsheets agree: some take 1900 for a leap year, which it was not.
_FIRST = 61
_LAST = 2_958_466
_FROM_1904 = 1462


def show_cell(value: object, form: str, *, comma: bool = True, from_1904: bool = False) -> str:
    """Write a cell as it is displayed.

    Args:
        value: Its value, without the conversions of a library: a day is a number, as in the file.
        form: Its number format.
        comma: Whether numbers have a decimal comma.
        from_1904: Whether the workbook counts its days from 1904.

    Returns:
        The displayed text. If that is unknown, the plain value as `Unshown`.
    """
    if isinstance(value, str):
        return _show_text(value, form)
    if isinstance(value, bool):
        return _BOOLEANS[value]
    if isinstance(value, (date, time, timedelta)):
        # The workbook stores them as dates; these do not depend on the first year.
        form, value, from_1904 = _form_of(value, form), _to_serial(value), False
    if not isinstance(value, (int, float)) or not isfinite(value):
        return Unshown(value)
    number = Decimal(value) if isinstance(value, int) else round_float(value)
    shown = _show_number(number, form, comma=comma, from_1904=from_1904)
    return Unshown(f"{number:f}") if shown is None else shown


def _show_text(value: str, form: str) -> str:
    if "@" not in form and form.count(";") < _TEXT_SECTION - 1:
        return value
    sections = _sections(form)
    section = sections[_TEXT_SECTION - 1] if len(sections) >= _TEXT_SECTION else sections[-1]
    kinds = {kind for kind, _ in _tokens(section)}
    if "text" not in kinds and len(sections) < _TEXT_SECTION:
        return value
    return "".join(value if kind == "text" else _literal((kind, text)) for kind, text in _tokens(section))


def _show_number(number: Decimal, form: str, *, comma: bool, from_1904: bool) -> str | None:
    if form in _MONEY_OF_COUNTRY or number.adjusted() >= _DIGITS or (number < 0 and form in _NEGATIVE_OF_COUNTRY):
        return None
    section, number = _choose_section(number, _localized(form))
    tokens = _tokens(section)
    kinds = {kind for kind, _ in tokens}
    if section == _NO_SECTION or _is_odd(tokens, kinds):
        return None
    if "elapsed" in kinds:
        return _show_elapsed(number, tokens)
    if kinds & {"date", "ampm"}:
        moment = _read_serial(number + _FROM_1904 if from_1904 else number, tokens)
        return None if moment is None or _words(section) is None else _show_moment(moment, section)
    if "digit" in kinds:
        shown: str | None = _fill(abs(number), tokens, ",." if comma else ".,")
    else:
        shown = _show_plain(abs(number), tokens, comma=comma)
    return f"-{shown}" if number < 0 and shown is not None else shown


def _is_odd(tokens: Sequence[tuple[str, str]], kinds: set[str]) -> bool:
    """Whether a part of a format is not supported, or displayed differently by each spreadsheet program."""
    letters = {text.lower() for kind, text in tokens if kind == "other"}
    is_number = "digit" in kinds
    return (
        "exponent" in kinds
        # Fractions; several decimal points; and words without quotation marks that have the letter of a day or time.
        or (is_number and ("/" in letters or bool(kinds & {"date", "elapsed", "ampm"})))
        or (is_number and [kind for kind, _ in tokens].count("point") > 1)
        # Years of other calendars, and halves of the day by a letter.
        or (not is_number and bool(letters & set("bge")))
        or any(kind == "ampm" and len(text) == len("A/P") for kind, text in tokens)
        # A number in a format for texts.
        or ("text" in kinds and len(kinds - {"text", "bracket", "filler", "gap"}) > 0)
    )


def _show_plain(number: Decimal, tokens: Sequence[tuple[str, str]], *, comma: bool) -> str | None:
    """A number in a format without digit placeholders; it may have words only, such as a section for zero."""
    plain = write_general(number, comma=comma)
    is_used = any(kind in {"general", "text"} for kind, _ in tokens)
    if is_used and isinstance(plain, Flaw):
        return None
    return "".join(plain if kind in {"general", "text"} else _literal((kind, text)) for kind, text in tokens)


@lru_cache
def _tokens(form: str) -> Sequence[tuple[str, str]]:
    """The parts of a format, each with its kind and its text."""
    return tuple((match.lastgroup or "", match[match.lastgroup or 0] or "") for match in _TOKEN.finditer(form))


@lru_cache
def _sections(form: str) -> Sequence[str]:
    return [match[0] for match in _SECTION.finditer(form)] or [form]


@lru_cache
def _localized(form: str) -> str:
    """The Turkish form of a format that depends on the country."""
    if form in _OF_COUNTRY:
        return _OF_COUNTRY[form]
    codes = {code.upper() for code in _LOCALE.findall(form)}
    return _LONG_DAY if "F800" in codes else _LONG_TIME if "F400" in codes else form


def _choose_section(number: Decimal, form: str) -> tuple[str, Decimal]:
    """The section of a format that applies to a number, and the number; without its sign if the section has it."""
    sections = _sections(form)
    if len(sections) > 1 and "text" in dict(_tokens(sections[-1])):
        # That section is for texts.
        sections = sections[:-1]
    conditions = [_CONDITION.search(section) for section in sections]
    if any(conditions):
        if number < 0:
            # Spreadsheets differ about the sign.
            return _NO_SECTION, number
        for section, condition in zip(sections, conditions):
            if condition is None or _holds(number, condition[1], Decimal(condition[2])):
                return section, number
        return _NO_SECTION, number
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


def _literal(token: tuple[str, str]) -> str:
    kind, text = token
    if kind == "gap":
        return " "
    return "" if kind in {"bracket", "filler"} else text


def _fill(number: Decimal, tokens: Sequence[tuple[str, str]], marks: str) -> str:
    """A number in its format's digit places; the marks are the decimal mark and the thousands separator."""
    digits = [index for index, (kind, _) in enumerate(tokens) if kind == "digit"]
    point = next((index for index, (kind, _) in enumerate(tokens) if kind == "point"), len(tokens))
    whole_places = [index for index in digits if index < point]
    decimal_places = [index for index in digits if index > point]
    last_whole = max(whole_places, default=-1)
    # Each comma after the digits stands for three digits that are not displayed.
    behind = [*tokens[last_whole + 1 : point], *(tokens[digits[-1] + 1 :] if decimal_places else ())]
    thousands = sum(kind == "comma" for kind, _ in behind)
    groups = any(kind == "comma" for kind, _ in tokens[: last_whole + 1])
    scaled = number * 100 ** sum(kind == "percent" for kind, _ in tokens) / 1000**thousands
    rounded = scaled.quantize(Decimal(1).scaleb(-len(decimal_places)), ROUND_HALF_UP)
    whole, _, decimals = f"{rounded:f}".partition(".")
    placed = _place_whole(whole.lstrip("0"), tokens, whole_places, marks[1] if groups else "")
    placed.update(_place_decimals(decimals, tokens, decimal_places))
    if point < len(tokens):
        placed[point] = marks[0]
    return "".join(
        placed.get(index, "") if kind in {"digit", "point", "comma"} else _literal((kind, text))
        for index, (kind, text) in enumerate(tokens)
    )


def _place_whole(whole: str, tokens: Sequence[tuple[str, str]], places: list[int], mark: str) -> dict[int, str]:
    """The digits before the point, from the last one on; the first place takes all that are left."""
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
            shown = digit + (mark if count and count % 3 == 0 and digit.isdigit() else "") + shown
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


def _form_of(value: date | time | timedelta, form: str) -> str:
    """The format of a day or time; a usual one if it has none."""
    if any(kind in {"date", "elapsed"} for kind, _ in _tokens(_localized(form))):
        return form
    if isinstance(value, date):
        return "dd.mm.yyyy hh:mm" if isinstance(value, datetime) and value.time() != time() else "dd.mm.yyyy"
    return "[h]:mm" if isinstance(value, timedelta) else "hh:mm"


def _to_serial(value: date | time | timedelta) -> float:
    """The number that spreadsheets store for a day or time."""
    if isinstance(value, time):
        value = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
    if isinstance(value, date):
        clock = value.time() if isinstance(value, datetime) else time()
        return value.toordinal() - _BEGIN_1900.toordinal() + _to_serial(clock)
    return value.total_seconds() * 1000 / _DAY


def _read_serial(number: Decimal, tokens: Sequence[tuple[str, str]]) -> datetime | None:
    """The moment that a number stands for, to the second unless its parts are shown; `None` if there is none."""
    parts = [text.lower() for kind, text in tokens if kind == "date"]
    unit = 1 if any("." in part for part in parts) else 1000
    thousandths = int((number * _DAY / unit).to_integral_value(ROUND_HALF_UP)) * unit
    # A time alone is on the day 0.
    least = _FIRST if any(part[0] in "yd" or part[:3] == "mmm" for part in parts) else 0
    if not least * _DAY <= thousandths < _LAST * _DAY:
        return None
    return _BEGIN_1900 + timedelta(milliseconds=thousandths)


def _show_elapsed(number: Decimal, tokens: Sequence[tuple[str, str]]) -> str | None:
    """A duration, such as under `[h]:mm`: its largest part holds all of it."""
    if number < 0 or number > _LAST:
        return None
    left = int((number * _DAY / 1000).to_integral_value(ROUND_HALF_UP))
    shown: list[str] = []
    for kind, text in tokens:
        if kind in {"elapsed", "date"}:
            unit = {"h": 3600, "m": 60, "s": 1}.get(text[0].lower())
            if unit is None or "." in text:
                return None
            part, left = divmod(left, unit)
            shown.append(f"{part:0{len(text)}}")
        else:
            shown.append(_literal((kind, text)))
    return "".join(shown)


def _show_moment(moment: datetime, form: str) -> str:
    section = _sections(form)[0]
    words = _words(section) or _TURKISH
    tokens = _tokens(section)
    half = any(kind == "ampm" for kind, _ in tokens)
    letters = [text[0].lower() if kind == "date" else "" for kind, text in tokens]
    shown: list[str] = []
    for index, (kind, text) in enumerate(tokens):
        if kind == "date":
            before = next((each for each in reversed(letters[:index]) if each), "")
            after = next((each for each in letters[index + 1 :] if each), "")
            is_minute = letters[index] == "m" and (before == "h" or after == "s")
            shown.append(_show_part(moment, "n" if is_minute else letters[index], text, words, half=half))
        elif kind == "ampm":
            shown.append(words[4][moment.hour // 12])
        elif (kind, text) == ("other", "/"):
            # The separator of days and months in the language.
            shown.append("." if words is _TURKISH else text)
        else:
            shown.append(_literal((kind, text)))
    return "".join(shown).strip()


def _words(form: str) -> tuple[tuple[str, ...], ...] | None:
    """The names of months and days in the language that a format states; `None` if they are not known here."""
    codes = {code.lower() for code in _LOCALE.findall(form)} - {""}
    if all(code.endswith("41f") or code.startswith("tr") for code in codes):
        return _TURKISH
    if all(code.endswith(("409", "809")) or code.startswith("en") for code in codes):
        return _ENGLISH
    has_words = any(
        (kind == "date" and text[:3].lower() in {"mmm", "ddd"}) or kind == "ampm" for kind, text in _tokens(form)
    )
    return None if has_words else _TURKISH


def _show_part(moment: datetime, letter: str, text: str, words: tuple[tuple[str, ...], ...], *, half: bool) -> str:
    """A part of a day or time: y, m, d, h, n for minutes, s."""
    length = len(text)
    if letter in "hns":
        hour = (moment.hour % 12 or 12) if half else moment.hour
        part = {"h": hour, "n": moment.minute, "s": moment.second}[letter]
        whole, _, decimals = text.partition(".")
        behind = f",{moment.microsecond:06}"[: len(decimals) + 1] if decimals else ""
        return f"{part:0{min(len(whole), 2)}}{behind}"
    if letter == "y":
        return f"{moment.year:04}" if length > 2 else f"{moment.year % 100:02}"  # noqa: PLR2004 - yy and yyyy
    if letter == "m":
        month = words[0][moment.month - 1]
        short = words[1][moment.month - 1]
        return {3: short, 5: month[0]}.get(length, month if length > 3 else f"{moment.month:0{min(length, 2)}}")  # noqa: PLR2004 - mmm and mmmm
    day = {3: words[3][moment.weekday()], 4: words[2][moment.weekday()]}
    return day.get(length, f"{moment.day:0{min(length, 2)}}")
