import pytest

from iletimerkezi_async import OrderAcceptedError, OutcomeUnknownError, RecipientError, errors
from iletimerkezi_async.cli.messages import describe


def test_the_advice_for_an_unknown_outcome() -> None:
    """The line says how to find out whether an order was taken, without sending twice."""
    line = describe(OutcomeUnknownError("the answer was lost", "send-sms"))
    assert line.startswith("send-sms: the answer was lost: repeating the call within 10 minutes cannot send twice")


def test_the_advice_for_an_order_that_was_taken() -> None:
    """An order that was taken without an id must not be sent again."""
    assert "do not send it again. It may be one of 7, 8" in describe(OrderAcceptedError((7, 8)))


def test_many_bad_numbers_are_not_a_flood() -> None:
    """A list of bad numbers is cut."""
    error = RecipientError(452, "bad", "send-sms", numbers=tuple(map(str, range(100))))
    assert describe(error).endswith("'19' and 80 more are not phone numbers; nothing was sent")


def test_bad_numbers_come_with_what_is_wrong() -> None:
    """The line gives each reason once, after the numbers."""
    error = RecipientError(452, "bad", "send-sms", numbers=("+5301234567", "yok", "+5301234568", "530123456.0"))
    assert describe(error).endswith(
        "are not phone numbers; nothing was sent; the plus has no country code after it; write +90, or leave out the "
        "plus; there are not ten digits before its decimal point"
    )


def test_what_was_refused_here_is_told_without_codes() -> None:
    """Nobody at a terminal need know the operations of the service."""
    assert (
        describe(errors.EmptyTextError(454, "the text is empty", "send-sms")) == "the text is empty; nothing was sent"
    )


def test_an_error_of_ours_keeps_its_contents_to_itself() -> None:
    """What nobody foresaw is named with its place, but not quoted, as it may hold a secret."""
    with pytest.raises(ValueError, match="sahte") as caught:
        raise ValueError("sahte-anahtar")
    line = describe(caught.value)
    assert line.startswith("unexpected ValueError at test_cli_messages.py:")
    assert "sahte" not in line


def test_a_missing_package_names_the_extra() -> None:
    """A command that lacks a package says how to get it."""
    error = ModuleNotFoundError("No module named 'rich'", name="rich")
    assert describe(error) == "rich is missing; the command needs: pip install 'iletimerkezi-async[cli]'"
    assert describe(ImportError("serving needs uvicorn")) == "serving needs uvicorn"


def test_errors_from_the_service_are_told_in_its_words() -> None:
    """The service's text is in the line, with the error's own advice, once."""
    assert describe(errors.api_error(400, "Yok", "send-sms", 400)) == "send-sms: 400 Yok"
    assert describe(errors.api_error(402, "Bakiye yetersiz.", "send-sms", 402)) == (
        "send-sms: 402 Bakiye yetersiz: top up the account; see `iletimerkezi balance`, or `get_balance`"
    )


def test_an_address_without_its_version_is_told() -> None:
    """A 404, in JSON or not, is explained by a `base_url` without `/v1`."""
    advice = "check the `base_url`, which must end with /v1"
    assert describe(errors.api_error(404, "Yok", "get-balance", 404)) == f"get-balance: 404 Yok: {advice}"
    assert describe(errors.TransportError("no JSON", "get-balance", 404)).endswith(advice)
