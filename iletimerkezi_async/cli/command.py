"""The end of a command: its exit code, and its one line of error."""

import re
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import FrameType
from typing import Any, TypeVar, cast

import anyio
import anyio.lowlevel
import typer
from typer.core import TyperCommand

from .messages import USAGE, describe, exit_code_of, explain
from .output import complain, end_line, settle_stdout, write_json

__all__ = ["Command", "heed_signals", "run_async", "signal_code"]

T = TypeVar("T")

# Other signals than Ctrl-C that ask a process to end; not every system has both.
_ENDINGS = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
# The last signal received.
_came = signal.SIGINT


# An option, with and without a value.
_OPTION = re.compile(r"--?([A-Za-z][\w-]*(=.*)?)?", re.DOTALL | re.ASCII)
# Marks a text that begins with a dash; no argument can hold this character.
_NO_OPTION = "\0"


def _mark(argument: str) -> str:
    return _NO_OPTION + argument if argument.startswith("-") and not _OPTION.fullmatch(argument) else argument


def _unmark(value: object) -> object:
    if isinstance(value, str):
        return value.removeprefix(_NO_OPTION) if type(value) is str else value
    if isinstance(value, list):
        return [_unmark(each) for each in cast("list[object]", value)]
    return value


def _unmark_error(error: Any) -> None:
    message = getattr(error, "message", None)
    if not isinstance(message, str):
        return
    error.message = message.replace(_NO_OPTION, "")
    if type(error).__name__ == "NoSuchOption":
        error.message += '. Before a text that begins with a dash, write two dashes: -- "-indirim" 5301234567'


class Command(TyperCommand):
    """A command that never shows a traceback.

    Errors are caught here, inside typer, because versions of typer handle an interrupt differently.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments. One that begins with a dash but cannot be an option is read as a text."""
        try:
            rest = super().parse_args(ctx, self._mark_texts(args))
        except Exception as error:
            _unmark_error(error)
            # The module of the class depends on typer's version.
            if "--json" in args and (tell := getattr(error, "format_message", None)):
                write_json({**explain(error, USAGE), "error": tell()})
            raise
        ctx.params.update({name: _unmark(value) for name, value in ctx.params.items()})
        return rest

    def _mark_texts(self, args: list[str]) -> list[str]:
        # An argument after an option that takes a value is that value, even if it begins with a dash.
        options = {name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts}
        return [_mark(each) if before not in options else each for before, each in zip(["", *args], args)]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of the base
        """The usage line as `metavar` spells it; some versions of typer add braces."""
        arguments = [param.metavar for param in self.params if param.param_type_name == "argument" and param.metavar]
        return [self.options_metavar or "", *arguments]

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: The command failed or was interrupted; with its exit code.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader of the output has closed it: not an error.
            return None
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - any error is one line to a user
            raise typer.Exit(_tell(error, as_json=ctx.params.get("as_json", False))) from None
        finally:
            settle_stdout()


def _tell(error: BaseException, *, as_json: bool) -> int:
    """Show an error, and return the command's exit code."""
    is_interrupted = isinstance(error, KeyboardInterrupt)
    if is_interrupted:
        end_line()
    code = signal_code() if is_interrupted else exit_code_of(error)
    if as_json:
        with suppress(OSError):
            write_json(explain(error, code))
    if line := describe(error):
        complain(line)
    return code


def heed_signals() -> None:
    """Treat SIGTERM and SIGHUP as Ctrl-C.

    Without this, the first process of a container would ignore both. A signal that is ignored already, as under
    `nohup`, stays ignored.
    """
    for number in _ENDINGS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    global _came  # noqa: PLW0603 - a process has one end
    _came = signal.Signals(number)
    # Call the event loop's handler, if a loop runs. A shell starts background commands with Ctrl-C ignored: no handler.
    handle = signal.getsignal(signal.SIGINT)
    (handle if callable(handle) else signal.default_int_handler)(signal.SIGINT, frame)


def signal_code() -> int:
    """The exit code after Ctrl-C or another signal to end: 128 plus its number, as in shells."""
    return 128 + _came


def run_async(main: Callable[[], Awaitable[T]], if_interrupted: str = "") -> T:
    """Run the asynchronous part of a command.

    Args:
        main: The asynchronous part.
        if_interrupted: The message after Ctrl-C.

    Raises:
        KeyboardInterrupt: The user pressed Ctrl-C, or the task was cancelled: on Python 3.10 an interrupted event loop
            only cancels its task.
    """
    cancelled = False

    async def watch() -> T:
        nonlocal cancelled
        try:
            result = await main()
            # An interruption at the very end is raised at the next checkpoint: let that be inside this block.
            await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class():
            cancelled = True
            raise
        return result

    try:
        return anyio.run(watch)
    except BaseException as error:
        if cancelled or isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(if_interrupted) from None
        raise
