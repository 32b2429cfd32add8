"""SQLite files that their owner alone can read.

SQLite makes a file with the process's usual mode, and gives its companions (the logs beside it) the mode of the file.
No function here opens a file that may be in use: closing it would drop the process's locks on it.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from iletimerkezi_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


_COMPANIONS = ("-journal", "-wal", "-shm")
_OWNER_ALONE = 0o600
_OTHERS = 0o077


def choose_path(path: object, argument: str) -> str:
    """Make a path absolute, so that it stays the same when the process changes its directory.

    Args:
        path: The caller's argument: text, bytes, or an object with a path.
        argument: The argument's name, for the message.

    Raises:
        ConfigurationError: It is no path, or SQLite would not open it as a file.
    """
    name = ""
    # A lone surrogate (half a character) cannot be encoded.
    with suppress(TypeError, UnicodeEncodeError):
        name = os.fsdecode(os.fsencode(cast("str | bytes | os.PathLike[str]", path)))
    if not name or "\0" in name:
        raise ConfigurationError(f"`{argument}` must be the path of a file")
    if name == ":memory:":
        raise ConfigurationError(f"`{argument}` must be the path of a file: what is in memory does not outlive a crash")
    if name.startswith("file:"):
        raise ConfigurationError(f"`{argument}` must be the path of a file, and not a URI")
    return os.path.abspath(name)  # noqa: PTH100 - `Path.resolve` would look at the disk


def spell_path(path: str) -> str:
    """Give a printable form of a path: relative to the current directory if below it, with escapes for odd bytes."""
    with suppress(OSError):
        path = path.removeprefix(os.path.join(os.getcwd(), ""))  # noqa: PTH109, PTH118 - text, not a path
    return path.encode("utf-8", "backslashreplace").decode()


def claim(path: str) -> str:
    """Make the file for its owner alone, if there is none, and check that no other user owns it.

    Returns:
        Its real path, without links.

    Raises:
        PermissionError: The file belongs to another user, who could read it.
        OSError: It is no ordinary file, or cannot be made.
    """
    real = os.path.realpath(path)
    with suppress(FileExistsError):
        os.close(os.open(real, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ALONE))
    for _, found in _with_companions(real):
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is a directory" if stat.S_ISDIR(found.st_mode) else "it is no ordinary file")
        if os.name == "posix" and found.st_uid != os.geteuid():
            raise PermissionError(0, "it belongs to another user, who could read it")
    return real


def identify(real: str) -> tuple[int, int] | None:
    """Give the identity of the file at a path; a later file there has another one. `None` without a file."""
    try:
        found = os.lstat(real)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def make_private(real: str) -> None:
    """Let the owner alone read the file and its companions.

    Raises:
        OSError: The file system does not support it.
    """
    if os.name != "posix":
        return
    for file, found in _with_companions(real):
        if stat.S_IMODE(found.st_mode) != _OWNER_ALONE:
            os.chmod(file, _OWNER_ALONE)  # noqa: PTH101 - paths are text here
            if os.lstat(file).st_mode & _OTHERS:
                raise PermissionError(0, "its file system keeps no modes, so that others could read it")


def _with_companions(real: str) -> Iterator[tuple[str, os.stat_result]]:
    """Give the file and its present companions. They are no links: SQLite follows none from a real path."""
    yield real, os.lstat(real)
    for companion in _COMPANIONS:
        # Another run that ends may remove them.
        with suppress(FileNotFoundError):
            yield real + companion, os.lstat(real + companion)
