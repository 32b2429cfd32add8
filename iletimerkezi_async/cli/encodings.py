"""How the bytes of a list are to be read as text."""

import codecs
import re
from collections.abc import Iterable

from .messages import WrongUsageError

__all__ = ["UTF_8", "WINDOWS", "EncodingGuess", "describe_encoding", "read_encoding"]

UTF_8 = "utf-8"
#: What spreadsheets write in Turkey when they are not told otherwise.
WINDOWS = "cp1254"

_MARKS = {codecs.BOM_UTF8: UTF_8, codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_PAIRED = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# A letter that may be cut in the middle.
_BEGUN = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,2}\Z")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
# Enough to see that every other byte is empty.
_LOOK = 64


class EncodingGuess:
    """Tells the encoding of bytes that come in pieces.

    A mark in front tells it. Without one, what is UTF-8 is read as such; what is not, and has more bytes that no UTF-8
    has than letters of it, as Windows-1254. A few bad bytes among good letters are damage, which is told where they
    are read.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._head = b""
        self._rest = b""
        self._letters = 0
        self._strays = 0
        for piece in pieces:
            self._add(piece)

    def _add(self, piece: bytes) -> None:
        if len(self._head) < _LOOK:
            self._head += piece[:_LOOK]
        if piece.isascii() and not self._rest:
            return
        data = self._rest + piece
        begun = _BEGUN.search(data)
        self._rest = begun[0] if begun else b""
        self._count(data[: len(data) - len(self._rest)])

    def _count(self, data: bytes) -> None:
        self._letters += len(_PAIRED.findall(data))
        self._strays += len(_NOT_ASCII.findall(_PAIRED.sub(b"", data)))

    def end(self) -> str:
        """The encoding, by the name that Python has for it."""
        for mark, encoding in _MARKS.items():
            if self._head.startswith(mark):
                return encoding
        if _is_mostly_empty(self._head[1::2]) and all(self._head[::2]):
            return "utf-16-le"
        if _is_mostly_empty(self._head[::2]) and all(self._head[1::2]):
            return "utf-16-be"
        self._count(self._rest)
        self._rest = b""
        return WINDOWS if self._strays > self._letters else UTF_8


def _is_mostly_empty(data: bytes) -> bool:
    """As is one half of the bytes of a text in UTF-16, whose Latin letters need the other half alone."""
    return len(data) > 1 and 2 * data.count(0) > len(data)


def read_encoding(typed: str | None) -> str | None:
    """The encoding that was typed.

    Raises:
        WrongUsageError: There is none of this name.
    """
    if typed is None:
        return None
    try:
        codec = codecs.lookup(typed)
        # Some codecs are of bytes alone.
        codecs.decode(b"", typed)
        "".encode(typed)
    except (LookupError, ValueError, TypeError):
        codec = None
    if codec is None:
        raise WrongUsageError(f"--encoding {typed!r} is not an encoding such as utf-8, utf-16 or windows-1254")
    return UTF_8 if codec.name in {"utf-8", "utf-8-sig"} else codec.name


def describe_encoding(encoding: str) -> str:
    """The name that spreadsheets have for it."""
    return {UTF_8: "UTF-8", WINDOWS: "Windows-1254"}.get(encoding, encoding.upper())
