"""The recipients of the demonstration: a list as customers have them, with its share of mistakes."""

from collections.abc import Iterator

from attrs import frozen

__all__ = ["Audience"]

_FIRST_NUMBER = 5301000000
_MISTAKES = ("530 123", "0212 555 12 34", "yok", "5301234567 / 5301234568")
_SPELLINGS = ("{}{}{}{}", "0{} {} {} {}", "+90 {} {} {}{}", "90{}{}{}{}", "(0{}) {}-{}-{}")
_ONE_IS_BAD_IN = 100
_ONE_IS_REPEATED_IN = 40
_BLOCKED = 2
_SHORT = 100


@frozen
class Audience:
    """A list of recipients in mixed spellings.

    Attributes:
        size: How many entries it has.
    """

    size: int

    def __iter__(self) -> Iterator[str]:
        return map(_entry, range(self.size))

    def __len__(self) -> int:
        return self.size

    @property
    def blocked(self) -> frozenset[str]:
        """Numbers on the account's blocked list: a few in the middle, of a list that is long enough."""
        if self.size < _SHORT:
            return frozenset()
        middle = self.size // 2
        return frozenset(f"+90{number}" for number in _numbers(middle, min(self.size, middle + _BLOCKED)))

    @property
    def reachable(self) -> frozenset[str]:
        """Everybody who is to get a message."""
        return frozenset(f"+90{number}" for number in _numbers(0, self.size)) - self.blocked


def _entry(index: int) -> str:
    if _is_bad(index):
        return _MISTAKES[index // _ONE_IS_BAD_IN % len(_MISTAKES)]
    # An even one, and so never a bad one.
    digits = str(_FIRST_NUMBER + (index - _ONE_IS_REPEATED_IN + 1 if _is_repeated(index) else index))
    return _SPELLINGS[index % len(_SPELLINGS)].format(digits[:3], digits[3:6], digits[6:8], digits[8:])


def _numbers(first: int, last: int) -> Iterator[int]:
    """The good numbers of some entries, without the repeated ones."""
    return (_FIRST_NUMBER + index for index in range(first, last) if not (_is_bad(index) or _is_repeated(index)))


def _is_bad(index: int) -> bool:
    return index % _ONE_IS_BAD_IN == _ONE_IS_BAD_IN - 1


def _is_repeated(index: int) -> bool:
    return index % _ONE_IS_REPEATED_IN == _ONE_IS_REPEATED_IN - 1
