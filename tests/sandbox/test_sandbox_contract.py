"""The sandbox against the provider's documents: every operation's request, answer and refusals, written out by hand."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from sandbox_wire import frozen

from iletimerkezi_async.sandbox import Sandbox, Style
from iletimerkezi_async.wire import OPERATIONS

_CREDENTIALS = {"key": "demo", "hash": "demo"}
_ORDER: dict[str, Any] = {
    "sender": "FIRMA",
    "sendDateTime": [],
    "iys": "1",
    "iysList": "BIREYSEL",
    "message": {"text": "Test mesaji.", "receipents": {"number": ["5301234567", "905301234568", "+90 530 123 45 69"]}},
}
_QUESTION = {"brandCode": "BRAND", "recipient": "+905301234567", "recipientType": "BIREYSEL", "type": "MESAJ"}
_RECORD = {
    "recipient": "+905301234567", "recipientType": "BIREYSEL", "type": "MESAJ", "status": "ONAY", "source": "HS_WEB",
    "consentDate": "2026-05-06 11:59:59",
}  # fmt: skip

_TODAY = {"start": "2026-05-06 00:00:00", "end": "2026-05-06 23:59:59"}

#: A good request to each operation, beside its credentials. The account is that of `service`.
REQUESTS: dict[str, dict[str, Any]] = {
    "get-balance": {},
    "send-sms": {"order": _ORDER},
    "get-report": {"order": {"id": 42800001, "page": 1, "rowCount": 1000}},
    "cancel-order": {"order": {"id": 42800002}},
    "get-reports": {"filter": {"start": "2026-05-06", "end": "2026-05-16", "page": 1}},
    "get-sender": {},
    "get-blacklist": {"blacklist": {"page": 1, "rowCount": 1000, "filter": _TODAY}},
    "add-blacklist": {"blacklist": {"number": "5309999998"}},
    "delete-blacklist": {"blacklist": {"number": "5309999999"}},
    "consent/create": {"consent": {"brandCode": "BRAND", "list": [_RECORD]}},
    "consent/show": {"consent": _QUESTION},
}

_LISTED = {
    "id": 42800001, "status": 114, "total": 2, "delivered": 1, "undelivered": 1, "waiting": 0,
    "submitAt": "2026-05-06 12:00:00", "sendAt": "2026-05-06 12:00:00", "sender": "APITEST",
}  # fmt: skip
_WAITING = {
    "id": 42800002, "status": 113, "total": 1, "delivered": 0, "undelivered": 0, "waiting": 1,
    "submitAt": "2026-05-06 12:00:00", "sendAt": "2026-05-06 13:00:00", "sender": "FIRMA",
}  # fmt: skip

#: What stands beside the status in each good answer.
ANSWERS: dict[str, dict[str, Any]] = {
    "get-balance": {"balance": {"amount": 134, "sms": 7538}},
    "send-sms": {"order": {"id": "42800003"}},
    "get-report": {
        "order": {
            **_LISTED,
            "id": "42800001",
            "price": "2,0000",
            "message": [{"number": "+905301234560", "status": 111}, {"number": "+905301234561", "status": 112}],
        }
    },
    "cancel-order": {},
    "get-reports": {"count": 2, "orders": [_WAITING, _LISTED]},
    "get-sender": {"senders": {"sender": ["APITEST", "FIRMA"]}},
    "get-blacklist": {"blacklist": {"count": 1, "number": ["+905309999999"]}},
    "add-blacklist": {},
    "delete-blacklist": {},
    "consent/create": {},
    "consent/show": {"consent": {**_QUESTION, **_RECORD}},
}

#: Each operation's documented refusals.
CODES: dict[str, set[int]] = {
    "get-balance": {400, 401, 404},
    "send-sms": {400, 401, 402, 450, 451, 452, 453, 454, 457, 468, 469, 470},
    "get-report": {400, 401, 404, 455, 456},
    "cancel-order": {400, 401, 404, 455},
    "get-reports": {400, 401, 404, 458},
    "get-sender": {400, 401, 404},
    "get-blacklist": {400, 401, 404},
    "add-blacklist": {400, 401, 404, 466},
    "delete-blacklist": {400, 401, 404, 466, 474},
    "consent/create": {400, 401, 403, 422},
    "consent/show": {400, 401, 403, 422},
}

#: What to change in the good request, so that it is refused with each code: the place, and what is put there. 400, 401
#: and 404 are made in the same way for all.
MISTAKES: list[tuple[str, int, str, Any]] = [
    ("send-sms", 402, "order.message.text", "a" * 1066),
    ("send-sms", 450, "order.sender", "Firma"),
    ("send-sms", 451, "order.message", {"text": "Ilk", "receipents": {"number": ["5301234561", "5301234560"]}}),
    ("send-sms", 452, "order.message.receipents.number", ["5301234567", "530123456"]),
    ("send-sms", 452, "order.message.receipents.number", ["5301234567", "5309999999"]),
    ("send-sms", 453, "order.message.text", "a" * 1067),
    ("send-sms", 454, "order.message.text", ""),
    ("send-sms", 457, "order.sendDateTime", ["2026-05-07 09:00"]),
    ("send-sms", 459, "order.sender", ""),
    ("send-sms", 460, "order.sender", "ONIKIHARFLII"),
    ("send-sms", 468, "order.iys", ""),
    ("send-sms", 469, "order.iysList", ""),
    ("get-report", 455, "order.id", 428),
    ("get-report", 456, "order.id", 42800002),
    ("get-report", 464, "order.page", 0),
    ("cancel-order", 455, "order.id", 42800001),
    ("cancel-order", 455, "order.id", 428),
    ("get-reports", 458, "filter.end", "2026-05-17"),
    ("get-reports", 458, "filter.end", "2026-05-05"),
    ("get-reports", 464, "filter.page", 0),
    ("get-blacklist", 464, "blacklist.page", 0),
    ("add-blacklist", 466, "blacklist.number", "2121234567"),
    ("delete-blacklist", 466, "blacklist.number", "2121234567"),
    ("delete-blacklist", 474, "blacklist.number", "5301234567"),
    ("consent/create", 403, "consent.brandCode", "BASKA"),
    ("consent/create", 422, "consent.list", []),
    ("consent/create", 422, "consent.list", [_RECORD] * 5001),
    ("consent/create", 422, "consent.list", [{**_RECORD, "consentDate": "2026-05-03 11:59:59"}]),
    ("consent/show", 403, "consent.brandCode", "BASKA"),
    ("consent/show", 422, "consent.recipient", "+905301234568"),
]


@pytest.fixture
def service() -> Sandbox:
    """An account with an order that is finished, one that waits, a blocked number, and a consent."""
    sandbox = frozen(balance=7540, amount="134.0000", undelivered=["5301234561"])
    first = {
        "sender": "APITEST",
        "iys": "0",
        "message": {"text": "Ilk", "receipents": {"number": ["5301234560", "5301234561"]}},
    }
    second = {
        "sender": "FIRMA",
        "iys": "0",
        "sendDateTime": ["06/05/2026 13:00"],
        "message": [{"text": "Ikinci", "receipents": {"number": 5301234562}}],
    }
    for order in (first, second):
        assert ask(sandbox, "send-sms", {"order": order})[0] == 200
    assert ask(sandbox, "consent/create", REQUESTS["consent/create"])[0] == 200
    assert ask(sandbox, "add-blacklist", {"blacklist": {"number": "5309999999"}})[0] == 200
    sandbox.advance(seconds=1)
    return sandbox


def ask(sandbox: Sandbox, operation: str, fields: object, **credentials: str) -> tuple[int, dict[str, Any]]:
    """Send a whole document; the HTTP status, and the response without its message, which is there."""
    content: dict[str, Any] = {"authentication": _CREDENTIALS | credentials}
    content |= fields if isinstance(fields, dict) else {}
    reply = sandbox.handle(operation, orjson.dumps({"request": content}))
    document = orjson.loads(reply.body)
    assert set(document) == {"response"}
    response: dict[str, Any] = document["response"]
    assert response["status"].pop("message").strip()
    return reply.status, response


def change(fields: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """A copy of a request with another value at a place."""
    changed = copy.deepcopy(fields)
    *containers, last = place.split(".")
    inner = changed
    for name in containers:
        inner = inner[name]
    assert last in inner
    inner[last] = value
    return changed


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_good_request_has_its_answer(operation: str, service: Sandbox) -> None:
    """Each documented field is there, and no other; the code stands in the HTTP status as well."""
    assert ask(service, operation, REQUESTS[operation]) == (200, {"status": {"code": 200}, **ANSWERS[operation]})


@pytest.mark.parametrize(("operation", "code", "place", "value"), MISTAKES)
def test_a_mistake_has_its_code(operation: str, code: int, place: str, value: Any, service: Sandbox) -> None:
    """In the HTTP status and in the body, with nothing beside it but the fields that a 422 is about."""
    if code == 402:
        service = frozen(balance=20)
    fields = change(REQUESTS[operation], place, value)
    status, response = ask(service, operation, fields)
    assert bool(response.pop("errors", None)) == (code == 422)
    assert (status, response) == (code, {"status": {"code": code}})


@pytest.mark.parametrize("operation", REQUESTS)
def test_what_every_operation_refuses(operation: str, service: Sandbox) -> None:
    """400 for a body that cannot be read, 401 for another's key or hash, 404 for an address that is none."""
    for body in (b"", b"<request></request>", b"[]", b'{"request": {}}', b'{"request": {"authentication": []}}'):
        assert service.handle(operation, body).status == 400
    for wrong in ({"key": "Demo"}, {"hash": ""}):
        assert ask(service, operation, REQUESTS[operation], **wrong) == (401, {"status": {"code": 401}})
    assert ask(service, f"{operation}x", REQUESTS[operation]) == (404, {"status": {"code": 404}})
    if REQUESTS[operation] and operation != "get-blacklist":
        assert ask(service, operation, {}) == (400, {"status": {"code": 400}})


