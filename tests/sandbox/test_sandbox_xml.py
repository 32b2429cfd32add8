"""The XML of the first documents: their samples word for word, and what public clients make of them."""

import re
from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import httpx
import pytest
from canned import NO_TLS
from sandbox_wire import AUTHENTICATION, ONE, TWO, accepted, ask, body, frozen, order
from test_sandbox_contract import CODES, MISTAKES, REQUESTS, change

from iletimerkezi_async.sandbox import Sandbox, Style, Weather

BALANCE = """\
<request>
<authentication>
<key></key>
<hash></hash>
</authentication>
</request>
"""

REPORT = """\
<?xml version="1.0" encoding="UTF-8" ?>
<request>
<authentication>
<key>demo</key>
<hash>demo</hash>
</authentication>
<order>
<id>428</id>
<page>1</page>
<rowCount>5</rowCount>
</order>
</request>
"""

SEND = """\
<?xml version="1.0" encoding="UTF-8" ?>
<request>
<authentication>
<key>demo</key>
<hash>demo</hash>
</authentication>
<order>
<sender>APITEST</sender>
<sendDateTime>23/04/2022 09:00</sendDateTime>
<message>
<text><![CDATA[Test mesaji.]]></text>
<receipents>
<number>5301234567</number>
<number>5301234568</number>
</receipents>
</message>
<message>
<text><![CDATA[Demo mesaji.]]></text>
<receipents>
<number>5301234569</number>
<number>5301234560</number>
</receipents>
</message>
</order>
</request>
"""

#: The same with the field that its page calls mandatory.
COMPLETE = SEND.replace("<message>", "<iys>0</iys>\n<message>", 1)


def answer(sandbox: Sandbox, operation: str, document: str | bytes) -> tuple[int, str]:
    """Ask in XML; return the HTTP status and the answer, whose message is there and is left out."""
    content = document.encode() if isinstance(document, str) else document
    reply = sandbox.handle(operation, content, xml=True)
    written = reply.body.decode()
    assert dict(reply.headers)["content-type"] == "text/xml; charset=utf-8"
    assert written.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<response>\n<status>\n')
    shown, messages = re.subn(r"<message>[^<>\n]+</message>\n", "", written, count=1)
    assert messages == 1
    return reply.status, shown.removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n')


def status(code: int) -> str:
    """Write the status element without its message."""
    return f"<status>\n<code>{code}</code>\n</status>\n"


def refused(code: int) -> tuple[int, str]:
    """Return what a refusal looks like."""
    return code, f"<response>\n{status(code)}</response>\n"


def test_balance() -> None:
    """The balance page's sample request has the sample answer, line by line."""
    sandbox = Sandbox(key="", hash="", balance=7538, amount="134.0000")
    balance = "<balance>\n<amount>134.0000</amount>\n<sms>7538</sms>\n</balance>\n"
    assert answer(sandbox, "get-balance", BALANCE) == (200, f"<response>\n{status(200)}{balance}</response>\n")


def test_balance_refused() -> None:
    """The sample request holds no credentials: the sample refusal."""
    assert answer(Sandbox(), "get-balance", BALANCE) == refused(401)


def test_send() -> None:
    """The sample leaves out iys, which its page calls mandatory; with it, it is one order of two texts."""
    sandbox = frozen("2022-04-22 10:00:00")
    assert answer(sandbox, "send-sms", SEND) == refused(468)
    id = "<order>\n<id>42800001</id>\n</order>\n"
    assert answer(sandbox, "send-sms", COMPLETE) == (200, f"<response>\n{status(200)}{id}</response>\n")
    (kept,) = sandbox.orders
    assert kept.send_at.isoformat() == "2022-04-23T09:00:00+03:00"
    assert [count for _, count in kept.texts] == [2, 2]
    assert kept.numbers == ("+905301234567", "+905301234568", "+905301234569", "+905301234560")


def test_report() -> None:
    """The sample request for an order that is there has the sample's answer, in the style of the samples."""
    sandbox = frozen(style=Style.seeds(), delivery_seconds=10)
    numbers = ["5301234567", "5301234568", "5301234569", "5301234560", "5301234561"]
    id = accepted(sandbox, *numbers)
    sandbox.advance(seconds=6)
    states = [111, 111, 111, 110, 110]
    rows = "".join(
        f"<message>\n<number>{number}</number>\n<status>{state}</status>\n</message>\n"
        for number, state in zip(numbers, states, strict=True)
    )
    head = f"<id>{id}</id>\n<status>113</status>\n"
    expected = f"<response>\n{status(200)}<order>\n{head}{rows}</order>\n</response>\n"
    assert answer(sandbox, "get-report", REPORT.replace("428", str(id), 1)) == (200, expected)


