"""How a command ends: its exit code, and its one line of error."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import typer
from typer.core import TyperCommand

from .messages import CommandError, describe
from .output import complain, end_line, settle_stdout

__all__ = ["INTERRUPTED", "Command", "run_async"]

T = TypeVar("T")

#: The exit code after Ctrl-C, as shells have it.
INTERRUPTED = 130


class Command(TyperCommand):
    """A command that never shows a traceback.

    Errors are caught here, inside of typer, since its versions differ in what they make of an interrupt.
    """

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
