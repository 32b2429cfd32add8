"""Compact sets for ten million members: of phone numbers, and of integer keys."""

from __future__ import annotations

from collections import Counter
from mmap import mmap
from typing import TYPE_CHECKING, TypeVar, cast

import orjson

from iletimerkezi_async.wire.packing import give_way

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")

# Table sizes: the largest primes below powers of two. Keys that collide in one table do not collide in the next.
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
# Keys in the plain set before they are moved to a new table, which takes some milliseconds.
_ENOUGH = 1 << 11
_TURKISH = "+905"
_TURKISH_LENGTH = len("+905301234567")
# A key is a 1 and a number's nine digits, minus this: 27 to 30 bits, for which Python is fastest.
_ORIGIN = 10**9 - 2**26


class SeenKeys:
    """A set of integers of 27 bits or more.

    A key's slot in a table is its remainder by the table's size, and the slot holds the quotient: together they give
    the key. A key whose slot is taken goes to the next table, and a key that finds no slot into a plain set. When that
    is large enough, its keys get a table of their own; no key moves between tables, so that growing takes no time.

    Args:
        width: Bytes of a quotient, 1 or 8.
        smallest: Size of the first table, as a power of two; each further one is twice as large.
    """

    def __init__(self, width: int, smallest: int) -> None:
        self._width = width
        self._next = smallest
        self._tables: list[memoryview] = []
        self._rest: set[int] = set()

    def known(self, keys: Sequence[int]) -> set[int]:
        """The given keys that are in the set."""
        known: list[int] = []
        for table in self._tables:
            size = len(table)
            # An empty slot ends the search, as the key would be in it.
            taken = [key for key in keys if table[key % size]]
            known += [key for key in taken if table[key % size] == key // size]
            keys = [key for key in taken if table[key % size] != key // size]
        return self._rest.intersection(keys).union(known)

    def add(self, keys: Sequence[int]) -> list[int]:
        """Add keys; give those that were in the set already or are repeated here, each as often as it is repeated."""
        repeated: list[int] = []
        for table in self._tables:
            keys = _place(table, keys, repeated)
        rest = self._rest
        for key in keys:
            if key in rest:
                repeated.append(key)
            else:
                rest.add(key)
        if len(rest) > _ENOUGH and self._next in _PRIMES:
            table = _empty_table(self._width, _PRIMES[self._next])
            self._rest = set(_place(table, [*rest], []))
            self._tables.append(table)
            self._next += 1
        return repeated

    def release(self) -> None:
        """Release the memory, once the set is not needed any more, and let other threads have their turn meanwhile."""
        while self._tables:
            # The system takes some milliseconds to unmap a large one.
            self._tables.pop()
            give_way()


class Seen:
    """A set of phone numbers, in a few bytes each.

    Nine digits of a Turkish mobile number vary, so that its quotient fits into a byte: a Python set takes twenty times
    the memory. Numbers of other countries, which are few, are in such a set.
    """

    def __init__(self) -> None:
        self._keys = SeenKeys(1, smallest=22)
        self._others: set[str] = set()

    def known(self, numbers: Sequence[str]) -> set[str]:
        """The given numbers that are in the set."""
        keys = _keys(numbers)
        if keys is not None:
            known = self._keys.known(keys)
            return {number for number, key in zip(numbers, keys) if key in known} if known else set()
        if len(numbers) > 1:
            return {number for number in numbers if self.known([number])}
        return self._others.intersection(numbers)

    def add(self, numbers: Sequence[str]) -> Sequence[str]:
        """Add E.164 numbers; give those that are new, each once and in order."""
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
    # Mapped, as the system then provides zeroed memory page by page; filling Python's own with zeros blocks for long.
    return memoryview(mmap(-1, width * size)).cast("B" if width == 1 else "Q")


def _place(table: memoryview, keys: Iterable[int], repeated: list[int]) -> list[int]:
    """Put keys into a table, and keys that it already has into `repeated`; give the keys whose slot is taken."""
    size = len(table)
    taken: list[int] = []
    # Most of the time of checking for repeated numbers is spent here.
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
    """A key for each number; `None` where any of them is not Turkish."""
    text = ",".join(numbers)
    if len(text) != (_TURKISH_LENGTH + 1) * len(numbers) - 1 or text.count(_TURKISH) != len(numbers):
        return None
    # Parsing them as JSON takes a third of the time of `int` for each.
    digits = cast("list[int]", orjson.loads(f"[{text.replace(_TURKISH, '1')}]"))
    return [number - _ORIGIN for number in digits]


def digits_of(numbers: Sequence[str]) -> list[int]:
    """The digits of E.164 numbers, as integers."""
    # See `_keys`.
    return cast("list[int]", orjson.loads(f"[{','.join(numbers).replace('+', '')}]"))


def without_last(values: Sequence[T], keys: Sequence[int], repeated: Iterable[int]) -> list[T]:
    """The values without repeated ones: of each key the last values are left out, as many as `repeated` has."""
    too_many = Counter(repeated)
    kept: list[T] = []
    for value, key in zip(reversed(values), reversed(keys)):
        if too_many[key]:
            too_many[key] -= 1
        else:
            kept.append(value)
    return kept[::-1]