def test_every_operation_is_here() -> None:
    """In each of the tables above."""
    assert REQUESTS.keys() == ANSWERS.keys() == CODES.keys() == OPERATIONS.keys()


def test_no_documented_code_is_forgotten() -> None:
    """Of each operation's table, beside those that all have; 470 needs another account."""
    shown = {(operation, code) for operation, code, _, _ in MISTAKES} | {("send-sms", 470)}
    documented = {(operation, code) for operation, codes in CODES.items() for code in codes - {400, 401, 404}}
    assert documented <= shown


def test_an_account_without_a_registry_code() -> None:
    """It cannot have the registry asked, and cannot ask it."""
    service = frozen(brands=())
    assert ask(service, "send-sms", REQUESTS["send-sms"]) == (470, {"status": {"code": 470}})
    assert ask(service, "consent/show", REQUESTS["consent/show"])[0] == 403


@pytest.mark.parametrize("code", [200, 401, 455])
def test_codes_as_text(code: int) -> None:
    """In the style of the XML samples, refusals included."""
    service = frozen(style=Style(scalars="str"))
    operation = "get-report" if code == 455 else "get-balance"
    status, response = ask(service, operation, REQUESTS[operation], **({"key": ""} if code == 401 else {}))
    assert (status, response["status"]) == (code, {"code": str(code)})


