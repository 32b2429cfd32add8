"""Phone numbers in every spelling."""

from __future__ import annotations

import re
import time
from collections import UserString
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import product

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from iletimerkezi_async import Number, RecipientError, normalize_number
from iletimerkezi_async.numbers import (
    _ASCII_SEPARATORS,
    _UNICODE_SEPARATORS,
    clean_number,
    clean_numbers,
    find_flaw,
    is_one,
    write_out,
)


class Kind(Enum):
    """A member is no text, and its class can be gone through."""

    OWN = "5301234567"


SEPARATORS = st.text("  -./()[]\u00a0\u202f\u2009\u200e\u200f\u202a\u202c\ufeff\u2011\u2013\u2212\t", max_size=3)
MOBILES = st.from_regex(r"5[0-9]{9}", fullmatch=True)


@st.composite
def spellings(draw: st.DrawFn, numbers: st.SearchStrategy[str] = MOBILES) -> tuple[str, str]:
    """A number's ten digits, and a spelling of it with separators anywhere."""
    digits = draw(numbers)
    written = draw(st.sampled_from(["+90", "0090", "90", "0", ""])) + digits
    spelt = draw(SEPARATORS) + "".join(letter + draw(SEPARATORS) for letter in written)
    # A point and zeros at the end are a decimal number's.
    assume(not re.search(r"[0-9]\.0+[^0-9]*$", spelt))
    # So are a few digits behind the only point.
    assume(not re.fullmatch(r"\W*[0-9]{3,}\.[0-9]{1,3}\W*", spelt))
    return digits, spelt


@given(spellings())
def test_every_spelling_of_a_mobile_number_becomes_the_same(spelling: tuple[str, str]) -> None:
    """Prefixes and separators do not matter."""
    digits, written = spelling
    assert normalize_number(written) == "+90" + digits


PREFIXES = ["".join(parts) for count in range(5) for parts in product(["+", "0", "00", "90"], repeat=count)]
# Two pluses are no spelling but a slip, though phonenumbers forgives it.
PREFIXES = sorted({prefix for prefix in PREFIXES if "+" not in prefix[1:]})


@pytest.mark.parametrize("digits", ["5301234567", "5490000000"])
@pytest.mark.parametrize(("separator", "bracketed"), [("", False), (" ", True), ("-", False), (".", True)])
def test_prefixes_agree_with_phonenumbers(digits: str, separator: str, bracketed: bool) -> None:
    """Whatever is in front: what phonenumbers holds for a valid Turkish mobile comes out the same, and nothing else."""
    grouped = separator.join((digits[:3], digits[3:6], digits[6:8], digits[8:]))
    for prefix in PREFIXES:
        written = f"{prefix}({grouped})" if bracketed else f"{prefix}{separator}{grouped}"
        try:
            parsed = phonenumbers.parse(written, "TR")
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is not None and phonenumbers.is_valid_number_for_region(parsed, "TR"):
            expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
            assert clean_number(written) == expected, written
        else:
            assert not (clean_number(written) or "").startswith("+90"), written


@pytest.mark.parametrize(
    "written",
    [
        "+90 0530 123 45 67", "90 0530 123 45 67", "0090 0530 123 45 67", "+90 (0) 530 123 45 67", "+900 530 1234567",
        "+0090 530 123 45 67", "(+90) 0(530) 123-45-67", "00 90 530 123 45 67",
        "'05301234567", "'5301234567", "\u2019+905301234567", "'05301234567'", '"05301234567"', '="05301234567"',
        '="0530 123 45 67"', "=05301234567", "=+905301234567", '="+90 (530) 123 45 67"', ' ="5301234567" ',
        "tel:+905301234567", "TEL: 0530 123 45 67",
        "5301234567.0", "05301234567.0", "905301234567.0", "+905301234567.0", "5301234567.00", "5301234567,0",
        "0530 123 45 67.0", " 5301234567.0\u00a0", '"5301234567.0"', "530.123.45.67", "0530.1234567",
        5301234567.0, 905301234567.0, Decimal(5301234567), Decimal("5301234567.00"), Decimal("5.301234567E+9"),
    ],
)  # fmt: skip
def test_what_spreadsheets_and_people_make_of_a_number(written: Number) -> None:
    """Doubled prefixes, the marks of spreadsheets, and the traces of floats: all the same number."""
    assert normalize_number(written) == "+905301234567"