def test_report_refused() -> None:
    """Nobody was given the sample's id: the sample refusal."""
    assert answer(Sandbox(), "get-report", REPORT) == refused(455)


def as_xml(value: Any) -> str:
    """Write what JSON holds as the elements of a request."""
    if not isinstance(value, dict):
        return escape("" if value is None else str(value))
    parts = [(name, part) for name, inner in value.items() for part in (inner if isinstance(inner, list) else [inner])]
    return "".join(f"<{name}>{as_xml(part)}</{name}>" for name, part in parts)


def account() -> Sandbox:
    """Build an account with a finished order, a waiting one, a blocked number and a consent."""
    sandbox = frozen(balance=7540, undelivered=["5301234561"])
    accepted(sandbox, "5301234560", "5301234561", text="Ilk", sender="APITEST")
    accepted(sandbox, "5301234562", text="Ikinci", sendDateTime=["06/05/2026 13:00"])
    assert ask(sandbox, "consent/create", **REQUESTS["consent/create"])[0] == 200
    assert ask(sandbox, "add-blacklist", blacklist={"number": "5309999999"})[0] == 200
    sandbox.advance(seconds=1)
    return sandbox


@pytest.mark.parametrize("operation", REQUESTS)
def test_every_operation(operation: str) -> None:
    """The same request in either notation has the same answer, every value of it as text."""
    document = as_xml({"request": {"authentication": AUTHENTICATION, **REQUESTS[operation]}})
    _, response = ask(account(), operation, **REQUESTS[operation])
    if operation == "get-balance":
        response["balance"] = {"amount": "0", "sms": response["balance"]["sms"]}
    reply = account().handle(operation, document.encode(), xml=True)
    assert reply.status == 200
    assert reply.body.decode().partition("\n")[2].replace("\n", "") == as_xml({"response": response})


@pytest.mark.parametrize(
    ("operation", "code", "place", "value"), [mistake for mistake in MISTAKES if mistake[1] != 402]
)
def test_every_refusal(operation: str, code: int, place: str, value: Any) -> None:
    """The rules are the same, and so are their codes."""
    document = as_xml({"request": {"authentication": AUTHENTICATION, **change(REQUESTS[operation], place, value)}})
    # An empty list is written as nothing at all.
    expected = 400 if value == [] else code
    assert account().handle(operation, document.encode(), xml=True).status == expected
    assert code in CODES[operation] | {459, 460, 464}


def test_addresses() -> None:
    """Without /json at the end of the address it is XML, and the log calls the operation the same."""
    sandbox = Sandbox()
    calls: list[tuple[str, str | bytes]] = [
        ("send-sms", COMPLETE),
        ("send-sms/json", body(order=order())),
        ("get-sender", SEND),
        ("get-nothing", SEND),
        ("consent/show", SEND),
        ("send-sms", body(order=order(TWO))),
        ("send-sms/json", COMPLETE),
    ]
    with sandbox.serve() as url:
        answers = [
            httpx.post(f"{url}/{path}", content=content, trust_env=False, verify=NO_TLS) for path, content in calls
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 400, 400, 400]
    kinds = [answer.headers["content-type"].partition(";")[0] for answer in answers]
    xml, json = "text/xml", "application/json"
    assert kinds == [xml, json, xml, xml, xml, xml, json]
    operations = [operation for operation, _ in sandbox.requests]
    assert operations == ["send-sms", "send-sms", "get-sender", "get-nothing", "consent/show", "send-sms", "send-sms"]


def test_old_and_new_side_by_side() -> None:
    """An order that was sent in XML is a duplicate in JSON and can be read there, and the other way round."""
    sandbox = frozen()
    assert answer(sandbox, "send-sms", COMPLETE)[0] == 200
    messages = [
        {"text": "Test mesaji.", "receipents": {"number": ["5301234567", "5301234568"]}},
        {"text": "Demo mesaji.", "receipents": {"number": ["5301234569", "5301234560"]}},
    ]
    assert ask(sandbox, "send-sms", order=order(message=messages))[0] == 451
    assert len(ask(sandbox, "get-report", order={"id": 42800001})[1]["order"]["message"]) == 4