def test_a_report_asked_for_without_its_page() -> None:
    """The page defaults to 1, and its rows to 1000, which is the most; the rest is on the next one."""
    service = frozen()
    numbers = [5301230000 + index for index in range(1001)]
    order = change(REQUESTS["send-sms"], "order.message.receipents.number", numbers)
    assert ask(service, "send-sms", order)[1]["order"] == {"id": "42800001"}
    pages = [{"id": 42800001, **page} for page in ({}, {"page": 1}, {"rowCount": 1001}, {"page": 2})]
    rows = [ask(service, "get-report", {"order": page})[1]["order"]["message"] for page in pages]
    assert [len(each) for each in rows] == [1000, 1000, 1000, 1]
    assert [row["number"] for row in rows[0] + rows[3]] == [f"+90{number}" for number in numbers]


def test_the_states_of_a_scheduled_order() -> None:
    """456 until its time, then 113, then 114; or 115 for ever after it was cancelled with its id."""
    service = frozen(delivery_seconds=60)
    ids = []
    for text in ("Bir", "Iki"):
        order = change(REQUESTS["send-sms"], "order.sendDateTime", ["06/05/2026 12:01"])
        ids.append(ask(service, "send-sms", change(order, "order.message.text", text))[1]["order"]["id"])
    assert len(set(ids)) == 2
    assert ask(service, "cancel-order", {"order": {"id": str(ids[1])}})[0] == 200
    seen = []
    for _ in range(4):
        answers = [ask(service, "get-report", {"order": {"id": id}}) for id in ids]
        seen.append([answer["order"]["status"] if code == 200 else code for code, answer in answers])
        service.advance(seconds=59.5)
    assert seen == [[456, 115], [456, 115], [113, 115], [114, 115]]
    assert service.deliveries == {"+905301234567": 1, "+905301234568": 1, "+905301234569": 1}
