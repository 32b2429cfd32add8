"""The variations in type, and the HTTP around the answers."""

from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import pytest
from sandbox_wire import ONE, TWO, accepted, ask, body, frozen

from iletimerkezi_async.sandbox import Sandbox, Style


@pytest.mark.parametrize(
    ("numbers", "written"), [("e164", "+905301234567"), ("national", "5301234567"), ("integer", 5301234567)]
)
def test_numbers(numbers: Any, written: object) -> None:
    """Numbers come back in the chosen form, in reports and in the blacklist."""
    sandbox = frozen(style=Style(numbers=numbers))
    id = accepted(sandbox, ONE, TWO)
    assert ask(sandbox, "get-report", order={"id": id})[1]["order"]["message"][0]["number"] == written
    ask(sandbox, "add-blacklist", blacklist={"number": ONE})
    assert ask(sandbox, "get-blacklist", blacklist={})[1]["blacklist"]["number"] == [written]


@pytest.mark.parametrize(("scalars", "kind"), [("int", int), ("str", str)])
def test_scalars(scalars: Any, kind: type) -> None:
    """Codes, ids, states and counters are integers or strings, all of them."""
    sandbox = frozen(style=Style(scalars=scalars), blocked=[TWO])
    code, response = ask(
        sandbox,
        "send-sms",
        order={"sender": "FIRMA", "iys": "0", "message": {"text": "a", "receipents": {"number": ONE}}},
    )
    order = ask(sandbox, "get-report", order={"id": response["order"]["id"]})[1]["order"]
    orders = ask(sandbox, "get-reports", filter={"start": "2026-05-06", "end": "2026-05-06"})[1]
    blacklist = ask(sandbox, "get-blacklist", blacklist={})[1]["blacklist"]
    values = [
        response["status"]["code"],
        response["order"]["id"],
        order["message"][0]["status"],
        orders["count"],
        blacklist["count"],
    ]
    for described in (order, orders["orders"][0]):
        values += [described[name] for name in ("id", "status", "total", "delivered", "undelivered", "waiting")]
    assert code == 200
    assert {type(value) for value in values} == {kind}


def repeated(sandbox: Sandbox, numbers: int) -> list[dict[str, Any]]:
    """Return the parents of each repeated element, with as many entries."""
    id = accepted(sandbox, *[5301234567 + position for position in range(numbers or 1)])
    page = 1 if numbers else 2
    return [
        ask(sandbox, "get-report", order={"id": id, "page": page})[1]["order"],
        ask(sandbox, "get-reports", filter={"start": "2026-05-06", "end": "2026-05-06", "page": page})[1],
        ask(sandbox, "get-blacklist", blacklist={"page": page})[1]["blacklist"],
        ask(sandbox, "get-sender")[1]["senders"],
    ]


def test_single_entries() -> None:
    """One entry is a list, or in the other style the bare entry."""
    for style in (Style(), Style(single="value")):
        sandbox = frozen(style=style, senders=["FIRMA"], blocked=[TWO])
        report, reports, blacklist, senders = repeated(sandbox, 1)
        entries = [report["message"], reports["orders"], blacklist["number"], senders["sender"]]
        bare = entries if style.single == "value" else [entry for (entry,) in entries]
        assert all(isinstance(entry, list) for entry in entries) == (style.single == "list")
        assert bare[0] == {"number": "+905301234567", "status": 110}
        assert bare[1]["id"] == report["id"]
        assert bare[2:] == ["+905301234568", "FIRMA"]


def test_many_entries_are_lists() -> None:
    """Two entries are a list in every style."""
    report = repeated(frozen(style=Style(single="value")), 2)[0]
    assert len(report["message"]) == 2


@pytest.mark.parametrize(
    ("empty", "written"), [("list", []), ("object", {}), ("string", ""), ("null", None), ("absent", ...)]
)
def test_no_entries(empty: Any, written: object) -> None:
    """A repeated element without entries is written in five ways."""
    sandbox = frozen(style=Style(empty=empty))
    report, reports, blacklist, _ = repeated(sandbox, 0)
    assert [report.get("message", ...), reports.get("orders", ...), blacklist.get("number", ...)] == [written] * 3
    nobody = Sandbox(senders=[], style=Style(empty=empty))
    assert ask(nobody, "get-sender")[1]["senders"].get("sender", ...) == written


@pytest.mark.parametrize(("http_status", "status"), [("code", 450), ("200", 200)])
def test_http_status(http_status: Any, status: int) -> None:
    """The HTTP status repeats the code, or is always 200; the code inside is the same."""
    sandbox = Sandbox(style=Style(http_status=http_status))
    content = body(order={"sender": "BASKA", "message": {"text": "a", "receipents": {}}})
    reply = sandbox.handle("send-sms", content)
    assert reply.status == status
    assert orjson.loads(reply.body)["response"]["status"]["code"] == 450


@pytest.mark.parametrize("name", ["numbers", "scalars", "single", "empty", "http_status"])
def test_unknown_style(name: str) -> None:
    """A style that does not exist is refused at once."""
    options: dict[str, Any] = {name: "kedi"}
    with pytest.raises(ValueError, match=name):
        Style(**options)


def test_headers() -> None:
    """Replies name their type, their length and the sandbox's time, and nothing else."""
    sandbox = frozen("2026-05-06 23:30:00")
    sandbox.advance(hours=1)
    reply = sandbox.handle("get-balance", body())
    headers = dict(reply.headers)
    assert set(headers) == {"content-type", "content-length", "date"}
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(reply.body))
    assert parsedate_to_datetime(headers["date"]).isoformat() == "2026-05-06T21:30:00+00:00"


def test_refusals_hold_nothing_but_the_status() -> None:
    """A refusal has no payload, and its message is Turkish text."""
    code, response = ask(Sandbox(), "send-sms", order={"sender": "", "message": {"text": "", "receipents": {}}})
    assert (code, set(response), set(response["status"])) == (459, {"status"}, {"code", "message"})
    assert response["status"]["message"] == "Gönderici adı boş bırakılmış"
