"""What a text costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import Encoding, TextLength, measure


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
