"""Runs statements in PostgreSQL as one transaction: all are sent before the first is answered."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

__all__ = ["run"]


def run(
    connection: psycopg.Connection, statements: Sequence[str], values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Run statements, with values as `:name`, as one transaction; the rows of the last one.

    Values are bound, and not written into the statements, which the server's log may show.

    Raises:
        psycopg.Error: One has failed, or the connection.
    """
    import psycopg  # noqa: PLC0415 - an extra

    with connection.pipeline():
        psycopg.Cursor(connection).execute(b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        cursor = psycopg.Cursor(connection)
        for statement in statements:
            cursor = psycopg.Cursor(connection)
            cursor.execute(_spell(statement), values)
        psycopg.Cursor(connection).execute(b"COMMIT")
    return cursor.fetchall() if cursor.description else []


@lru_cache(maxsize=512)
def _spell(statement: str) -> bytes:
    """A statement with its names as psycopg takes them; not the type behind `::`."""
    return re.sub(r"(?<!:):([a-z_0-9]+)", r"%(\1)s", statement).encode()