@pytest.mark.parametrize("written", ["530.123.45.00", "530.123.45.00 ", "0530 123 45.00", "+90 530.123.45.00"])
def test_points_between_digits_are_separators(written: str) -> None:
    """A number may end in zeros behind a point, where more than the point parts it."""
    assert normalize_number(written) == "+905301234500"


@pytest.mark.parametrize(
    "written",
    [
        "530123456.0", "0530123456.0", "+90530123456.0", "530123456.0 ", '"530123456.0"', "(530123456.0)",
        "530.123.456.0",
        "53012345.00", "5301234.000", "530123456,0", "5301234567.5", "5301234567.05", "53012345678.0", "5.301234567E9",
        "5,30123E+09", "530123456 .0\u200e1", "=530123456.0",
        "530123456.7", "0530123456.7", "+90530123456.7", "53012345.67", " 53012345.67\u00a0", "5301234.567",
        '="530123456.7"', "'53012345.67", '"53012345.00"', "='53012345.00'", '="5301234.000"', "'53012345.00 ",
    ],
)  # fmt: skip
def test_no_digit_comes_from_behind_a_decimal_point(written: str) -> None:
    """Else a missing digit would be made up, and a stranger get the message; alone or among good numbers."""
    assert clean_number(written) is None
    assert list(clean_numbers(["5301234568", written, "5301234569"])) == ["+905301234568", None, "+905301234569"]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("+5301234567", "the plus has no country code"),
        ("+ 530 123 45 67", "the plus has no country code"),
        ("+05301234567", "the plus has no country code"),
        ("5,30123E+09", "a spreadsheet has shortened it"),
        ("530123456.0", "not ten digits before its decimal point"),
        ("530123456.7", "not ten digits before its decimal point"),
        ("  ", "it is empty"),
        (None, "NoneType"),
        (float("nan"), "float: a value is missing"),
        (Decimal("NaN"), "Decimal: a value is missing"),
        (Decimal("sNaN"), "Decimal"),
        (float("inf"), "float"),
        (5301234567.5, "float"),
        (Decimal("1E+1000000000"), "Decimal"),
        (-5301234567.0, "float"),
        (b"5301234567", "bytes: decode it first"),
        (bytearray(b"5301234567"), "bytearray: decode it first"),
        (True, "bool"),
        (("5301234567",), "tuple: give the value in the row"),
        (["5301234567"], "list: give the value in the row"),
        ({"telefon": "5301234567"}, "dict: give the value in the row"),
        (Fraction(5301234567), "Fraction"),
        (10601234567 // 2 * 1j, "complex"),
        (object(), "object"),
        (Kind.OWN, "Kind: give its value"),
    ],
)
def test_a_refusal_tells_what_is_wrong(value: object, hint: str) -> None:
    """In words that help, with the type where it is no text, and never with the number."""
    with pytest.raises(RecipientError) as caught:
        normalize_number(value)  # type: ignore[arg-type]  # the point of the test
    assert caught.value.message.startswith("not a phone number")
    assert hint in caught.value.message
    assert "123" not in f"{caught.value} {caught.value!r}"
    assert list(clean_numbers([value, "5301234567"])) == [None, "+905301234567"]


