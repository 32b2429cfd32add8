"""Sets that stay small for ten million members: of phone numbers, and of keys of any kind."""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Seen", "SeenKeys", "fingerprint"]

_TURKISH = "+905"
_TURKISH_LENGTH = len("+905301234567")
# Numbers as integers begin here; less one, so that zero can stand for a free place.
_ORIGIN = 905_000_000_000 - 1
_SMALLEST = 1 << 18
# Up to this size a table is at most half full and grows fourfold, which is quick; beyond, memory counts for more.
_LARGE = 1 << 22
_ROOM, _ROOM_LARGE = 2.0, 1.55
_PIECE = 1 << 16


class SeenKeys:
    """Which integers other than zero have been met.

    A table with open addressing: the place of a key is what it leaves when divided by the size, or the next free one.

    Args:
        typecode: How wide the keys are, as `array` names it: `"I"` for 32 bits, `"Q"` for 64.
        expected: How many there will be, where that is known; otherwise the table grows as needed.
    """

    def __init__(self, typecode: str, expected: int = 0) -> None:
        self._typecode = typecode
        self._count = 0
        self._table = _empty(typecode, max(_SMALLEST, _size_for(expected)))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: int) -> bool:
        return bool(_find(self._table, key))

    def add(self, keys: Sequence[int]) -> set[int]:
        """Take keys in; the positions of those that were there already, or came twice."""
        self._make_room(len(keys))
        repeated = _fill(self._table, keys)
        self._count += len(keys) - len(repeated)
        return repeated

    def _make_room(self, more: int) -> None:
        wanted = _size_for(self._count + more)
        old = self._table
        if wanted <= len(old):
            return
        self._table = _empty(self._typecode, max(wanted, len(old) * (4 if len(old) < _LARGE else 2)))
        # In pieces, as a list of all keys at once would be larger than both tables.
        for start in range(0, len(old), _PIECE):
            _fill(self._table, [key for key in old[start : start + _PIECE] if key])


class Seen:
    """Which phone numbers have been met, in some ten bytes each.

    A Turkish mobile number has nine digits that vary, which fit into 32 bits. A set of Python's would take ten times
    the memory; numbers of other countries go into one all the same, as they are few.

    Args:
        expected: How many there will be, where that is known.
    """

    def __init__(self, expected: int = 0) -> None:
        self._keys = SeenKeys("I", expected)
        self._others: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys) + len(self._others)

    def __contains__(self, number: str) -> bool:
        keys = _keys([number])
        return number in self._others if keys is None else keys[0] in self._keys

    def add(self, numbers: Sequence[str]) -> Sequence[str]:
        """Take E.164 numbers in; those that are new come back, each once and in order."""
        keys = _keys(numbers)
        if keys is None:
            return [number for number in numbers if self._add_one(number)]
        repeated = self._keys.add(keys)
        if not repeated:
            return numbers
        return [number for index, number in enumerate(numbers) if index not in repeated]

    def _add_one(self, number: str) -> bool:
        keys = _keys([number])
        if keys is not None:
            return not self._keys.add(keys)
        if number in self._others:
            return False
        self._others.add(number)
        return True


def _size_for(count: int) -> int:
    """How many places a table for so many keys should have."""
    return min(int(count * _ROOM), max(_LARGE, int(count * _ROOM_LARGE)))


def _empty(typecode: str, size: int) -> array[int]:
    # Odd, so that keys at even distances do not meet.
    return array(typecode, bytes(array(typecode).itemsize * (size | 1)))


def _find(table: array[int], key: int) -> int:
    """What is at the place of a key: itself, or zero."""
    size = len(table)
    place = key % size
    while table[place] not in {0, key}:
        place = place + 1 if place + 1 < size else 0
    return table[place]


def _keys(numbers: Sequence[str]) -> list[int] | None:
    """What varies in Turkish numbers, as integers from 1; `None` where there is another among them."""
    text = ",".join(numbers)
    if len(text) != (_TURKISH_LENGTH + 1) * len(numbers) - 1 or text.count(_TURKISH) != len(numbers):
        return None
    # Read as JSON they take a third of the time that `int` takes for each.
    keys = cast("list[int]", orjson.loads(f"[{text.replace(_TURKISH, '905')}]"))
    return [key - _ORIGIN for key in keys]


def _fill(table: array[int], keys: Iterable[int]) -> set[int]:
    """Put keys into a table with room for them; the positions of those that were there already."""
    size = len(table)
    repeated: set[int] = set()
    for index, key in enumerate(keys):
        place = key % size
        found = table[place]
        while found and found != key:
            place = place + 1 if place + 1 < size else 0
            found = table[place]
        if found:
            repeated.add(index)
        else:
            table[place] = key
    return repeated


def fingerprint(text: str, salt: bytes) -> int:
    """64 bits that tell a text from others, and say nothing of it without the salt."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()
    return int.from_bytes(digest, "big")
