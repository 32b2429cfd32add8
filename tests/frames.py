"""What an error tracker would send of an error."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from iletimerkezi_async import BulkError, IletimerkeziError, JournalError

#: What an error has for whoever handles it, on purpose: the numbers refused, and the result of a campaign.
_DATA = ("numbers", "result")


def everything_of(error: BaseException) -> str:
    """What an error tracker would send: texts, chained errors, and the variables of every frame but the tests' own."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = "".join(f"{frame.filename} {frame.locals}" for frame in trace.stack if not is_test(frame))
    assert "iletimerkezi_async" in shown
    parts = [shown, str(error), repr(error), repr(error.args), repr(vars(error))]
    # The result of a campaign is data: whoever hands it on on purpose hands on its recipients.
    if not isinstance(error, (BulkError, JournalError)):
        parts.append(repr(pickle.dumps(error)))
    chained = error.__cause__ or error.__context__
    return "".join(parts) + (everything_of(chained) if chained else "")


def is_test(frame: traceback.FrameSummary) -> bool:
    return str(Path(__file__).parent) in frame.filename


def leaks_of(error: BaseException, secrets: Iterable[str]) -> list[str]:
    """The places where an error tracker would show one of the secrets, by name."""
    return [
        place for each in chain_of(error) for place, shown in shown_of(each) if any(map(shown.__contains__, secrets))
    ]


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that it is chained to or made of."""
    seen: dict[int, BaseException] = {}
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None and id(each) not in seen:
            seen[id(each)] = each
            todo += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
    yield from seen.values()


def shown_of(error: BaseException) -> Iterator[tuple[str, str]]:
    """Everything of one error that is printed, with where it stands."""
    name = type(error).__name__
    yield f"the words of {name}", f"{show(error)} {error} {show(error.args)} {show(getattr(error, '__notes__', ''))}"
    for attribute, value in vars(error).items():
        if attribute not in _DATA:
            yield f"{name}.{attribute}", show(value)
    if isinstance(error, IletimerkeziError) and not any(hasattr(error, data) for data in _DATA):
        yield f"the pickle of {name}", repr(pickle.dumps(error))
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if str(Path(__file__).parent) not in code.co_filename:
            for variable, value in frame.f_locals.items():
                yield f"{Path(code.co_filename).name}:{line} {code.co_name}: {variable}", show(value)


def show(value: object) -> str:
    """A value as it is printed; nothing where it cannot be."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - whatever a repr of somebody else raises
        return ""
