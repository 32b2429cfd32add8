"""The variations in type, and the HTTP around the answers."""

from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import pytest
from sandbox_wire import ONE, THREE, TWO, accepted, ask, body, frozen, order

from iletimerkezi_async.sandbox import Sandbox, Style


@pytest.mark.parametrize(
    ("numbers", "written"),
    [
        ("e164", "+905301234567"),
        ("plain", "905301234567"),
        ("national", "5301234567"),
        ("trunk", "05301234567"),
        ("spaced", "+90 530 123 45 67"),
        ("integer", 5301234567),
    ],
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
    report = ask(sandbox, "get-report", order={"id": response["order"]["id"]})[1]["order"]
    orders = ask(sandbox, "get-reports", filter={"start": "2026-05-06", "end": "2026-05-06"})[1]
    blacklist = ask(sandbox, "get-blacklist", blacklist={})[1]["blacklist"]
    values = [
        response["status"]["code"],
        response["order"]["id"],
        report["message"][0]["status"],
        orders["count"],
        blacklist["count"],
    ]
    for described in (report, orders["orders"][0]):
        values += [described[name] for name in ("id", "status", "total", "delivered", "undelivered", "waiting")]
    assert code == 200
    assert {type(value) for value in values} == {kind}


def test_as_written_now() -> None:
    """By default ids are strings where an order stands alone, everything else that counts is a number."""
    sandbox = frozen(amount="10.584", balance=70)
    id = ask(sandbox, "send-sms", order=order(ONE, TWO, THREE))[1]["order"]["id"]
    report = ask(sandbox, "get-report", order={"id": id})[1]["order"]
    listed = ask(sandbox, "get-reports", filter={"start": "2026-05-06", "end": "2026-05-06"})[1]
    assert ask(sandbox, "get-balance")[1]["balance"] == {"amount": 10.584, "sms": 67}
    assert (id, report["id"], listed["orders"][0]["id"]) == ("42800001", "42800001", 42800001)
    assert (report["status"], report["total"], report["message"][0]["status"]) == (113, 3, 110)
    assert (listed["count"], listed["orders"][0]["status"]) == (1, 113)
    assert report["price"] == "3,0000"


@pytest.mark.parametrize(
    ("form", "sms_price", "written"),
    [
        ("comma", "0.0372", "0,0372"),
        ("comma", "0", "0,0000"),
        ("point", "1.25", "1.2500"),
        ("number", "1", 1),
        ("number", "0.5", 0.5),
        ("digits", "1", "1"),
        ("digits", "0.5", "0.5"),
    ],
)
def test_prices(form: Any, sms_price: str, written: object) -> None:
    """The price has been seen in all these forms."""
    sandbox = frozen(style=Style(price=form), sms_price=sms_price)
    price = ask(sandbox, "get-report", order={"id": accepted(sandbox)})[1]["order"]["price"]
    assert (type(price), price) == (type(written), written)


def leaves(value: Any) -> list[Any]:
    """Return the values in an answer that hold no others."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if inner is None else [leaf for part in inner for leaf in leaves(part)]


def test_presets() -> None:
    """The default has a name; one preset has strings only, one writes no field that came after the first documents."""
    assert Style.live() == Style()
    sandbox = frozen(style=Style.strings(), brands=[696422])
    report = ask(sandbox, "get-report", order={"id": accepted(sandbox)})[1]
    answers = [report, *(ask(sandbox, name)[1] for name in ("get-balance", "get-sender", "get-blacklist"))]
    answers += [ask(sandbox, "get-reports", filter={"start": "2026-05-06", "end": "2026-05-06"})[1]]
    assert {type(leaf) for answer in answers for leaf in leaves(answer)} == {str}
    sandbox = frozen(style=Style.seeds())
    report = ask(sandbox, "get-report", order={"id": accepted(sandbox)})[1]["order"]
    assert ask(frozen(style="seeds", balance=999_999), "get-balance") == ask(sandbox, "get-balance")
    assert report == {"id": 42800001, "status": 113, "message": [{"number": ONE, "status": 110}]}
    assert ask(sandbox, "get-balance")[1]["balance"] == {"amount": "0", "sms": "999999"}


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
        assert str(bare[1]["id"]) == report["id"]
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


def test_unknown_preset() -> None:
    """Nor is there any other preset."""
    options: dict[str, Any] = {"style": "kedi"}
    with pytest.raises(ValueError, match="style is one of live, seeds, strings"):
        Sandbox(**options)


def test_cookie() -> None:
    """A cookie may be set, beside faults, too."""
    sandbox = Sandbox(style=Style(cookie=True))
    sandbox.fail("get-balance", "html-502")
    for _ in range(2):
        assert "set-cookie" in dict(sandbox.handle("get-balance", body()).headers)


@pytest.mark.parametrize("name", ["numbers", "scalars", "balance", "price", "single", "empty", "http_status"])
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
