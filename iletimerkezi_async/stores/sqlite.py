"""A store in an SQLite file, for all processes of one machine; and the file of a journal."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from iletimerkezi_async.errors import ConfigurationError, StoreError
from iletimerkezi_async.redaction import forgetful

from .sql import EDITIONS, Dialect, SqlStore
from .sql import spell as spell_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


# A journal's file is kept until its owner removes it.
_FOR_EVER = timedelta(days=36_500)
_OF_A_LOCKED_FILE = "locking_mode = EXCLUSIVE", "temp_store = MEMORY", "fullfsync = ON", "wal_autocheckpoint = 0"
_COMPANIONS = ("-journal", "-wal", "-shm")
_OWNER_ALONE = 0o600
_OTHERS = 0o077
DIALECT = Dialect(now=":now", text="TEXT", real="REAL", blob="BLOB", by_key=" WITHOUT ROWID")


@forgetful
class SqliteStore(SqlStore):
    """A store in a file, for all processes of one machine (not for a network drive, where SQLite's locks fail).

    The file is made on first use, for its owner alone (mode 0600). An attempt is on disk before its request leaves.

    Args:
        path: The file. Its folder must exist.
        keep: Time for which a key is kept after its last change; at least an hour.
        timeout: Seconds that one request to the store may take. After that the store counts as away (`StoreError`).

    Raises:
        ConfigurationError: An argument is not valid.
    """

    #: Marks the file as this library's: "IMsr".
    _APPLICATION: ClassVar[int] = 0x494D7372
    _KIND: ClassVar[str] = "a store"
    #: Whether its process locks the file, and each write is moved from the write-ahead log into the file at once.
    _ALONE: ClassVar[bool] = False
    #: The name of the argument with the path.
    _ARGUMENT: ClassVar[str] = "path"

    def __init__(
        self, path: str | os.PathLike[str], *, keep: timedelta = timedelta(days=30), timeout: float = 5.0
    ) -> None:
        super().__init__(keep=keep, timeout=timeout)
        #: The absolute path, and the same in a printable form.
        self.path = choose_path(path, self._ARGUMENT)
        self.spelt = spell_path(self.path)
        self._database: sqlite3.Connection | None = None
        #: The file's path without links, and its identity.
        self._real = ""
        self._identity: tuple[int, int] | None = None
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"<SqliteStore {self.spelt!r}>"

    @property
    def _place(self) -> object:
        return self.path

    # The log.

    def _transact(self, statements: Sequence[str], values: Mapping[str, object], durable: bool) -> list[Any]:
        if not self._one_at_a_time.acquire(timeout=self._timeout):
            raise StoreError(f"{self.spelt} is in use for longer than {self._timeout:g} s")
        try:
            database = self._connect()
            rows: list[Any] = []
            database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            database.execute("BEGIN IMMEDIATE")
            # Commits or, after an error, rolls back; some errors, such as a full disk, end the transaction themselves.
            with database:
                # The time is read after the wait for the file.
                bound = {**values, "now": time.time()}
                for statement in statements:
                    rows = database.execute(spell_sql(statement, DIALECT), bound).fetchall()
            if self._ALONE:
                # Explicitly, as this raises where SQLite would silently postpone its own checkpoint.
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (sqlite3.Error, ValueError, TypeError, OSError) as error:
            reason = self._explain(error)
        else:
            return rows
        finally:
            self._one_at_a_time.release()
        # Outside of `except`: the driver's own error may hold values.
        raise StoreError(f"{self.spelt} {reason}")

    def _explain(self, error: Exception) -> str:
        """Tell the reason of a failure."""
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return "is in use by another run" if self._ALONE else f"is in use for longer than {self._timeout:g} s"
        if isinstance(error, sqlite3.OperationalError):
            return f"cannot be written: {error}"
        if isinstance(error, OSError):
            return f"cannot be opened: {error.strerror or error}"
        return f"is damaged, or not {self._KIND}"

    # The file.

    def _connect(self) -> sqlite3.Connection:
        if self._database is None:
            if self._closed:
                raise StoreError("the store has been closed")
            self._database = self._open()
        if identify(self._real) != self._identity:
            # SQLite would go on with the old file, and other processes with the new one.
            raise StoreError(f"{self.spelt} was moved, replaced or removed while it was in use")
        return self._database

    def _open(self) -> sqlite3.Connection:
        self._real = real = claim(self.path)
        patience = 0.0 if self._ALONE else self._timeout
        database = sqlite3.connect(real, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            self._identity = identify(real)
            if self._ALONE:
                for setting in _OF_A_LOCKED_FILE:
                    database.execute(f"PRAGMA {setting}")
            database.execute("BEGIN IMMEDIATE")
            with database:
                self._prepare(database)
            # Only now the file is known to be this library's.
            make_private(real)
            # While another process uses the file, this fails; every process tries it.
            with suppress(sqlite3.OperationalError):
                database.execute("PRAGMA journal_mode = WAL").fetchall()
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Make the tables, or check them and add the newer editions."""
        is_new = not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if is_new:
            database.execute(f"PRAGMA application_id = {self._APPLICATION}")
        elif database.execute("PRAGMA application_id").fetchone()[0] != self._APPLICATION:
            raise StoreError(f"{self.spelt} is not {self._KIND}, or one of another version of this library")
        edition = database.execute("PRAGMA user_version").fetchone()[0]
        for statements in EDITIONS[edition:]:
            for statement in statements:
                database.execute(spell_sql(statement, DIALECT))
        if edition < len(EDITIONS):
            database.execute(f"PRAGMA user_version = {len(EDITIONS)}")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError

    def _close(self) -> None:
        with self._one_at_a_time:
            database, self._database = self._database, None
            if database is not None:
                database.close()

    def leave_to_parent(self) -> object:
        """Forget the connection, which is the parent's."""
        self._one_at_a_time = threading.Lock()
        database, self._database = self._database, None
        return database


class JournalFile(SqliteStore):
    """A campaign's journal in a file, locked by its process as long as it is open.

    Each write is moved from SQLite's write-ahead log into the file, and the log is emptied. A write-ahead log can be
    damaged, be left behind when the file is copied, or lie beside a newer copy and silently undo it: people would be
    texted twice.

    Args:
        path: The file.

    Raises:
        ConfigurationError: It cannot be a path.
    """

    # "IMjr".
    _APPLICATION = 0x494D6A72
    _KIND = "a journal"
    _ALONE = True
    _ARGUMENT = "journal"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path, keep=_FOR_EVER, timeout=30.0)

    def _sweep_rows(self) -> None:
        """Keep all rows: the journal's owner removes the file."""


# Files that their owner alone can read.
#
# SQLite makes a file with the process's usual mode, and gives its companions (the logs beside it) the mode of the file.
# No function here opens a file that may be in use: closing it would drop the process's locks on it.


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
        raise ConfigurationError(f"`{argument}` must be the path of a file: data in memory does not survive a crash")
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
        OSError: It is not a regular file, or cannot be made.
    """
    real = os.path.realpath(path)
    with suppress(FileExistsError):
        os.close(os.open(real, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ALONE))
    for _, found in _with_companions(real):
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is a directory" if stat.S_ISDIR(found.st_mode) else "it is not a regular file")
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
                raise PermissionError(0, "its file system does not keep file modes, so that other users could read it")


def _with_companions(real: str) -> Iterator[tuple[str, os.stat_result]]:
    """Give the file and its present companions. They are no links: SQLite follows none from a real path."""
    yield real, os.lstat(real)
    for companion in _COMPANIONS:
        # Another run that ends may remove them.
        with suppress(FileNotFoundError):
            yield real + companion, os.lstat(real + companion)
