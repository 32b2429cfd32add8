"""Runs statements in PostgreSQL as one transaction: all are sent before the first is answered.

Values are bound, and not written into the statements, which the server's log may show. This is libpq's pipeline, as
psycopg hands it out: its own cursors take three times as long for so little.
"""

from __future__ import annotations

import re
import selectors
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import psycopg
    from psycopg.pq.abc import PGconn, PGresult

__all__ = ["run"]

_INTEGER, _REAL = Struct("!q"), Struct("!d")
# The numbers of PostgreSQL's types (source: its catalogue, pg_type.dat).
_BYTEA, _INT8, _INT4, _TEXT, _FLOAT8 = 17, 20, 23, 25, 701
_READERS: dict[int, Callable[[bytes], object]] = {
    _BYTEA: bytes,
    _INT8: lambda value: int.from_bytes(value, "big", signed=True),
    _INT4: lambda value: int.from_bytes(value, "big", signed=True),
    _TEXT: lambda value: value.decode(),
    _FLOAT8: lambda value: _REAL.unpack(value)[0],
}
_UNKNOWN, _BINARY = 0, 1


def run(
    connection: psycopg.Connection, statements: Sequence[str], values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Run statements, with values as `:name`, as one transaction; the rows of the last one.

    Raises:
        psycopg.Error: One has failed, or the connection; without any text, which may quote values.
    """
    import psycopg  # noqa: PLC0415 - an extra

    numbered = [_number(each) for each in ("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", *statements, "COMMIT")]
    bound = [[_bind(values[name]) for name in names] for _, names in numbered]
    line = connection.pgconn
    line.enter_pipeline_mode()
    try:
        for (text, _), given in zip(numbered, bound):
            kinds, words = [kind for kind, _ in given], [word for _, word in given]
            line.send_query_params(text, words, kinds, [_BINARY] * len(given), _BINARY)
        line.pipeline_sync()
        results = list(_results(line))
    finally:
        if line.status == psycopg.pq.ConnStatus.OK:
            line.exit_pipeline_mode()
    return _rows(results[-2])


@lru_cache(maxsize=512)
def _number(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with `$1` for the first of its names, and the names."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    # Not the type behind `::`.
    return re.sub(r"(?<!:):([a-z_0-9]+)", number, statement).encode(), tuple(names)


def _bind(value: object) -> tuple[int, bytes | None]:
    """A value's type and bytes. Text is sent as bytes, too: otherwise it would end at a NUL unseen."""
    if value is None:
        return _UNKNOWN, None
    if isinstance(value, str):
        return _TEXT, value.encode()
    if isinstance(value, float):
        return _FLOAT8, _REAL.pack(value)
    if isinstance(value, int):
        return _INT8, _INTEGER.pack(value)
    assert isinstance(value, bytes)
    return _BYTEA, value


def _results(line: PGconn) -> Iterator[PGresult]:
    """The result of each statement, as they come."""
    import psycopg  # noqa: PLC0415 - an extra

    error: psycopg.Error | None = None
    while True:
        _wait(line)
        result = line.get_result()
        if result is None:
            # The end of a statement's results, or of the connection.
            if line.status != psycopg.pq.ConnStatus.OK:
                raise error or psycopg.OperationalError
        elif result.status == psycopg.pq.ExecStatus.PIPELINE_SYNC:
            break
        elif result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            error = error or _error(result)
        else:
            yield result
    if error is not None:
        raise error


def _error(result: PGresult) -> psycopg.Error:
    import psycopg  # noqa: PLC0415 - an extra

    code = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
    return psycopg.errors.lookup(code.decode())() if code else psycopg.OperationalError()


def _wait(line: PGconn) -> None:
    """Until a result is there. libpq waits by itself, but keeps all other threads from running meanwhile."""
    while line.is_busy():
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.flush() else 0)
        with selectors.DefaultSelector() as selector:
            selector.register(line.socket, events)
            selector.select()
        line.consume_input()


def _rows(result: PGresult) -> list[tuple[Any, ...]]:
    columns = range(result.nfields)
    readers = [_READERS[result.ftype(column)] for column in columns]
    rows: list[tuple[Any, ...]] = []
    for place in range(result.ntuples):
        found = [result.get_value(place, column) for column in columns]
        rows.append(tuple(None if value is None else read(value) for read, value in zip(readers, found)))
    return rows