CONTENT_TYPES = ["text/xml", "application/xml; charset=utf-8", "application/x-www-form-urlencoded", "text/plain", ""]


def multipart(content: str) -> str:
    """Write a form with a field before the one that matters, as blocking clients post an array."""
    parts = [("action", "send"), ("data", content)]
    written = [f'--xYz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts]
    return "".join(written) + "--xYz--\r\n"


@pytest.mark.parametrize(
    "wrap",
    [
        str,
        lambda xml: "\n" + xml,
        lambda xml: "\r\n  \t" + xml,
        lambda xml: "\ufeff" + xml,
        lambda xml: xml.partition("?>")[2],
        lambda xml: "data=" + quote_plus(xml),
        lambda xml: "action=send&data=" + quote_plus("\n" + xml) + "&x=1",
        multipart,
    ],
    ids=["bare", "line end", "blanks", "mark", "undeclared", "field", "field among others", "multipart"],
)
def test_wrappings(wrap: Any) -> None:
    """Bare or in a form field, with or without a declaration, after a line end or a mark; whatever the content type."""
    for content_type in CONTENT_TYPES:
        sandbox = Sandbox()
        headers = {"Content-Type": content_type} if content_type else {}
        with sandbox.serve() as url:
            sent = httpx.post(
                f"{url}/send-sms", content=wrap(COMPLETE).encode(), headers=headers, trust_env=False, verify=NO_TLS
            )
        assert sent.status_code == 200
        assert sandbox.deliveries.total() == 4


def send(sandbox: Sandbox, **fields: str) -> int:
    """Send an order of which some elements are written otherwise; return the code."""
    usual = {
        "sender": "FIRMA",
        "sendDateTime": "",
        "iys": "0",
        "iysList": "",
        "message": f"<text>Test mesaji.</text><receipents><number>{ONE}</number></receipents>",
    } | fields
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in usual.items())
    content = f"<request>{as_xml({'authentication': AUTHENTICATION})}<order>{inner}</order></request>"
    return sandbox.handle("send-sms", content.encode(), xml=True).status


def test_white_space() -> None:
    """Around a value it is no part of it, but for the text, which is kept to the letter."""
    sandbox = frozen()
    message = f"\n<text>  Iki \n</text>\n<receipents>\n  <number>\n {ONE}\t</number>\n</receipents>\n"
    assert send(sandbox, sender="\n  FIRMA  ", iys=" 0 ", sendDateTime="\n", message=message) == 200
    assert sandbox.orders[0].messages == (("  Iki \n", "+905301234567"),)
    later = send(sandbox, sendDateTime="\n06/05/2026 13:00\n")
    assert (later, sandbox.orders[1].send_at.hour) == (200, 13)
    assert send(sandbox, sender="FIR MA") == 450


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("<![CDATA[Fiyat < 5 & > 3]]>", "Fiyat < 5 & > 3"),
        ("Fiyat &lt; 5 &amp; &gt; 3 &quot;&apos;", "Fiyat < 5 & > 3 \"'"),
        ("Ay&#351;e &#x1F44B;", "Ayşe 👋"),
        ("Ayşe 👋", "Ayşe 👋"),
        ("<![CDATA[a]]>&amp;<![CDATA[b]]>", "a&b"),
        ("bir<!-- not -->iki", "biriki"),
        ("bir\r\niki\riki", "bir\niki\niki"),
    ],
)
def test_texts(written: str, text: str) -> None:
    """A text comes in CDATA, escaped, or in pieces; line ends are those of XML."""
    sandbox = Sandbox()
    assert send(sandbox, message=f"<text>{written}</text><receipents><number>{ONE}</number></receipents>") == 200
    assert sandbox.orders[0].texts == ((text, 1),)


