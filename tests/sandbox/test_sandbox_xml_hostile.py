"""XML that is meant to do harm, or is none at all."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from canned import NO_TLS
from hypothesis import example, given
from hypothesis import strategies as st
from sandbox_wire import body
from test_sandbox_xml import COMPLETE, REPORT

from iletimerkezi_async.sandbox import Sandbox
from iletimerkezi_async.sandbox.codes import Refusal
from iletimerkezi_async.sandbox.notations import parse_xml
from iletimerkezi_async.sandbox.service import OPERATIONS

LAUGHS = "".join(f'<!ENTITY lol{level} "{f"&lol{level - 1};" * 10}">' for level in range(1, 10))
ORDER = COMPLETE.partition("?>")[2]
NAMELESS = ORDER.replace("Test mesaji.", "]]>&x;<![CDATA[")

HOSTILE: dict[str, str | bytes | Callable[[], str]] = {
    "billion laughs": f'<!DOCTYPE lolz [<!ENTITY lol0 "lol">{LAUGHS}]>{NAMELESS.replace("&x;", "&lol9;")}',
    "quadratic blow-up": f'<!DOCTYPE x [<!ENTITY x "{"a" * 100_000}">]>{NAMELESS.replace("&x;", "&x;" * 1000)}',
    "external entity": f'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>{NAMELESS}',
    "external subset": f'<!DOCTYPE request SYSTEM "http://127.0.0.1:9/x.dtd">{ORDER}',
    "parameter entity": f'<!DOCTYPE x [<!ENTITY % x SYSTEM "file:///etc/passwd">%x;]>{ORDER}',
    "harmless type": f"<!DOCTYPE request>{ORDER}",
    "default attributes": f'<!DOCTYPE request [<!ATTLIST request x CDATA "y">]>{ORDER}',
    "unknown entity": NAMELESS,
    "inclusion only": '<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></x>',
    "UTF-16": COMPLETE.replace("UTF-8", "UTF-16").encode("utf-16"),
    "UTF-16 without a mark": COMPLETE.replace("UTF-8", "UTF-16").encode("utf-16-le"),
    "UTF-16 with a type": f"<!DOCTYPE request>{ORDER}".encode("utf-16"),
    "UTF-32": COMPLETE.encode("utf-32"),
    "UTF-7": COMPLETE.replace("<", "+ADw-").encode(),
    "not UTF-8": COMPLETE.replace("Test", "\u0130").encode("iso-8859-9"),
    "10 MB of depth": lambda: "<a>" * 3_500_000,
    "10 MB of elements": lambda: f"<request>{'<a/>' * 2_500_000}</request>",
    "10 MB of a name": lambda: "<" + "a" * 10_000_000,
    "10 MB of an attribute": lambda: f'<request a="{"b" * 10_000_000}">',
    "10 MB of attributes": lambda: "<request " + " ".join(f'a{index}=""' for index in range(900_000)) + ">",
    "10 MB of a comment": lambda: "<!--" + "b" * 10_000_000,
    "10 MB of text": lambda: f"<request>{'b' * 10_000_000}</request>",
    "10 MB of escapes": lambda: f"<request>{'&lt;' * 2_500_000}</request>",
    "10 MB of blanks": lambda: " " * 10_000_000,
    "10 MB of fields": lambda: "a=b&" * 2_500_000,
    "10 MB of a field": lambda: "data=" + "%3C" * 3_000_000,
    "10 MB of parts": lambda: "--a\r\n" + "\r\n--a" * 2_000_000,
    "two roots": ORDER + ORDER,
    "cut": COMPLETE[:-12],
    "misspelt": COMPLETE.replace("</sender>", "</Sender>"),
    "bare ampersand": COMPLETE.replace("<![CDATA[Test mesaji.]]>", "Ali & Veli"),
    "control character": COMPLETE.replace("Test", "Te\x00st"),
    "another root": COMPLETE.replace("request>", "order>"),
    "text only": "<request>demo</request>",
    "empty root": "<request/>",
    "JSON": body(),
    "nothing": "",
    "mark only": "\ufeff",
    "empty field": "data=",
    "another field": "xml=" + quote_plus(COMPLETE),
    "nested field": "data=data%3D" + quote_plus(quote_plus(COMPLETE)),
    "field not UTF-8": "data=%ff%3Crequest%2F%3E",
    "part without a field": '--x\r\nContent-Disposition: form-data; name="xml"\r\n\r\n' + COMPLETE + "\r\n--x--",
    "part without an end of its head": '--x\r\nname="data"',
}


def content_of(name: str) -> bytes:
    content = HOSTILE[name]
    # What is large is made when it is needed.
    content = content() if callable(content) else content
    return content.encode() if isinstance(content, str) else content


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    """Each is 400, nothing is sent, and nothing of it comes back."""
    sandbox = Sandbox()
    reply = sandbox.handle("send-sms", content_of(name), xml=True)
    assert reply.status == 400
    assert len(reply.body) < 300
    assert b"root:" not in reply.body
    assert not sandbox.orders


def test_hostile_over_a_socket() -> None:
    """The server answers as well, and goes on."""
    with Sandbox().serve() as url, httpx.Client(trust_env=False, verify=NO_TLS) as http:
        for name in ("billion laughs", "external entity", "UTF-16", "10 MB of depth"):
            assert http.post(f"{url}/send-sms", content=content_of(name)).status_code == 400
        assert http.post(f"{url}/send-sms", content=COMPLETE.encode()).status_code == 200


def test_the_largest_order() -> None:
    """Fifty thousand numbers are no attack, nor are as many texts."""
    sandbox = Sandbox()
    numbers = "".join(f"<number>{5301230000 + index}</number>\n" for index in range(50_000))
    head, tail = COMPLETE.split("<number>5301234567</number>")
    assert sandbox.handle("send-sms", f"{head}{numbers}{tail}".encode(), xml=True).status == 452
    kept = tail.partition("<message>")[0].replace("<number>5301234568</number>", "") + "</order></request>"
    assert sandbox.handle("send-sms", f"{head}{numbers}{kept}".encode(), xml=True).status == 200
    each = "".join(
        f"<message><text>{index}</text><receipents><number>{5301230000 + index}</number></receipents></message>"
        for index in range(50_000)
    )
    many = f"{COMPLETE.partition('<message>')[0]}{each}</order></request>"
    assert sandbox.handle("send-sms", many.encode(), xml=True).status == 200
    assert sandbox.deliveries.total() == 100_000


NAMES = st.sampled_from(["request", "authentication", "order", "message", "text", "receipents", "number", "list", "id"])
VALUES = st.sampled_from(["demo", "FIRMA", "0", "5301234567", "", " ", "&lt;", "&#10;", "<![CDATA[<a>]]>", "<!-- -->"])


def _element(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("<{0}>{1}</{0}>".format, NAMES, st.lists(inner, max_size=4).map("".join))


ELEMENTS = st.recursive(VALUES | st.builds("<{0}>{1}</{0}>".format, NAMES, VALUES), _element, max_leaves=20)
CREDENTIALS = "<authentication><key>demo</key><hash>demo</hash></authentication>"


@given(st.sampled_from([*OPERATIONS, "get-nothing"]), ELEMENTS)
def test_any_elements_get_an_answer(operation: str, inner: str) -> None:
    """Whatever elements come, the answer is one of the service's codes, in XML that can be read."""
    content = f"<request>{CREDENTIALS}{inner}</request>".encode()
    reply = Sandbox().handle(operation, content, xml=True)
    code = ET.fromstring(reply.body).findtext("status/code")
    assert code == str(reply.status)
    assert 200 <= reply.status <= 474


