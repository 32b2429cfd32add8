"""The samples of the provider's documents; those that are XML there stand here as their JSON twins."""

from typing import Any

import orjson
import pytest
from sandbox_wire import accepted, ask, frozen

from iletimerkezi_async.sandbox import Sandbox, Style


def answer(sandbox: Sandbox, operation: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send a whole document; return the HTTP status and the response without its message."""
    reply = sandbox.handle(operation, orjson.dumps(document))
    response = orjson.loads(reply.body)["response"]
    assert response["status"].pop("message")
    return reply.status, response


def test_balance() -> None:
    """The balance page's sample request has the sample answer, types included."""
    sandbox = Sandbox(key="", hash="", balance=18343, style=Style.seeds())
    document = {"request": {"authentication": {"key": "", "hash": ""}}}
    expected = {"status": {"code": 200}, "balance": {"amount": "0", "sms": "18343"}}
    assert answer(sandbox, "get-balance", document) == (200, expected)


def test_balance_refused() -> None:
    """The balance page's sample refusal: 401 in the HTTP status and inside, and nothing beside it."""
    document = {"request": {"authentication": {"key": "", "hash": ""}}}
    assert answer(Sandbox(), "get-balance", document) == (401, {"status": {"code": 401}})


def test_balance_in_lira() -> None:
    """The XML sample's answer, in the style where every value is a string."""
    sandbox = Sandbox(balance=7538, amount="134.0000", style=Style.strings())
    document = {"request": {"authentication": {"key": "demo", "hash": "demo"}}}
    expected = {"status": {"code": "200"}, "balance": {"amount": "134.0000", "sms": "7538"}}
    assert answer(sandbox, "get-balance", document) == (200, expected)


SEND: dict[str, Any] = {
    "authentication": {"key": "demo", "hash": "demo"},
    "order": {
        "sender": "APITEST",
        "sendDateTime": ["23/04/2022 09:00"],
        "message": [
            {"text": "Test mesaji.", "receipents": {"number": ["5301234567", "5301234568"]}},
            {"text": "Demo mesaji.", "receipents": {"number": ["5301234569", "5301234560"]}},
        ],
    },
}


def test_send_as_printed() -> None:
    """The send-sms page's sample leaves out iys, which the same page calls mandatory."""
    sandbox = frozen("2022-04-22 10:00:00")
    assert answer(sandbox, "send-sms", {"request": SEND}) == (400 + 68, {"status": {"code": 468}})


def test_send_completed() -> None:
    """With iys the sample is one order of four messages in two parts, waiting for its time."""
    sandbox = frozen("2022-04-22 10:00:00")
    document = {"request": {**SEND, "order": {**SEND["order"], "iys": "0"}}}
    status, response = answer(sandbox, "send-sms", document)
    (order,) = sandbox.orders
    assert status == 200
    assert response == {"status": {"code": 200}, "order": {"id": str(order.id)}}
    assert order.sender == "APITEST"
    assert order.send_at.isoformat() == "2022-04-23T09:00:00+03:00"
    assert order.numbers == ("+905301234567", "+905301234568", "+905301234569", "+905301234560")
    # The test sender has a text of its own.
    assert [count for _, count in order.texts] == [2, 2]
    assert {text for text, _ in order.texts}.isdisjoint({"Test mesaji.", "Demo mesaji."})
    assert not sandbox.deliveries


def test_send_too_late() -> None:
    """Today the sample's schedule is long past: it goes out at once, or is refused where that is chosen."""
    document = {"request": {**SEND, "order": {**SEND["order"], "iys": "0"}}}
    sandbox = Sandbox()
    assert answer(sandbox, "send-sms", document)[0] == 200
    assert sandbox.deliveries.total() == 4
    assert answer(Sandbox(past_schedules="refuse"), "send-sms", document)[0] == 457


@pytest.mark.parametrize("body", [b"", b"<request></request>", b"{", b"[]", b'{"request": []}', b'{"request": {}}'])
def test_send_refused(body: bytes) -> None:
    """The send-sms page's sample refusal: 400 for what cannot be read, XML included."""
    reply = Sandbox().handle("send-sms", body)
    assert reply.status == 400
    assert orjson.loads(reply.body)["response"]["status"]["code"] == 400


def test_report() -> None:
    """The get-report page's sample, amid the delivery: its order and its five rows, in its own types."""
    numbers = ["5301234567", "5301234568", "5301234569", "5301234560", "5301234561"]
    style = Style(numbers="national", scalars="str", late_fields=False)
    sandbox = frozen(delivery_seconds=10, style=style)
    id = accepted(sandbox, *numbers)
    sandbox.advance(seconds=6)
    code, response = ask(sandbox, "get-report", order={"id": id, "page": 1, "rowCount": 5})
    assert code == 200
    assert response["order"] == {
        "id": str(id),
        "status": "113",
        "message": [
            {"number": "5301234567", "status": "111"},
            {"number": "5301234568", "status": "111"},
            {"number": "5301234569", "status": "111"},
            {"number": "5301234560", "status": "110"},
            {"number": "5301234561", "status": "110"},
        ],
    }


def test_report_refused() -> None:
    """The get-report page's sample refusal: 455 for the sample's id, which nobody was given."""
    document = {"request": {"authentication": {"key": "demo", "hash": "demo"}, "order": {"id": "428"}}}
    assert answer(Sandbox(), "get-report", document) == (455, {"status": {"code": 455}})
