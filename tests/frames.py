"""What an error tracker would send of an error."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

from iletimerkezi_async import BulkError, JournalError


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