class Lazy:
    """As Django's lazy strings: evaluated when asked, with the methods of a `str`, and no `str`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __getattr__(self, name: str) -> object:
        return getattr(str(self), name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._text)


class BrokenError(Exception):
    pass


class Broken:
    def __str__(self) -> str:
        raise BrokenError


def test_lazy_strings_are_texts() -> None:
    """A number that is evaluated late is one recipient, and cleaned like any other."""
    values = [Lazy("0530 123 45 67"), UserString("+90 530 123 45 68"), "5301234569", Lazy("yok")]
    assert list(clean_numbers(values)) == [*(f"+90530123456{last}" for last in "789"), None]
    assert all(map(is_one, values))
    assert find_flaw(values[3]) == "not a phone number"


def test_objects_that_stand_for_a_number_are_read() -> None:
    """As those of phone number fields; one that cannot be read is a bad value like any other."""

    class PhoneNumber:
        def __str__(self) -> str:
            return "+905301234567"

    assert clean_number(PhoneNumber()) == "+905301234567"
    assert list(clean_numbers([Broken(), "5301234567"])) == [None, "+905301234567"]
    assert "Broken" in find_flaw(Broken())
    assert write_out(Broken()) == "a Broken that cannot be read"


@pytest.mark.parametrize(
    "value", ["5301234567", 5301234567, 5.3, Decimal(5), None, b"5", True, Lazy("x"), object(), Kind.OWN]
)
def test_one_value_is_one_recipient(value: object) -> None:
    """Good or bad; it is never taken apart."""
    assert is_one(value)


@pytest.mark.parametrize("value", [[], (), {}, set(), iter(()), range(3), (n for n in ())])
def test_several_values_are_several_recipients(value: object) -> None:
    """Whatever can be gone through."""
    assert not is_one(value)


@pytest.mark.parametrize("separator", _ASCII_SEPARATORS + _UNICODE_SEPARATORS)
def test_each_separator_is_one(separator: str) -> None:
    """Every one of them, at both ends and between the digits, by the slow way and the quick one."""
    written = f"{separator}0530{separator}123 45 67{separator}"
    assert clean_number(written) == "+905301234567"
    assert list(clean_numbers([written, "5301234568"])) == ["+905301234567", "+905301234568"]


@pytest.mark.parametrize("other", "_*#:'\"=&@~abcxoOlI٣")
def test_other_characters_between_the_digits_are_none(other: str) -> None:
    """Nor is a letter that looks like a digit taken for one, at any place, alone or among good numbers."""
    for place in range(1, 10):
        for written in (
            f"{'5301234567'[:place]}{other}{'5301234567'[place:]}",
            f"{'5301234567'[:place]}{other}{'5301234567'[place + 1 :]}",
        ):
            assert clean_number(written) is None
            assert list(clean_numbers([written])) == [None]
            assert list(clean_numbers(["5301234568", written])) == ["+905301234568", None]


@given(MOBILES, st.sampled_from(["", "90"]))
def test_integers_are_numbers_too(digits: str, prefix: str) -> None:
    """As spreadsheets and databases hold them."""
    assert normalize_number(int(prefix + digits)) == "+90" + digits


@pytest.mark.parametrize("digits", ["5001234567", "5701234567", "5901234567", "5990000000"])
def test_any_ten_digits_from_five_on_pass(digits: str) -> None:
    """Prefixes change hands, and the service has the last word."""
    assert normalize_number(digits) == "+90" + digits


@pytest.mark.parametrize("number", ["+491512345678", "+1 (202) 555-0123", "+994501234567"])
def test_another_country_code_passes_with_its_plus(number: str) -> None:
    """As E.164, separators removed."""
    assert normalize_number(number) == "+" + "".join(filter(str.isdigit, number))


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "-", "+", "abc", "0", "5", "530123456", "53012345678", "02121234567", "+902121234567", "4301234567",
        "00905301234", "005301234567", "491512345678", "+5301234567", "+05301234567", "++905301234567",
        "5301234567;5301234568", "530123456x",
        "٥٣٠١٢٣٤٥٦٧", "５３０１２３４５６７", "5301234567\n5301234568", "5301234567\0", "+9", "+123456", "+" + "1" * 16,
        "0" * 1000 + "5301234567", "1" * 10_000, "5301234567.0x",
        0, -5301234567, 530123456, 53012345678, 10**400, True, False,
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_named(value: str | int) -> None:
    """With the class that the service's own refusal has, before any request."""
    with pytest.raises(RecipientError) as caught:
        normalize_number(value)
    assert caught.value.code == 452
    assert caught.value.http_status is None
    assert len(caught.value.numbers) == 1
    assert list(clean_numbers([value])) == [None]
    assert list(clean_numbers(["5301234568", value, 5301234569])) == ["+905301234568", None, "+905301234569"]


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_that_python_does_not_write_out_is_refused(sign: int) -> None:
    """Its digits are more than `str` takes, and the refusal must not fail over that."""
    with pytest.raises(RecipientError) as caught:
        normalize_number(sign * 10**5000)
    assert caught.value.numbers == ("an integer of more than 100 digits",)


