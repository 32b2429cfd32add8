"""The error tree: every class can be told apart, printed and pickled."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

import iletimerkezi_async as im
from iletimerkezi_async import errors

NUMBER = "5301234567"
RESULT = im.BulkResult(
    (im.Order(7, 1),), 1, (), 0, (im.Failure((im.Message("Kodunuz 1234", NUMBER),), im.ConfigurationError("x")),), 2
)

EXAMPLES: list[im.IletimerkeziError] = [
    im.ConfigurationError("x"),
    im.WebhookError("x"),
    im.StoreError("x"),
    im.KeyConflictError("x", f"code-{NUMBER}"),
    im.SendInProgressError("x", f"code-{NUMBER}", 2.5),
    im.JournalError("x"),
    im.BulkError(RESULT, im.InsufficientBalanceError(402, "x", "send-sms", 402)),
    im.BulkError(RESULT),
    im.OrderAcceptedError((1, 2)),
    im.OrderAcceptedError(),
    im.TransportError("broke", "get-balance", 502),
    im.OutcomeUnknownError("lost", "send-sms"),
    im.ApiError(400, "x", "send-sms", 400),
    im.RecipientError(452, "x", "send-sms", numbers=(NUMBER,)),
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


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_can_be_made_of_its_args(error: im.IletimerkeziError) -> None:
    """Celery keeps errors so: as JSON, in which there is no number; what comes out is of the same class and says it."""
    kept = json.dumps(error.args)
    assert NUMBER not in kept
    twin = type(error)(*json.loads(kept))
    assert type(twin) is type(error)
    assert (str(twin), twin.args) == (str(error), type(error)(*error.args).args)
    for name in ("code", "message", "operation", "http_status", "retry_after", "candidates"):
        assert getattr(twin, name, None) == getattr(error, name, None)


def test_no_class_is_left_out_above() -> None:
    """An example of each exported error."""
    exported = {each for each in vars(im).values() if isinstance(each, type) and issubclass(each, Exception)}
    assert exported - {type(example) for example in EXAMPLES} == {im.IletimerkeziError}


def test_the_tree_is_drawn_as_it_is() -> None:
    """The drawing in the module's docstring names each class, below its parent."""
    assert errors.__doc__ is not None
    for name in errors.__all__:
        cls = getattr(errors, name)
        if isinstance(cls, type):
            assert issubclass(cls, im.IletimerkeziError)
            assert f"{name} " in errors.__doc__ or f"{name}\n" in errors.__doc__
            assert name in im.__all__


def test_who_catches_transport_errors_catches_no_doubt() -> None:
    """`except TransportError: send it again later` must not text anybody twice."""
    assert not issubclass(im.OutcomeUnknownError, im.TransportError)
    assert not issubclass(im.TransportError, im.OutcomeUnknownError)


def test_an_exception_of_a_user_s_own_class_pickles_too() -> None:
    """A subclass with another constructor."""
    error = TooMany(5)
    assert vars(pickle.loads(pickle.dumps(error))) == {"count": 5}


class TooMany(im.IletimerkeziError):
    def __init__(self, count: int) -> None:
        super().__init__(f"{count} are too many")
        self.count = count


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_text_is_the_reason_and_what_to_do(error: im.IletimerkeziError) -> None:
    """Each is there once, and can be had alone."""
    assert str(error) == ": ".join(filter(None, (error.reason, error.advice)))


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (errors.api_error(401, "", "get-balance", 401), "Allow API access"),
        (errors.api_error(402, "", "send-sms", 402), "top up the account"),
        (errors.api_error(450, "", "send-sms", 450), "spelt exactly as it was approved"),
        (errors.api_error(451, "", "send-sms", 451), "nothing was sent now"),
        (errors.api_error(455, "", "get-report", 455), "try again in a moment"),
        (errors.api_error(455, "", "cancel-order", 455), "cancelled already"),
        (errors.api_error(503, "", "get-balance", 503, retry_after=7.0), "try again in 7 s"),
        (errors.api_error(429, "", "get-balance", 429), "try again later"),
        (im.TransportError("broke", "send-sms"), "surely not sent"),
        (im.TransportError("broke", "get-balance"), "try again later"),
        (im.TransportError("HTTP 302", "get-balance", 302), "`base_url`"),
        (im.OutcomeUnknownError("lost", "send-sms"), "within 10 minutes cannot send twice"),
        (im.OutcomeUnknownError("lost", "cancel-order"), "does no harm"),
        (im.OutcomeUnknownError("lost", "consent/create"), "`check_consent`"),
        (im.OutcomeUnknownError("lost", "send-sms", advice="ask"), "ask"),
        (im.OrderAcceptedError((7,)), "do not send it again. It may be one of 7"),
    ],
)
def test_what_to_do_is_part_of_the_text(error: im.IletimerkeziError, advice: str) -> None:
    """Whoever reads the last line of a traceback knows it."""
    assert advice in error.advice
    assert advice in str(error)


def test_a_transport_error_names_the_host() -> None:
    """Which is what is wrong where a name cannot be found."""
    error = im.TransportError("cannot connect: Name or service not known", "get-balance", host="sms.example")
    assert error.host == "sms.example"
    assert error.reason == "get-balance: cannot connect: Name or service not known (sms.example)"


def test_who_refused_can_be_read() -> None:
    """A refusal of the service's carries its HTTP status, ours none."""
    assert str(im.EmptyTextError(454, "bos", "send-sms", 454)) == "send-sms: 454 bos"
    assert str(im.EmptyTextError(454, "empty", "send-sms")) == "send-sms (refused before any request): 454 empty"
