"""Errors as lines for the user of the command."""

from __future__ import annotations

import traceback
from pathlib import Path

from iletimerkezi_async.errors import (
    ApiError,
    DuplicateOrderError,
    IletimerkeziError,
    OrderAcceptedError,
    OutcomeUnknownError,
    RecipientError,
)  # fmt: skip
from iletimerkezi_async.numbers import NO_NUMBER, find_flaw

__all__ = [
    "FAILED", "INTERRUPTED_ORDER", "UNKNOWN", "USAGE", "CommandError", "DoneError", "WrongUsageError", "describe",
    "exit_code_of", "explain",
]  # fmt: skip

#: The exit code if something failed, and was certainly not sent.
FAILED = 1
#: The exit code for wrong usage.
USAGE = 2
#: The exit code if something may have been sent, and a person has to check.
UNKNOWN = 3

_MOST_NUMBERS = 20
_MOST_HINTS = 3

#: The message for an order whose request was under way when the user pressed Ctrl-C.
INTERRUPTED_ORDER = (
    "interrupted while the order was on its way: it may have been taken; the same command within 10 minutes cannot "
    "send twice; after that, look into the panel first"
)


class CommandError(Exception):
    """The command cannot do its task. The text is the line to show.

    Args:
        text: The line.
        cause: The library's error behind it, if there is one.
    """

    exit_code = FAILED

    def __init__(self, text: str, cause: IletimerkeziError | None = None) -> None:
        super().__init__(text)
        self.cause = cause


class DoneError(CommandError):
    """There is nothing left to do."""

    exit_code = 0


class WrongUsageError(CommandError):
    """Wrong usage of the command."""

    exit_code = USAGE


def exit_code_of(error: BaseException) -> int:
    """The exit code of a command that ends with this error."""
    told = _cause(error)
    if isinstance(told, OutcomeUnknownError):
        return UNKNOWN
    if isinstance(told, (DuplicateOrderError, OrderAcceptedError)):
        # The recipients have the message: after a failure code, a script would try again later and text them twice.
        return 0
    return told.exit_code if isinstance(told, CommandError) else FAILED


def explain(error: BaseException | None, exit_code: int) -> dict[str, object]:
    """The end of a command as JSON: what happened, the class, the service's code, advice, and the exit code."""
    if error is None:
        return {"error": None, "exit_code": exit_code}
    told = _cause(error)
    return {
        "error": describe(error, advice=False) or "interrupted",
        "class": type(told).__name__,
        "code": getattr(told, "code", None),
        "advice": told.advice if isinstance(told, IletimerkeziError) else "",
        "exit_code": exit_code,
    }


def _cause(error: BaseException) -> BaseException:
    return error.cause or error if isinstance(error, CommandError) else error


def describe(error: BaseException, *, advice: bool = True) -> str:
    """The line to show for an error, with or without its advice."""
    if isinstance(error, CommandError) and error.cause and error.cause.advice and not advice:
        return str(error).replace(f": {error.cause.advice}", "")
    if isinstance(error, (CommandError, KeyboardInterrupt)):
        return str(error)
    if isinstance(error, RecipientError) and error.numbers:
        return _name_numbers(error.numbers)
    if isinstance(error, IletimerkeziError):
        # Refused before any request, so there is no operation and no code of an answer.
        if isinstance(error, ApiError) and error.http_status is None:
            return f"{error.message}; nothing was sent"
        return str(error) if advice else error.reason
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


def _place(error: BaseException) -> str:
    # Show the place and not the error's text, which may quote secrets or numbers.
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
