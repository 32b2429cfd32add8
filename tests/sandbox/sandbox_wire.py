"""What the sandbox's tests say on the wire, written down without the client's help."""

from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

from iletimerkezi_async.sandbox import Sandbox

TURKEY = timezone(timedelta(hours=3))
AUTHENTICATION = {"key": "demo", "hash": "demo"}
ONE = "5301234567"
TWO = "5301234568"
THREE = "5301234569"


def body(**content: Any) -> bytes:
    """Wrap content in a request with the right credentials."""
    return orjson.dumps({"request": {"authentication": AUTHENTICATION, **content}})


def ask(sandbox: Sandbox, operation: str, **content: Any) -> tuple[int, dict[str, Any]]:
    """Ask without I/O; return the code and the response."""
    response = orjson.loads(sandbox.handle(operation, body(**content)).body)["response"]
    return int(response["status"]["code"]), response


def message(*numbers: Any, text: Any = "Test mesaji.") -> dict[str, Any]:
    """Build one message object."""
    return {"text": text, "receipents": {"number": list(numbers)}}


def order(*numbers: Any, text: Any = "Test mesaji.", **more: Any) -> dict[str, Any]:
    """Build a good order; a keyword overrides a field, and ``...`` removes it."""
    fields: dict[str, Any] = {
        "sender": "FIRMA",
        "iys": "0",
        "sendDateTime": [],
        "message": message(*(numbers or (ONE,)), text=text),
    }
    fields |= more
    return {name: value for name, value in fields.items() if value is not ...}


def send(sandbox: Sandbox, *numbers: Any, text: Any = "Test mesaji.", **more: Any) -> int:
    """Send an order; return the code."""
    return ask(sandbox, "send-sms", order=order(*numbers, text=text, **more))[0]


def accepted(sandbox: Sandbox, *numbers: Any, text: Any = "Test mesaji.", **more: Any) -> int:
    """Send an order that has to be accepted; return its id."""
    code, response = ask(sandbox, "send-sms", order=order(*numbers, text=text, **more))
    assert code == 200
    return int(response["order"]["id"])


def frozen(now: str = "2026-05-06 12:00:00", **options: Any) -> Sandbox:
    """Build a sandbox whose clock stands still, save for ``advance``, with ids that can be foretold."""
    sandbox = Sandbox(**({"first_id": 42_800_001} | options))
    moment = datetime.strptime(now, "%Y-%m-%d %H:%M:%S").replace(tzinfo=TURKEY)
    clock = sandbox._service.clock
    clock._source = moment.timestamp
    clock._latest = datetime.min.replace(tzinfo=TURKEY)
    return sandbox
