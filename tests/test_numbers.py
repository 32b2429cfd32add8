"""Phone numbers in every spelling."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import RecipientError, normalize_number
from iletimerkezi_async.numbers import clean_number, clean_numbers

SEPARATORS = st.text("  -./()[]\u00a0\u202f\u2009\u200e\u200f\u202a\u202c\ufeff\u2011\u2013\u2212\t", max_size=3)
MOBILES = st.from_regex(r"5[0-9]{9}", fullmatch=True)


@st.composite
def spellings(draw: st.DrawFn, numbers: st.SearchStrategy[str] = MOBILES) -> tuple[str, str]:
    """A number's ten digits, and a spelling of it with separators anywhere."""
    digits = draw(numbers)
    written = draw(st.sampled_from(["+90", "0090", "90", "0", ""])) + digits
    return digits, draw(SEPARATORS) + "".join(letter + draw(SEPARATORS) for letter in written)


@given(spellings())
def test_every_spelling_of_a_mobile_number_becomes_the_same(spelling: tuple[str, str]) -> None:
    """Prefixes and separators do not matter."""
    digits, written = spelling
    assert normalize_number(written) == "+90" + digits


@given(MOBILES, st.sampled_from(["+90{}", "0090{}", "90{}", "0{}", "{}"]), st.sampled_from(["", " ", "-", "."]))
def test_valid_mobile_numbers_agree_with_phonenumbers(digits: str, prefix: str, separator: str) -> None:
    """For every number that phonenumbers holds for a valid Turkish mobile, both give the same E.164 form."""
    written = prefix.format(separator.join((digits[:3], digits[3:6], digits[6:8], digits[8:])))
    parsed = phonenumbers.parse(written, "TR")
    if phonenumbers.is_valid_number(parsed):
        expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        assert normalize_number(written) == expected


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
        "00905301234", "491512345678", "+05301234567", "++905301234567", "5301234567;5301234568", "530123456x",
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


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_that_python_does_not_write_out_is_refused(sign: int) -> None:
    """Its digits are more than `str` takes, and the refusal must not fail over that."""
    with pytest.raises(RecipientError) as caught:
        normalize_number(sign * 10**5000)
    assert caught.value.numbers == ("an integer of more than 100 digits",)


@pytest.mark.parametrize("value", [None, 5301234567.0, b"5301234567", ["5301234567"], object()])
def test_other_types_are_refused_like_other_values(value: object) -> None:
    """A float is what a spreadsheet makes of a column with gaps: it is not guessed at."""
    with pytest.raises(RecipientError):
        normalize_number(value)  # type: ignore[arg-type]  # the point of the test


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
    ["", " ", "-", "\n", "\r\n", "\u00a0", "\u200e", ",", "\x00", "٥", "５", ";", "+", "\x85", "\u2028", "x"]
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
    st.sampled_from([None, True, 5301234567.0, b"5301234567", "1" * 5000, "0" * 3000 + "5301234567"]),
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