def test_empty_elements() -> None:
    """Pages and schedules that are empty are as good as left out, and so is an order that nobody asks for."""
    sandbox = frozen(delivery_seconds=0)
    id = accepted(sandbox)
    asked = as_xml({"authentication": AUTHENTICATION, "order": {"id": id, "page": "", "rowCount": ""}})
    assert answer(sandbox, "get-report", f"<request>{asked}</request>")[0] == 200
    empty = as_xml({"authentication": AUTHENTICATION, "order": "", "blacklist": ""})
    for operation in ("get-balance", "get-sender", "get-blacklist"):
        assert answer(sandbox, operation, f"<request>{empty}</request>")[0] == 200
        assert (
            answer(sandbox, operation, f"<request>{empty}</request>".replace("<order></order>", "<order/>"))[0] == 200
        )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"message": ""}, 400),
        ({"message": "<text>a</text>"}, 452),
        ({"message": "<text>a</text><receipents></receipents>"}, 452),
        ({"message": "<text>a</text><receipents>\n</receipents>"}, 452),
        ({"message": f"<text>a</text><recepients><number>{ONE}</number></recepients>"}, 452),
        ({"message": f"<text></text><receipents><number>{ONE}</number></receipents>"}, 454),
        ({"message": f"<text>a<b>c</b></text><receipents><number>{ONE}</number></receipents>"}, 400),
        ({"message": f"<text>a</text><text>b</text><receipents><number>{ONE}</number></receipents>"}, 400),
        ({"sender": "FIRMA</sender><sender>FIRMA"}, 400),
        ({"message": f"Merhaba<text>a</text><receipents><number>{ONE}</number></receipents>"}, 400),
        ({"sendDateTime": "06/05/2026 13:00:00"}, 200),
        ({"sendDateTime": "2026-05-06 13:00"}, 457),
        ({"sendDateTime": "06/05/2026 13:00</sendDateTime><sendDateTime>06/05/2026 14:00"}, 457),
    ],
)
def test_orders_gone_wrong(fields: dict[str, str], code: int) -> None:
    """Structure that is missing, doubled or mixed with text."""
    assert send(frozen(), **fields) == code


def test_several_consents() -> None:
    """One record is a list as well as two are."""
    record = REQUESTS["consent/create"]["consent"]["list"][0]
    for records in ([record], [record, {**record, "recipient": "musteri@example.com", "type": "EPOSTA"}]):
        asked = {"authentication": AUTHENTICATION, "consent": {"brandCode": "BRAND", "list": records}}
        sandbox = frozen()
        assert answer(sandbox, "consent/create", as_xml({"request": asked})) == (
            200,
            f"<response>\n{status(200)}</response>\n",
        )
        assert len(sandbox._service._account.consents) == len(records)


def test_faults_speak_xml() -> None:
    """What the service itself would say in a fault is XML, too; what a gateway says is not."""
    sandbox = Sandbox()
    for fault in ("503", "402", "html-502"):
        sandbox.fail("send-sms", fault)
    assert answer(sandbox, "send-sms", COMPLETE) == refused(503)
    assert answer(sandbox, "send-sms", COMPLETE) == refused(402)
    assert sandbox.handle("send-sms", COMPLETE.encode(), xml=True).body.startswith(b"<html>")


@pytest.mark.parametrize(
    ("style", "number", "price", "in_json"),
    [
        (Style(), "+905301234567", "1,0000", "1,0000"),
        (Style(numbers="integer", price="number", scalars="str", single="value"), ONE, "1", 1),
    ],
)
def test_styles(style: Style, number: str, price: str, in_json: object) -> None:
    """Numbers and prices follow the style, also in XML; types that XML does not have change nothing."""
    sandbox = frozen(style=style)
    id = accepted(sandbox)
    asked = as_xml({"request": {"authentication": AUTHENTICATION, "order": {"id": id}}})
    shown = answer(sandbox, "get-report", asked)[1]
    assert f"<number>{number}</number>" in shown
    assert f"<price>{price}</price>" in shown
    report = ask(sandbox, "get-report", order={"id": id})[1]["order"]
    assert (report["price"], isinstance(report["message"], list)) == (in_json, style.single == "list")


def test_nothing_repeated() -> None:
    """A repeated element without entries is not there, in every style, and a sender that is hidden neither."""
    for empty in ("list", "object", "string", "null"):
        options: dict[str, Any] = {"empty": empty}
        sandbox = frozen(style=Style(**options), weather=Weather(rows_missing=1, sender="absent"))
        id = accepted(sandbox)
        asked = as_xml({"request": {"authentication": AUTHENTICATION, "order": {"id": id}}})
        shown = answer(sandbox, "get-report", asked)[1]
        assert "<message>" not in shown
        assert "<sender>" not in shown


def test_unwritable_characters() -> None:
    """Characters that XML cannot hold do not make the answer unreadable."""
    sandbox = Sandbox(senders=["A\x01&<B"])
    asked = as_xml({"request": {"authentication": AUTHENTICATION}})
    assert "<sender>A\ufffd&amp;&lt;B</sender>" in answer(sandbox, "get-sender", asked)[1]
