"""What a text costs."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import ApiError, EmptyTextError, Encoding, Message, TextLength, TextTooLongError, measure
from iletimerkezi_async.text import clean_text
from iletimerkezi_async.wire.draft import text_complaint


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", Encoding.GSM, 0, 0),
        ("a", Encoding.GSM, 1, 1),
        ("a" * 155, Encoding.GSM, 155, 1),
        ("a" * 156, Encoding.GSM, 156, 2),
        ("a" * 301, Encoding.GSM, 301, 2),
        ("a" * 302, Encoding.GSM, 302, 3),
        ("a" * (153 * 7 - 5), Encoding.GSM, 1066, 7),
        ("a" * (153 * 7 - 4), Encoding.GSM, 1067, 8),
        ("ş" + "a" * 148, Encoding.TURKISH, 150, 1),
        ("ş" + "a" * 149, Encoding.TURKISH, 151, 2),
        ("ş" + "a" * (149 * 2 - 7), Encoding.TURKISH, 293, 2),
        ("ş" + "a" * (149 * 2 - 6), Encoding.TURKISH, 294, 3),
        ("ğ" * 75, Encoding.TURKISH, 150, 1),
        ("ğ" * 76, Encoding.TURKISH, 152, 2),
        ("я" * 65, Encoding.UNICODE, 65, 1),
        ("я" * 66, Encoding.UNICODE, 66, 2),
        ("я" * 129, Encoding.UNICODE, 129, 2),
        ("я" * 130, Encoding.UNICODE, 130, 3),
        ("😀", Encoding.UNICODE, 2, 1),
        ("şя", Encoding.UNICODE, 2, 1),
        ("€" * 77, Encoding.GSM, 154, 1),
        ("€" * 78, Encoding.GSM, 156, 2),
        ("ö ü Ö Ü Ç", Encoding.GSM, 9, 1),
    ],
)
def test_the_table_at_its_boundaries(text: str, encoding: Encoding, units: int, parts: int) -> None:
    """The provider's table, exact at each step."""
    assert measure(text) == TextLength(encoding, units, parts)


@pytest.mark.parametrize("letter", "^{}\\[~]|€")
def test_escaped_characters_take_two_septets(letter: str) -> None:
    """In the default alphabet and in Turkish mode alike."""
    assert measure(letter) == TextLength(Encoding.GSM, 2, 1)
    assert measure(letter + "ı").units == 4


@pytest.mark.parametrize("letter", "çĞğİıŞş")
def test_turkish_letters_outside_the_default_alphabet_take_two_septets(letter: str) -> None:
    """And switch to Turkish mode."""
    assert measure(letter) == TextLength(Encoding.TURKISH, 2, 1)


@given(st.text("abc şğ€я😀", max_size=600), st.text("abc şğ€я😀", max_size=600))
def test_a_longer_text_never_costs_less(text: str, more: str) -> None:
    """Adding to a text never saves a part."""
    assert measure(text + more).parts >= measure(text).parts


def test_half_a_character_is_measured_too() -> None:
    """A lone surrogate cannot be sent, but does not break the measure."""
    assert measure("\ud83d").units == 1


@pytest.mark.parametrize(
    ("text", "encoding", "costly"),
    [
        ("Merhaba", Encoding.GSM, ()),
        ("5 € [10 €]", Encoding.GSM, ("€", "[", "]")),
        ("Şu ışık €", Encoding.TURKISH, ("Ş", "ı", "ş", "€")),
        ("Ali\u2019nin borcu 5\u00a0\u20ba\u2026 ş", Encoding.UNICODE, ("\u2019", "\u00a0", "\u20ba", "\u2026")),
        ("", Encoding.GSM, ()),
    ],
)
def test_what_makes_a_text_costly_is_named(text: str, encoding: Encoding, costly: tuple[str, ...]) -> None:
    """Each character once, in the text's order; comparisons and the `repr` leave them out."""
    length = measure(text)
    assert (length.encoding, length.costly) == (encoding, costly)
    assert length == TextLength(length.encoding, length.units, length.parts)
    assert repr(length).endswith(f"parts={length.parts})")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("a" * 155 + "\r\n", "a" * 155),
        ("a" * 155 + "\n", "a" * 155),
        ("bir\r\niki\rüç\n", "bir\niki\nüç"),
        ("bir\r\n\r\niki\n\n", "bir\n\niki"),
        ("bir\viki\u2028üç\u2029dört\x85", "bir\niki\nüç\ndört"),
        ("bir\viki", "bir\niki"),
        (unicodedata.normalize("NFD", "Şöför çağrısı İğne"), "Şöför çağrısı İğne"),
        ("\u212b\u2126", "ÅΩ"),
        (" bir\t", " bir\t"),
        ("\ud83d", "\ud83d"),
    ],
)
def test_a_text_is_sent_and_measured_composed_and_with_plain_line_ends(given: str, sent: str) -> None:
    """What looks the same is the same text, and costs no more than it must."""
    assert Message(given, ()).text == sent
    assert measure(given) == measure(sent)


def test_a_decomposed_text_of_ninety_letters_is_one_sms() -> None:
    """Sent as it was typed on a Mac, it would be Unicode, and two."""
    text = unicodedata.normalize("NFD", "ığüşöç" * 5 + "a" * 60)
    assert measure(text) == TextLength(Encoding.TURKISH, 110, 1)


@given(st.text("a\r\n\v\u2028s\u0327şI\u0307", max_size=20))
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    """Cleaning is done once and for all."""
    cleaned = clean_text(text)
    assert clean_text(cleaned) == clean_text(cleaned + "\r\n") == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not set(cleaned) & set("\r\v\u2028")


@pytest.mark.parametrize(("text", "error"), [(None, EmptyTextError), (b"metin", ApiError), (5, ApiError)])
def test_what_is_no_text_has_no_length(text: object, error: type[ApiError]) -> None:
    """It is told what is expected."""
    with pytest.raises(error, match="text") as caught:
        measure(text)  # type: ignore[arg-type]  # the point of the test
    assert "metin" not in str(caught.value)


@pytest.mark.parametrize(("letter", "each"), [("a", 153), ("ş", 153), ("я", 67)])
def test_seven_parts_by_the_most_generous_count_are_not_refused_here(letter: str, each: int) -> None:
    """The service decides about them; one character more is certain."""
    assert text_complaint(letter * each * 7) is None
    assert isinstance(text_complaint(letter * (each * 7 + 1)), TextTooLongError)
