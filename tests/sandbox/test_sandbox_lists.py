"""Senders, the blacklist and consents."""

from typing import Any

import pytest
from sandbox_wire import ONE, TWO, ask, frozen, send

from iletimerkezi_async.sandbox import Sandbox, Style


def test_senders() -> None:
    """get-sender lists the approved senders."""
    _, response = ask(Sandbox(), "get-sender")
    assert response["senders"] == {"sender": ["APITEST", "FIRMA"]}


def test_unknown_operation() -> None:
    """An operation that does not exist is 404, whatever the body."""
    assert Sandbox().handle("get-nothing", b"").status == 404


@pytest.mark.parametrize("operation", ["get-blacklist", "add-blacklist", "delete-blacklist"])
def test_blacklist_structure(operation: str) -> None:
    """A blacklist request without its object is 400, save for the whole list, where it can be left out."""
    code = 200 if operation == "get-blacklist" else 400
    assert ask(Sandbox(), operation)[0] == code
    nothing: object
    for nothing in ([], {}, "", None):
        assert ask(Sandbox(), "get-blacklist", blacklist=nothing)[0] == 200
        assert ask(Sandbox(), "get-blacklist", blacklist={"filter": nothing})[0] == 200
    assert ask(Sandbox(), operation, blacklist=[])[0] == code
    assert ask(Sandbox(), operation, blacklist="dun")[0] == 400
    assert ask(Sandbox(), "get-blacklist", blacklist={"filter": "dun"})[0] == 400


def test_blocking() -> None:
    """Numbers can be blocked twice and unblocked once; they come back with +90, oldest first."""
    sandbox = Sandbox(blocked=[TWO])
    for number in ("+90 530 123 45 67", 5301234567, "905301234567"):
        assert ask(sandbox, "add-blacklist", blacklist={"number": number})[0] == 200
    _, response = ask(sandbox, "get-blacklist", blacklist={})
    assert response["blacklist"] == {"count": 2, "number": ["+905301234568", "+905301234567"]}
    assert send(sandbox, ONE) == 452
    assert ask(sandbox, "delete-blacklist", blacklist={"number": ONE})[0] == 200
    assert ask(sandbox, "delete-blacklist", blacklist={"number": ONE})[0] == 474
    assert send(sandbox, ONE) == 200


@pytest.mark.parametrize("number", ["4301234567", "05301234567", "+495301234567", "", None, ..., [ONE], True, 530])
@pytest.mark.parametrize("operation", ["add-blacklist", "delete-blacklist"])
def test_bad_blocked_number(operation: str, number: object) -> None:
    """What is no Turkish mobile number is 466."""
    assert ask(Sandbox(), operation, blacklist={} if number is ... else {"number": number})[0] == 466


def test_blacklist_pages() -> None:
    """The count is that of the whole list on every page."""
    numbers = [f"+90{5301230000 + position}" for position in range(1205)]
    sandbox = Sandbox(blocked=numbers)
    pages = [ask(sandbox, "get-blacklist", blacklist={"page": page})[1]["blacklist"] for page in (1, 2, 3)]
    assert [page["count"] for page in pages] == [1205, 1205, 1205]
    assert [number for page in pages for number in page["number"]] == numbers
    _, response = ask(sandbox, "get-blacklist", blacklist={"page": "121", "rowCount": "10"})
    assert response["blacklist"]["number"] == numbers[1200:]


def test_blacklist_filter() -> None:
    """A filter keeps the numbers added in its time, both ends included; the count stays that of the account."""
    sandbox = frozen("2026-05-06 12:00:00")
    assert ask(sandbox, "add-blacklist", blacklist={"number": ONE})[0] == 200
    sandbox.advance(seconds=1.5)
    assert ask(sandbox, "add-blacklist", blacklist={"number": TWO})[0] == 200

    def kept(**bounds: Any) -> list[str]:
        _, response = ask(sandbox, "get-blacklist", blacklist={"page": 1, "filter": bounds})
        assert response["blacklist"]["count"] == 2
        return [number[-1] for number in response["blacklist"]["number"]]

    assert kept() == ["7", "8"]
    assert kept(start="2026-05-06 12:00:00", end="2026-05-06 12:00:01") == ["7", "8"]
    assert kept(start="2026-05-06 12:00:01") == ["8"]
    assert kept(end="2026-05-06 12:00:00") == ["7"]
    assert kept(start="2026-05-06 12:00:02", end="") == []
    assert ask(sandbox, "get-blacklist", blacklist={"filter": {"start": "2026-05-06"}})[0] == 400


CONSENT = {
    "recipient": "+905301234567",
    "recipientType": "BIREYSEL",
    "type": "MESAJ",
    "status": "ONAY",
    "source": "HS_WEB",
    "consentDate": "2026-05-06 11:59:59",
}
QUESTION = {"recipient": "+905301234567", "recipientType": "BIREYSEL", "type": "MESAJ", "brandCode": "BRAND"}


def register(sandbox: Sandbox, *records: Any, brand: object = "BRAND") -> int:
    """Register consents; return the code."""
    return ask(sandbox, "consent/create", consent={"brandCode": brand, "list": list(records)})[0]


