"""How a command ends: its exit code, and its one line of error."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import anyio
import typer
from typer.core import TyperCommand

from .messages import CommandError, describe
from .output import complain, end_line, settle_stdout

__all__ = ["INTERRUPTED", "Command", "run_async"]

T = TypeVar("T")

#: The exit code after Ctrl-C, as shells have it.
INTERRUPTED = 130


# How options look, with and without a value.
_OPTION = re.compile(r"--?([A-Za-z][\w-]*(=.*)?)?", re.DOTALL | re.ASCII)
# In front of what looks like an option and is none; no argument can hold it.
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
        error.message += '. A text that begins with a dash goes behind two of them: -- "-indirim" 5301234567'


class Command(TyperCommand):
    """A command that never shows a traceback.

    Errors are caught here, inside of typer, since its versions differ in what they make of an interrupt.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; one that begins with a dash and cannot be an option is a text."""
        try:
            rest = super().parse_args(ctx, self._mark_texts(args))
        except Exception as error:
            _unmark_error(error)
            raise
        ctx.params.update({name: _unmark(value) for name, value in ctx.params.items()})
        return rest

    def _mark_texts(self, args: list[str]) -> list[str]:
        # What follows an option that has a value is that value, whatever it begins with.
        options = {name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts}
        return [_mark(each) if before not in options else each for before, each in zip(["", *args], args)]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of the base
        """The usage line as `metavar` spells it; some versions of typer add braces."""
        arguments = [param.metavar for param in self.params if param.param_type_name == "argument" and param.metavar]
        return [self.options_metavar or "", *arguments]

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: It ended other than well.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever reads has seen enough: nothing went wrong.
            return None
        except KeyboardInterrupt:
            end_line()
            raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, typer.Abort):
            raise
        except CommandError as error:
            complain(str(error))
            raise typer.Exit(error.exit_code) from None
        except Exception as error:  # noqa: BLE001 - a user is to see one line, whatever it was
            complain(describe(error))
            raise typer.Exit(1) from None
        finally:
            settle_stdout()


def run_async(main: Callable[[], Awaitable[T]]) -> T:
    """Run the asynchronous part of a command.

    Raises:
        KeyboardInterrupt: The user pressed Ctrl-C, which nothing else tells on Python 3.10: there an interrupted event
            loop ends in the cancellation of its task.
    """
    interrupted = False

    async def watch() -> T:
        nonlocal interrupted
        try:
            return await main()
        except anyio.get_cancelled_exc_class():
            interrupted = True
            raise

    try:
        return anyio.run(watch)
    except BaseException:
        if interrupted:
            raise KeyboardInterrupt from None
        raise
