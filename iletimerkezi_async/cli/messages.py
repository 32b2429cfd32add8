"""Every error as one line for whoever typed the command."""

from __future__ import annotations

import traceback
from pathlib import Path

from iletimerkezi_async.errors import ApiError, IletimerkeziError, RecipientError
from iletimerkezi_async.numbers import NO_NUMBER, find_flaw

__all__ = ["INTERRUPTED_ORDER", "CommandError", "WrongUsageError", "describe"]

_MOST_NUMBERS = 20
_MOST_HINTS = 3

#: An order whose request was under way when the user gave up.
INTERRUPTED_ORDER = (
    "interrupted while the order was on its way: it may have been taken; the same command within 10 minutes cannot "
    "send twice; after that, look into the panel first"
)


class CommandError(Exception):
    """The command cannot do what it was asked for; its text is the line to show."""

    exit_code = 1


class WrongUsageError(CommandError):
    """The command was typed wrongly."""

    exit_code = 2


def describe(error: Exception) -> str:
    """The line to show for an error that is not the command's own."""
    if isinstance(error, RecipientError) and error.numbers:
        return _name_numbers(error.numbers)
    if isinstance(error, IletimerkeziError):
        # What was refused here is told in plain words, without the operation and the code of an answer.
        if isinstance(error, ApiError) and error.http_status is None:
            return f"{error.message}; nothing was sent"
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is missing; the command needs: pip install 'iletimerkezi-async[cli]'"
    if isinstance(error, ImportError):
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"unexpected {type(error).__name__} at {_place(error)}: a bug, please report it"


def _name_numbers(numbers: tuple[str, ...]) -> str:
    named = ", ".join(repr(number) for number in numbers[:_MOST_NUMBERS])
    more = f" and {len(numbers) - _MOST_NUMBERS} more" if len(numbers) > _MOST_NUMBERS else ""
    are = "is not a phone number" if len(numbers) == 1 else "are not phone numbers"
    hints = dict.fromkeys(flaw.removeprefix(f"{NO_NUMBER}: ") for flaw in map(find_flaw, numbers) if flaw != NO_NUMBER)
    why = "".join(f"; {hint}" for hint in list(hints)[:_MOST_HINTS])
    return f"{named}{more} {are}; nothing was sent{why}"


def _place(error: Exception) -> str:
    # The place and not the error's text, which may quote what must not be shown.
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
