"""What an error means, where that depends on the command."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from iletimerkezi_async.errors import IletimerkeziError

from .messages import CommandError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

__all__ = ["advising"]


@contextmanager
def advising(advice: Mapping[type[IletimerkeziError], str]) -> Generator[None, None, None]:
    """Add to the line of an error what it means here.

    Args:
        advice: What to add, by the error's own class.

    Raises:
        CommandError: In place of an error that `advice` lists.
    """
    try:
        yield
    except IletimerkeziError as error:
        more = advice.get(type(error))
        if more is None:
            raise
        raise CommandError(f"{error}: {more}") from None
