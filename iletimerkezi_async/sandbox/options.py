"""Read the sandbox's arguments; an invalid one raises a ``ValueError`` that names the argument."""

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import TypeVar, get_args

from iletimerkezi_async.numbers import clean_number
from iletimerkezi_async.sandbox.style import Style, StyleName

__all__ = ["check_word", "read_amount", "read_numbers", "read_predicate", "read_style", "read_user", "read_words"]

T = TypeVar("T")


def check_word(name: str, value: str, *words: str) -> None:
    """Check that an argument is one of its allowed words."""
    if value not in words:
        raise ValueError(f"{name} is one of {', '.join(words)}")


def read_amount(name: str, value: str) -> Decimal:
    """Read an amount of money."""
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ValueError(f'{name} is an amount in digits, such as "134.0000"')
    return amount


def read_style(style: Style | str) -> Style:
    """Read a style, or the name of one of its presets."""
    if isinstance(style, Style):
        return style
    check_word("style", style, *get_args(StyleName))
    preset: Callable[[], Style] = getattr(Style, style)
    return preset()


def read_words(name: str, values: Iterable[T]) -> tuple[T, ...]:
    """Read several values; a single string is refused."""
    if isinstance(values, str):
        raise ValueError(f"{name} is a list of words, not one word")  # noqa: TRY004 - all bad arguments are ValueError
    return tuple(values)


def read_user(username: str | None, password: str | None) -> tuple[str, str] | None:
    """Read a user: both a name and a password, or neither."""
    if username is None or password is None:
        if username != password:
            raise ValueError("username and password go together")
        return None
    return username, password


def read_numbers(name: str, values: Iterable[str]) -> list[str]:
    """Read Turkish mobile numbers in any spelling that the client accepts; the error does not show them."""
    phones = [clean_number(value) for value in read_words(name, values)]
    known = [phone for phone in phones if phone is not None and phone.startswith("+905")]
    if len(known) != len(phones):
        wrong = len(phones) - len(known)
        raise ValueError(f"{name}: not a Turkish mobile number ({wrong} of {len(phones)} values)")
    return known


def read_predicate(undelivered: Iterable[str] | Callable[[str], bool]) -> Callable[[str], bool] | None:
    """Read the numbers whose messages end undelivered, or a predicate for them; None when there are none."""
    if callable(undelivered):
        return undelivered
    numbers = frozenset(read_numbers("undelivered", undelivered))
    return numbers.__contains__ if numbers else None