def test_a_long_run_of_spaces_costs_little() -> None:
    """Looking for the mistake in a padded value takes no longer than reading it, not the square of that."""
    began = time.process_time()
    for _ in range(10):
        assert find_flaw(f"yok{' ' * 20_000}x").startswith("not a phone number")
    assert time.process_time() - began < 5


@given(st.text())
def test_whatever_comes_out_is_e164(text: str) -> None:
    """Either a plus and digits, or a refusal."""
    try:
        number = normalize_number(text)
    except RecipientError:
        return
    assert number.startswith("+")
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert 7 <= len(number) - 1 <= 15
    assert normalize_number(number) == number


def test_the_refused_number_is_not_in_the_text() -> None:
    """Only in the attribute that is asked for on purpose."""
    with pytest.raises(RecipientError) as caught:
        normalize_number("02121234567")
    assert caught.value.numbers == ("02121234567",)
    assert "1234567" not in f"{caught.value} {caught.value!r} {caught.value.args}"


NEAR_NUMBERS = st.from_regex(r"(\+90|0090|90|0|\+|\+49|00|9|)[0-9]{9,11}", fullmatch=True)
ODD = st.sampled_from(
    [
        "",
        ".",
        ".0",
        ".00",
        ". 0",
        ".0 ",
        ",0",
        "'",
        '"',
        "=",
        '="',
        "E+",
        " ",
        "-",
        "\n",
        "\r\n",
        "\u00a0",
        "\u200e",
        ",",
        "\x00",
        "٥",
        "５",
        ";",
        "+",
        "\x85",
        "\u2028",
        "x",
    ]
)


@st.composite
def odd_spellings(draw: st.DrawFn) -> str:
    number = draw(NEAR_NUMBERS)
    place = draw(st.integers(0, len(number)))
    return number[:place] + draw(ODD) + number[place:] + draw(ODD)


VALUES = st.one_of(
    odd_spellings(),
    odd_spellings(),
    spellings().map(lambda pair: pair[1]),
    st.text(max_size=15),
    st.integers(-10, 10**16),
    st.integers(5 * 10**9, 6 * 10**9),
    st.floats(),
    st.floats(5e9, 6e9).map(round).map(float),
    st.decimals(),
    st.decimals(5 * 10**9, 6 * 10**9, places=1),
    st.sampled_from(
        [
            None,
            True,
            b"5301234567",
            ("5301234567",),
            Lazy("0530 123 45 67"),
            Broken(),
            "1" * 5000,
            "0" * 3000 + "5301234567",
        ]
    ),
)


@given(st.lists(VALUES, max_size=40))
def test_many_at_once_come_out_as_one_by_one(values: list[object]) -> None:
    """The quick way over many values gives for each the very same as the way for one."""
    assert list(clean_numbers(values)) == [clean_number(value) for value in values]


@given(st.lists(spellings(), max_size=40))
def test_many_good_ones_at_once(pairs: list[tuple[str, str]]) -> None:
    """Where nothing is odd, nothing is cleaned by itself."""
    assert list(clean_numbers([written for _, written in pairs])) == ["+90" + digits for digits, _ in pairs]