@given(st.binary(max_size=200))
@example(b"--")
@example(b"--\r\n\r\n")
@example(b"data=%")
@example(b"<?xml?>")
def test_any_bytes_get_an_answer(content: bytes) -> None:
    """What is no request is 400."""
    assert Sandbox().handle("send-sms", content, xml=True).status == 400


@given(st.sampled_from([COMPLETE, REPORT, "data=" + quote_plus(COMPLETE)]), st.data())
def test_spoilt_requests_get_an_answer(document: str, data: Any) -> None:
    """A good request with bytes cut out or put in is answered, whatever it has become."""
    content = document.encode()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 30)))
    spoilt = content[:start] + data.draw(st.binary(max_size=10)) + content[end:]
    for operation in ("send-sms", "get-report"):
        reply = Sandbox().handle(operation, spoilt, xml=True)
        ET.fromstring(reply.body)
        assert 200 <= reply.status <= 474


@given(ELEMENTS)
def test_read_as_others_read_it(inner: str) -> None:
    """A reader of another make finds the same elements, and the same text in those that hold no others."""
    document = f"<request>{inner}</request>"
    root = ET.fromstring(document)
    try:
        read = parse_xml(document.encode())
    except Refusal:
        mixed = any(
            len(part) and "".join([part.text or "", *(x.tail or "" for x in part)]).strip() for part in root.iter()
        )
        assert mixed or not len(root)
        return
    assert read == _read(root)


def _read(element: ET.Element) -> Any:
    if not len(element):
        text = element.text or ""
        return text if element.tag == "text" else text.strip(" \t\r\n")
    found: dict[str, list[Any]] = {}
    for part in element:
        found.setdefault(part.tag, []).append(_read(part))
    return {name: parts if len(parts) > 1 or name == "list" else parts[0] for name, parts in found.items()}
