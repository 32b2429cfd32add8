"""Sets that stay small for ten million members: of phone numbers, and of keys of any kind."""

from __future__ import annotations

from collections import Counter
from mmap import mmap
from typing import TYPE_CHECKING, TypeVar, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Seen", "SeenKeys", "digits_of", "without_last"]

T = TypeVar("T")

# The largest primes below the powers of two: keys that meet in one table do not meet in the next.
_PRIMES = {
    19: 524_287,
    20: 1_048_573,
    21: 2_097_143,
    22: 4_194_301,
    23: 8_388_593,
    24: 16_777_213,
    25: 33_554_393,
    26: 67_108_859,
}
# How many keys the set holds before they get a table. Moving them is done at one go: it takes some milliseconds.
_ENOUGH = 1 << 14
_TURKISH = "+905"
_TURKISH_LENGTH = len("+905301234567")
# Taken from a number's nine digits behind a one, it leaves a key of 27 to 30 bits: Python is quickest with those.
_ORIGIN = 10**9 - 2**26


class SeenKeys:
    """Which integers, of 27 bits or more, have been met.

    Tables, each asked in turn. A key's place in one is what it leaves when divided by the table's size, and the
    quotient is what is kept there: the two together are the key. Where another key is there already, the next table is
    asked. What finds a place in none is kept in a set, until that is large enough for one table more: no key ever moves
    from table to table, so that growing is not felt.

    Args:
        width: Bytes of a quotient, 1 or 8.
        smallest: The size of the first table, as a power of two; each further one has twice the size.
    """

    def __init__(self, width: int, smallest: int) -> None:
        self._width = width
        self._sizes = [prime for power, prime in _PRIMES.items() if power >= smallest]
        self._tables: list[memoryview] = []
        self._rest: set[int] = set()

    def known(self, keys: Sequence[int]) -> set[int]:
        """Those of the keys that are there."""
        known: list[int] = []
        for table in self._tables:
            size = len(table)
            absent: list[int] = []
            for key in keys:
                quotient = table[key % size]
                # An empty place ends the search: it would have been the key's.
                if quotient:
                    (known if quotient == key // size else absent).append(key)
            keys = absent
        return self._rest.intersection(keys).union(known)

    def add(self, keys: Sequence[int]) -> list[int]:
        """Take keys in; those that were there already, or come more than once here, as often as they are too many."""
        repeated: list[int] = []
        for table in self._tables:
            keys = _place(table, keys, repeated)
        rest = self._rest
        for key in keys:
            if key in rest:
                repeated.append(key)
            else:
                rest.add(key)
        if len(rest) > _ENOUGH and len(self._tables) < len(self._sizes):
            table = _empty_table(self._width, self._sizes[len(self._tables)])
            self._rest = set(_place(table, [*rest], []))
            self._tables.append(table)
        return repeated


class Seen:
    """Which phone numbers have been met, in a few bytes each.

    A Turkish mobile number has nine digits that vary, and the quotient of such a number fits into a byte. A set of
    Python's would take twenty times the memory; numbers of other countries go into one all the same, as they are few.
    """

    def __init__(self) -> None:
        self._keys = SeenKeys(1, smallest=22)
        self._others: set[str] = set()

    def known(self, numbers: Sequence[str]) -> set[str]:
        """Those of the numbers that have been met."""
        keys = _keys(numbers)
        if keys is not None:
            known = self._keys.known(keys)
            return {number for number, key in zip(numbers, keys) if key in known} if known else set()
        if len(numbers) > 1:
            return {number for number in numbers if self.known([number])}
        return self._others.intersection(numbers)

    def add(self, numbers: Sequence[str]) -> Sequence[str]:
        """Take E.164 numbers in; those that are new come back, each once and in order."""
        keys = _keys(numbers)
        if keys is not None:
            repeated = self._keys.add(keys)
            return without_last(numbers, keys, repeated) if repeated else numbers
        if len(numbers) > 1:
            return [number for number in numbers if self.add([number])]
        fresh = [number for number in numbers if number not in self._others]
        self._others.update(fresh)
        return fresh


def _empty_table(width: int, size: int) -> memoryview:
    # Of the system, which gives memory as it is used: filling that of Python's own with zeros takes a while.
    return memoryview(mmap(-1, width * size)).cast("B" if width == 1 else "Q")


def _place(table: memoryview, keys: Iterable[int], repeated: list[int]) -> list[int]:
    """Put keys into a table, and those that are there already into `repeated`; those that find their place taken."""
    size = len(table)
    taken: list[int] = []
    # This loop is what a campaign's check for repeated numbers costs: it does as little as can be.
    for key in keys:
        place = key % size
        if table[place]:
            taken.append(key)
        else:
            table[place] = key // size
    others: list[int] = []
    for key in taken:
        (repeated if table[key % size] == key // size else others).append(key)
    return others


def _keys(numbers: Sequence[str]) -> list[int] | None:
    """A key for each Turkish number; `None` where there is another among them."""
    text = ",".join(numbers)
    if len(text) != (_TURKISH_LENGTH + 1) * len(numbers) - 1 or text.count(_TURKISH) != len(numbers):
        return None
    # Read as JSON they take a third of the time that `int` takes for each.
    digits = cast("list[int]", orjson.loads(f"[{text.replace(_TURKISH, '1')}]"))
    return [number - _ORIGIN for number in digits]


def digits_of(numbers: Sequence[str]) -> list[int]:
    """The digits of E.164 numbers, as integers."""
    # Read as JSON they take a third of the time that `int` takes for each.
    return cast("list[int]", orjson.loads(f"[{','.join(numbers).replace('+', '')}]"))


def without_last(values: Sequence[T], keys: Sequence[int], repeated: Iterable[int]) -> list[T]:
    """The values without the last ones of those whose keys are too many."""
    too_many = Counter(repeated)
    kept: list[T] = []
    for value, key in zip(reversed(values), reversed(keys)):
        if too_many[key]:
            too_many[key] -= 1
        else:
            kept.append(value)
    return kept[::-1]
