"""Sets that stay small for ten million members: of phone numbers, and of keys of any kind."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    _Table: TypeAlias = bytearray | array[int]

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
# A table is made ready in pieces of so many bytes while the set fills up: at one go, a large one takes a while.
_MOST_BYTES = 1 << 20
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
        self._sizes = iter([prime for power, prime in _PRIMES.items() if power >= smallest])
        self._tables: list[_Table] = []
        self._rest: set[int] = set()
        self._count = 0
        self._next = _Growing(width, next(self._sizes, 0))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: int) -> bool:
        return bool(self.known([key]))

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
        count = len(keys)
        for table in self._tables:
            keys = _place(table, keys, repeated)
        rest = self._rest
        for key in keys:
            if key in rest:
                repeated.append(key)
            else:
                rest.add(key)
        self._count += count - len(repeated)
        if keys:
            self._next.grow(len(rest))
        if len(rest) > _ENOUGH and self._next.size:
            self._open_table()
        return repeated

    def _open_table(self) -> None:
        table = self._next.finish()
        self._rest = set(_place(table, [*self._rest], []))
        self._tables.append(table)
        self._next = _Growing(self._width, next(self._sizes, 0))


class _Growing:
    """A table that is not ready yet.

    Args:
        width: Bytes of a quotient.
        size: How many places it is to have; 0 where there is to be no table any more.
    """

    def __init__(self, width: int, size: int) -> None:
        self.size = size
        self._table: _Table = bytearray() if width == 1 else array("Q")
        self._piece = _MOST_BYTES // width

    def grow(self, waiting: int) -> None:
        """Make it as large as it has to be while so many keys wait for it."""
        due = min(self.size, self.size * waiting // _ENOUGH)
        if due - len(self._table) >= self._piece or due == self.size:
            self._extend(due)

    def finish(self) -> _Table:
        """The table, ready."""
        self._extend(self.size)
        return self._table

    def _extend(self, size: int) -> None:
        zeros = bytes(self._table.itemsize if isinstance(self._table, array) else 1) * (size - len(self._table))
        if isinstance(self._table, array):
            self._table.frombytes(zeros)
        else:
            self._table.extend(zeros)


class Seen:
    """Which phone numbers have been met, in a few bytes each.

    A Turkish mobile number has nine digits that vary, and the quotient of such a number fits into a byte. A set of
    Python's would take twenty times the memory; numbers of other countries go into one all the same, as they are few.
    """

    def __init__(self) -> None:
        self._keys = SeenKeys(1, smallest=22)
        self._others: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys) + len(self._others)

    def __contains__(self, number: str) -> bool:
        return bool(self.known([number]))

    def known(self, numbers: Sequence[str]) -> set[str]:
        """Those of the numbers that have been met."""
        keys = _keys(numbers)
        if keys is None:
            return {number for number in numbers if self._knows(number)}
        known = self._keys.known(keys)
        return {number for number, key in zip(numbers, keys) if key in known} if known else set()

    def _knows(self, number: str) -> bool:
        keys = _keys([number])
        return number in self._others if keys is None else keys[0] in self._keys

    def add(self, numbers: Sequence[str]) -> Sequence[str]:
        """Take E.164 numbers in; those that are new come back, each once and in order."""
        keys = _keys(numbers)
        if keys is None:
            return [number for number in numbers if self._add_one(number)]
        repeated = self._keys.add(keys)
        return without_last(numbers, keys, repeated) if repeated else numbers

    def _add_one(self, number: str) -> bool:
        keys = _keys([number])
        if keys is not None:
            return not self._keys.add(keys)
        if number in self._others:
            return False
        self._others.add(number)
        return True


def _place(table: _Table, keys: Iterable[int], repeated: list[int]) -> list[int]:
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
