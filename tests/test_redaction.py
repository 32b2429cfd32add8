"""Frames are emptied behind the doors of the public face; the caller's own, and those that wait, are left alone."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from types import FrameType, FunctionType

import anyio
import pytest
from canned import Canned, ok

from iletimerkezi_async import AsyncClient, Message, RecipientError, normalize_number
from iletimerkezi_async.redaction import forget, forgetful

pytestmark = pytest.mark.anyio


def frames_of(error: BaseException) -> dict[str, FrameType]:
    return {frame.f_code.co_name: frame for frame, _ in traceback.walk_tb(error.__traceback__)}


async def test_the_caller_s_own_frames_keep_their_variables() -> None:
    """Whoever looks for a mistake in a source of his sees what it held."""

    def numbers() -> Iterator[str]:
        position = 7
        yield "5301234567"
        raise OSError(position)

    with pytest.raises(OSError, match="7") as caught:
        await Canned(ok(order={"id": 1})).client.send_bulk("Kampanya", numbers())
    assert frames_of(caught.value)["numbers"].f_locals == {"position": 7}


async def test_an_error_that_several_tasks_meet_ends_none_that_waits() -> None:
    """To empty the frame of a coroutine that has caught it, and waits, would close it."""
    shared = RuntimeError()
    steps: list[str] = []
    gone = anyio.Event()

    async def wait() -> None:
        try:
            raise shared
        except RuntimeError:
            await gone.wait()
            steps.append("went on")

    # As if it were a function of this library.
    other = FunctionType(wait.__code__, {"__name__": "iletimerkezi_async.other"}, closure=wait.__closure__)

    @forgetful
    async def door() -> None:
        raise shared

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError):
            await door()
        gone.set()
    assert steps == ["went on"]


def test_what_the_caller_was_handling_is_left_alone() -> None:
    """It is chained to our error, and its frames are not ours."""

    def handled() -> None:
        mine = 5
        raise KeyError(mine)

    with pytest.raises(RecipientError) as caught:
        try:
            handled()
        except KeyError:
            normalize_number("x")
    assert isinstance(caught.value.__context__, KeyError)
    assert frames_of(caught.value.__context__)["handled"].f_locals == {"mine": 5}


async def test_a_hook_sees_nothing_in_the_frames_that_call_it() -> None:
    """Error trackers also take the whole stack of where a message was logged."""
    seen: list[str] = []

    def look() -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if "iletimerkezi_async" in frame.f_code.co_filename:
                seen.extend(map(repr, frame.f_locals.values()))
            frame = frame.f_back

    def numbers() -> Iterator[str]:
        for number in ("5301234567", "5301234568"):
            look()
            yield number

    class Pacer:
        async def acquire(self, n: int, /) -> None:
            look()

    client = Canned(ok(order={"id": 1}), rate=Pacer()).client
    await client.send_bulk("Kodunuz 987654", numbers(), batch_size=1, on_progress=lambda _: look())
    await client.send_sms("Kodunuz 987654", "5301234567")
    assert len(seen) > 50
    assert not [value for value in seen if "530123" in value or "987654" in value]


def test_a_door_looks_like_what_is_behind_it() -> None:
    """To whoever asks for its signature, its words, or whether it is to be awaited."""
    assert list(inspect.signature(AsyncClient.send_sms).parameters)[:3] == ["self", "text", "to"]
    assert inspect.iscoroutinefunction(AsyncClient.send_sms)
    assert not inspect.iscoroutinefunction(AsyncClient.get_report)
    assert (AsyncClient.send_sms.__doc__ or "").startswith("Send one text")
    assert AsyncClient.send_sms.__qualname__ == "AsyncClient.send_sms"
    assert list(inspect.signature(Message).parameters) == ["text", "to"]


@pytest.mark.parametrize("given", [{}, {"text": "Kodunuz 987654", "nobody": "5301234567"}])
async def test_a_call_that_does_not_fit_shows_nothing(given: dict[str, object]) -> None:
    """An argument too many, or too few: the call is refused by Python, in a frame of ours."""
    with pytest.raises(TypeError) as caught:
        await Canned(ok()).client.send_sms(**given)  # type: ignore[arg-type]  # that is the point
    assert "987654" not in "".join(str(frame.f_locals) for frame in list(frames_of(caught.value).values())[1:])


def test_a_generator_expression_is_emptied() -> None:
    """It cannot be waiting, as it catches nothing."""
    space: dict[str, Callable[[list[int]], float]] = {"__name__": "iletimerkezi_async.made"}  # type: ignore[dict-item]  # of a module
    exec("def look(values): return sum(1 / value for value in values)", space)
    with pytest.raises(ZeroDivisionError) as caught:
        forgetful(space["look"])([5301234567, 0])
    assert frames_of(caught.value)["<genexpr>"].f_locals == {}


def test_a_frame_that_runs_is_passed_over() -> None:
    """As where an error is looked at before the function that caught it has ended."""

    def running(kept: str) -> str:
        try:
            int("x")
        except ValueError as error:
            forget(error)
        return kept

    assert running("here") == "here"