def test_consent() -> None:
    """A registered consent is shown as it was given, and the latest one counts."""
    sandbox = frozen()
    assert register(sandbox, CONSENT, {**CONSENT, "recipient": "musteri@example.com", "type": "EPOSTA"}) == 200
    code, response = ask(sandbox, "consent/show", consent=QUESTION)
    assert (code, response["consent"]) == (200, {"brandCode": "BRAND", **CONSENT})
    assert register(sandbox, {**CONSENT, "status": "RET"}) == 200
    assert ask(sandbox, "consent/show", consent=QUESTION)[1]["consent"]["status"] == "RET"


def test_unknown_consent() -> None:
    """No record is 422."""
    assert ask(frozen(), "consent/show", consent=QUESTION)[0] == 422


@pytest.mark.parametrize(
    ("empty", "shown"), [("list", [[]]), ("object", [{}]), ("string", [""]), ("null", [None]), ("absent", [])]
)
def test_empty_consent(empty: Any, shown: list[object]) -> None:
    """No record can be 200 with nothing in place of the record; bad values are 422 even so."""
    sandbox = frozen(unknown_consent="empty", style=Style(empty=empty))
    code, response = ask(sandbox, "consent/show", consent=QUESTION)
    assert (code, [response[name] for name in response if name == "consent"]) == (200, shown)
    assert ask(sandbox, "consent/show", consent={**QUESTION, "type": "MEKTUP"})[0] == 422


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "5301234567"},
        {"recipient": "+90 530 123 45 67"},
        {"recipient": "+904301234567"},
        {"recipient": "musteri@"},
        {"recipient": None},
        {"recipientType": "bireysel"},
        {"recipientType": None},
        {"type": "SMS"},
        {"status": "EVET"},
        {"source": "WEB"},
        {"source": "HS_"},
        {"source": None},
        {"consentDate": "2026-05-06"},
        {"consentDate": "06/05/2026 11:59"},
        {"consentDate": "2026-05-03 11:59:59"},
        {"consentDate": "2026-05-06 12:00:01"},
    ],
)
def test_bad_consent(change: dict[str, Any]) -> None:
    """One bad value is 422 and registers nothing at all."""
    sandbox = frozen(style=Style(empty="null"))
    assert register(sandbox, CONSENT, {**CONSENT, **change}) == 422
    assert ask(sandbox, "consent/show", consent=QUESTION)[0] == 422


def test_three_days() -> None:
    """A consent of exactly three days ago still counts."""
    assert register(frozen(), {**CONSENT, "consentDate": "2026-05-03 12:00:00"}) == 200


def test_number_of_consents() -> None:
    """From 1 to 5,000 records a request."""
    sandbox = frozen()
    records = [{**CONSENT, "recipient": f"+90{5301230000 + position}"} for position in range(5001)]
    assert register(sandbox) == 422
    assert register(sandbox, *records) == 422
    assert register(sandbox, *records[:-1]) == 200
    assert register(sandbox, "kedi") == 422


@pytest.mark.parametrize("brand", [696422, "696422"])
@pytest.mark.parametrize("brands", [[696422], ["696422"]])
def test_brand_of_digits(brands: list[Any], brand: object) -> None:
    """A brand code is taken as text or as an integer, and answered as an integer, or as text where all values are."""
    for style, kind in ((Style(), int), (Style.strings(), str)):
        sandbox = frozen(brands=brands, style=style)
        assert register(sandbox, CONSENT, brand=brand) == 200
        shown = ask(sandbox, "consent/show", consent={**QUESTION, "brandCode": brand})[1]["consent"]["brandCode"]
        assert (type(shown), int(shown)) == (kind, 696422)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"recipient": "5301234567"}, "list.1.recipient"),
        ({"recipientType": "bireysel"}, "list.1.recipientType"),
        ({"type": "SMS"}, "list.1.type"),
        ({"status": "EVET"}, "list.1.status"),
        ({"source": "WEB"}, "list.1.source"),
        ({"consentDate": "dun"}, "list.1.consentDate"),
    ],
)
def test_errors_of_fields(change: dict[str, Any], field: str) -> None:
    """A 422 tells which field of which record is wrong, in Turkish; or nothing in older styles."""
    asked = {"brandCode": "BRAND", "list": [CONSENT, {**CONSENT, **change}]}
    code, response = ask(frozen(), "consent/create", consent=asked)
    assert (code, list(response["errors"])) == (422, [field])
    assert response["errors"][field]
    assert "errors" not in ask(frozen(style=Style.seeds()), "consent/create", consent=asked)[1]


@pytest.mark.parametrize("brand", [True, 1.5, "KEDI", "brand", "", None, ["BRAND"]])
def test_brand(brand: object) -> None:
    """A brand code without a subscription is 403, before any value is looked at."""
    sandbox = frozen()
    assert register(sandbox, "kedi", brand=brand) == 403
    assert ask(sandbox, "consent/show", consent={**QUESTION, "brandCode": brand})[0] == 403


def test_consent_structure() -> None:
    """A consent request without its object or its list is 400."""
    sandbox = frozen()
    assert ask(sandbox, "consent/create")[0] == 400
    assert ask(sandbox, "consent/create", consent={"brandCode": "BRAND", "list": CONSENT})[0] == 400
    assert ask(sandbox, "consent/show", consent=[])[0] == 400
    assert ask(sandbox, "consent/show", consent={"brandCode": "BRAND"})[0] == 422
