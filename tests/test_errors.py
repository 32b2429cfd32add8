"""The error tree: every class can be told apart, printed and pickled."""

from __future__ import annotations

import copy
import pickle

import pytest

import iletimerkezi_async as im
from iletimerkezi_async import errors

EXAMPLES: list[im.IletimerkeziError] = [
    im.ConfigurationError("x"),
    im.WebhookError("x"),
    im.JournalError("x"),
    im.BulkError(im.BulkResult((), 0, (), 0, (), 0), im.ConfigurationError("x")),
    im.BulkError(im.BulkResult((), 0, (), 0, (), 0)),
    im.OrderAcceptedError((1, 2)),
    im.OrderAcceptedError(),
    im.TransportError("broke", "get-balance", 502),
    im.OutcomeUnknownError("lost", "send-sms"),
    im.ApiError(400, "x", "send-sms", 400),
    im.RecipientError(452, "x", "send-sms", numbers=("530",)),
    im.UnavailableError(429, "x", "send-sms", 429, retry_after=1.5),
    *(errors.api_error(code, "Olmaz", "send-sms", code) for code in (401, 402, 403, 450, 451, 453, 454)),
    *(errors.api_error(code, "Olmaz", "get-report", None) for code in (455, 456, 457, 458, 474, 503, 599)),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_pickles_whole(error: im.IletimerkeziError, protocol: int) -> None:
    """Queues and process pools hand errors on: class, text and fields come along."""
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert type(twin) is type(error)
    assert (str(twin), repr(twin), twin.args) == (str(error), repr(error), error.args)
    assert repr(vars(twin)) == repr(vars(error))
    assert vars(copy.copy(error)) == vars(error)


def test_the_tree_is_drawn_as_it_is() -> None:
    """The drawing in the module's docstring names each class, below its parent."""
    assert errors.__doc__ is not None
    for name in errors.__all__:
        cls = getattr(errors, name)
        if isinstance(cls, type):
            assert issubclass(cls, im.IletimerkeziError)
            assert f"{name} " in errors.__doc__ or f"{name}\n" in errors.__doc__
            assert name in im.__all__


def test_an_exception_of_a_user_s_own_class_pickles_too() -> None:
    """A subclass with another constructor."""
    error = TooMany(5)
    assert vars(pickle.loads(pickle.dumps(error))) == {"count": 5}


class TooMany(im.IletimerkeziError):
    def __init__(self, count: int) -> None:
        super().__init__(f"{count} are too many")
        self.count = count


def test_who_refused_can_be_read() -> None:
    """A refusal of the service's carries its HTTP status, ours none."""
    assert str(im.EmptyTextError(454, "bos", "send-sms", 454)) == "send-sms: 454 bos"
    assert str(im.EmptyTextError(454, "empty", "send-sms")) == "send-sms (refused before any request): 454 empty"
