"""Clearing the frames that an error has passed.

Error trackers print the variables of these frames. Any of them may hold a value that was given by mistake: a text in
place of a time, a number of an unknown type. So each public function clears the frames below it when it raises.
"""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., object]")

_PACKAGE = __name__.partition(".")[0]
# Libraries that this one calls. Any other code is the caller's, and its variables may be shown.
_LIBRARIES = {"aiohttp", "anyio", "attr", "httpcore", "httpx", "httpx2", "psycopg", "psycopg_pool", "redis"}
_HELPERS = sys.stdlib_module_names | _LIBRARIES
_MARK = "__forgets__"
_GENERATED = "<attrs generated"
# Clearing the frame of a suspended coroutine or generator would end it.
_MAY_WAIT = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def forgetful(target: T) -> T:
    """Make a function, or the constructor and the public methods of a class, forget their variables when they raise.

    The frame of an `async` function is cleared only if it is the function that was called. Deeper ones are not: their
    variables print nothing secret.
    """
    if not isinstance(target, type):
        return cast("T", _guard(cast("Callable[..., object]", target)))
    for name, member in vars(target).copy().items():
        if inspect.isfunction(member) and (name == "__init__" or not name.startswith("_")):
            setattr(target, name, _guard(member))
    return target


def forgets(function: F) -> F:
    """Mark a function as one that forgets its variables by itself."""
    vars(function)[_MARK] = True
    return function


def _guard(function: Callable[..., Any]) -> Callable[..., Any]:
    if _MARK in vars(function):
        return function
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def guarded(*args: object, **kwargs: object) -> object:
            try:
                waiting = function(*args, **kwargs)
                # The caller's hooks can inspect the stack while it waits.
                args, kwargs = (), {}
                return await waiting
            except BaseException as error:
                args, kwargs = (), {}
                forget(error)
                raise

        return guarded

    @functools.wraps(function)
    def guarded_now(*args: object, **kwargs: object) -> object:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            args, kwargs = (), {}
            forget(error)
            raise

    return guarded_now


def forget(error: BaseException) -> None:
    """Clear the frames that an error has passed, except those of the caller's code; call it where it is caught."""
    for frame in _frames(error):
        with suppress(RuntimeError):
            # A running frame cannot be cleared; it clears itself when it ends.
            frame.clear()


def _frames(error: BaseException) -> Iterator[FrameType]:
    own = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    # The first frame caught the error; the second is the function that was called, and has ended.
    yield from own[1:2]
    yield from (frame for frame in own[2:] if _has_ended(frame) and (_is_ours(frame) or _package(frame) in _HELPERS))
    for chained in _chained(error):
        for frame, _ in traceback.walk_tb(chained.__traceback__):
            # The error that the caller was handling during the call is chained as well.
            if _has_ended(frame) and _is_ours(frame):
                yield frame


def _has_ended(frame: FrameType) -> bool:
    """Whether a frame surely has ended. A coroutine that caught the error may be suspended now."""
    # A generator expression catches nothing.
    return not frame.f_code.co_flags & _MAY_WAIT or frame.f_code.co_name == "<genexpr>"


def _is_ours(frame: FrameType) -> bool:
    return _package(frame) == _PACKAGE or frame.f_code.co_filename.startswith(_GENERATED)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _chained(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None and not any(each is other for other in found):
            found.append(each)
            todo += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
    return found[1:]