def test_integers_of_other_libraries_are_integers() -> None:
    """Whatever has `__index__`, as NumPy's have."""

    class Int64:
        def __index__(self) -> int:
            return 5301234567

    assert clean_numbers([Int64(), "0530 123 45 68"]) == ["+905301234567", "+905301234568"]


MOBILE = phonenumbers.PhoneNumberType.MOBILE
E164, INTERNATIONAL, RFC3966 = (
    getattr(phonenumbers.PhoneNumberFormat, name) for name in ("E164", "INTERNATIONAL", "RFC3966")
)


def foreign_examples() -> list[tuple[str, phonenumbers.PhoneNumber]]:
    """A mobile number of each region but Turkey and Northern Cyprus, which has Turkey's code."""
    found = [
        (region, phonenumbers.example_number_for_type(region, MOBILE)) for region in phonenumbers.SUPPORTED_REGIONS
    ]
    return sorted((region, number) for region, number in found if number and number.country_code != 90)


@pytest.mark.parametrize(("region", "number"), foreign_examples(), ids=[region for region, _ in foreign_examples()])
def test_a_number_abroad_is_never_another_one(region: str, number: phonenumbers.PhoneNumber) -> None:
    """However it is written: the one that phonenumbers holds for it, or none."""
    expected = phonenumbers.format_number(number, E164)
    code = str(number.country_code)
    digits = expected[len(code) + 1 :]
    shown = phonenumbers.format_number(number, INTERNATIONAL)
    is_turkish = re.fullmatch(r"[2-58][0-9]{9}", expected[1:]) is not None
    if not re.fullmatch(r"5[0-9]{9}", expected[1:]):
        for written in (expected, shown, phonenumbers.format_number(number, RFC3966), f"(+{code}) {digits}"):
            assert clean_number(written) == expected, written
    for written in (f"00{expected[1:]}", f"00 {shown[1:]}", f"00{code} ({digits[:2]}) {digits[2:]}"):
        assert clean_number(written) == (None if is_turkish else expected), written
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert metadata
    trunk = metadata.national_prefix or "0"
    bracketed = (
        f"+{code} ({trunk}) {digits}",
        f"00{code}({trunk}){digits}",
        f"(+{code}) ({trunk}) {digits[:3]}-{digits[3:]}",
    )
    # Where numbers may begin with a 0 of their own, one that is written is one.
    bare = (
        ()
        if digits[0] == "0" or code in {"39", "241", "378"}
        else (f"+{code}{trunk}{digits}", f"00 {code} {trunk} {digits}")
    )
    for written in (*bracketed, *bare):
        assert clean_number(written) in {expected, None}, written


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+49 (0)1512 3456789", "+4915123456789"), ("0049 (0) 1512-3456789", "+4915123456789"),
        ("(+49) (0)1512 3456789", "+4915123456789"), ("0049 1512 3456789", "+4915123456789"),
        ("+44 (0) 7911 123456", "+447911123456"), ("001 202 555 0123", "+12025550123"),
        ("+39 347 1234567", "+393471234567"),
        ("tel:+49-1512-3456789", "+4915123456789"), ("+225 07 12 34 56 78", "+2250712345678"),
        ("+49 01512 3456789", None), ("+39 (0)347 1234567", None), ("+7 (8) 912 345-67-89", None),
        ("+36 (06) 20 123 4567", None), ("0045 20 12 34 56", None), ("00 212 555 12 34", None),
        ("+52 1 55 1234 5678", None),
        ("00 0049 1512 3456789", None), ("+(0)49 1512 3456789", None), ("+1 202 555 012", None),
    ],
)  # fmt: skip
def test_the_zero_of_calls_within_a_country(written: str, number: str | None) -> None:
    """It is dropped in brackets, and refused elsewhere, as is what may be a number of Turkey."""
    assert clean_number(written) == number
    assert list(clean_numbers(["5301234568", written])) == ["+905301234568", number]
    assert number or find_flaw(written).startswith("not a phone number")
