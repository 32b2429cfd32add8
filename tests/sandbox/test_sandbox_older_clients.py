"""Clients that are in use and send less than the documents demand, as requests of our own making over a real socket."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import httpx
import orjson
import pytest
from canned import NO_TLS
from sandbox_wire import AUTHENTICATION, ONE, THREE, TWO, accepted, ask, frozen, order, send

from iletimerkezi_async.sandbox import Sandbox, Style

USER = {"username": "5301234567", "password": "gizli & <söz>"}
TEXT = "Doğrulama kodunuz: 1234 & <b>"


def xml(authentication: dict[str, str], text: str = TEXT, number: str = ONE, more: str = "") -> str:
    """An order as the provider's page of 2022 shows it: no iys, an empty schedule, line ends in front."""
    named = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in authentication.items())
    return f"""
        <request>
            <authentication>{named}</authentication>
            <order>
                <sender>FIRMA</sender>
                <sendDateTime></sendDateTime>{more}
                <message>
                    <text><![CDATA[{text}]]></text>
                    <receipents>
                        <number>{number}</number>
                    </receipents>
                </message>
            </order>
        </request>"""


def get(url: str, query: str, slash: str = "/") -> tuple[int, str]:
    """Ask for an address; the HTTP status and the body, which is XML."""
    answer = httpx.get(f"{url}/send-sms/get{slash}?{query}", trust_env=False, verify=NO_TLS)
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    return answer.status_code, answer.text


def post(url: str, content: str, content_type: str = "text/xml") -> str:
    """Post XML; the answer, which those who send it look through with a pattern."""
    headers = {"Content-Type": content_type}
    return httpx.post(f"{url}/send-sms", content=content.encode(), headers=headers, trust_env=False, verify=NO_TLS).text


@pytest.mark.parametrize("content_type", ["text/xml", "application/x-www-form-urlencoded"])
def test_the_official_verification_without_iys(content_type: str) -> None:
    """It looks for the code alone: 468 where the documents are followed, taken where the sandbox is told to."""
    with Sandbox().serve() as url:
        assert re.findall("<code>.*</code>", post(url, xml(AUTHENTICATION), content_type)) == ["<code>468</code>"]
    sandbox = Sandbox(missing_iys="off")
    with sandbox.serve() as url:
        assert re.findall("<code>.*</code>", post(url, xml(AUTHENTICATION), content_type)) == ["<code>200</code>"]
    assert sandbox.orders[0].messages == ((TEXT, "+905301234567"),)


def test_a_plugin_asks_for_the_registry_of_an_empty_iys() -> None:
    """Empty elements are none; one with a value still counts."""
    sandbox = Sandbox(missing_iys="off")
    with sandbox.serve() as url:
        post(url, xml(AUTHENTICATION, more="<iys></iys><iysList/>"))
        post(url, xml(AUTHENTICATION, number=TWO, more="<iys>1</iys><iysList>TACIR</iysList>"))
    assert [(order.iys, order.iys_list) for order in sandbox.orders] == [("0", None), ("1", "TACIR")]


@pytest.mark.parametrize("encode", [quote, quote_plus])
@pytest.mark.parametrize("slash", ["/", ""])
def test_an_order_in_an_address(encode: Callable[[str], str], slash: str) -> None:
    """Numbers with commas, the text in either encoding, consents asked for; the answer in XML, an element a line."""
    sandbox = frozen()
    fields = {
        **AUTHENTICATION, "text": TEXT, "receipents": f"{ONE},90{TWO}, {THREE},", "sender": "FIRMA", "iys": "1",
        "iysList": "BIREYSEL", "sendDateTime": "07/05/2026 09:00",
    }  # fmt: skip
    with sandbox.serve() as url:
        status, body = get(url, "&".join(f"{name}={encode(value)}" for name, value in fields.items()), slash)
        assert status == 200
        assert "<code>200</code>\n" in body
        (kept,) = sandbox.orders
        assert f"<order>\n<id>{kept.id}</id>\n</order>" in body
        # The same again is a duplicate, whoever sends it.
        assert get(url, urlencode(fields))[0] == 451
    assert kept.texts == ((TEXT, 3),)
    assert kept.numbers == ("+905301234567", "+905301234568", "+905301234569")
    assert (kept.iys, kept.iys_list, kept.sender) == ("1", "BIREYSEL", "FIRMA")
    assert kept.send_at.isoformat() == "2026-05-07T09:00:00+03:00"
    assert sandbox.requests == (("send-sms", 200), ("send-sms", 451))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hash": "baska"}, 401),
        ({"iys": None}, 468),
        ({"text": None}, 454),
        ({"text": ""}, 454),
        ({"receipents": None}, 452),
        ({"receipents": "12"}, 452),
        ({"sender": "YOK"}, 450),
        ({"sender": None}, 459),
        ({"sendDateTime": "2026-05-07"}, 457),
        ({"sendDateTime": ""}, 200),
    ],
)
def test_an_order_in_an_address_is_checked(change: dict[str, Any], code: int) -> None:
    """By the same rules as in a body; what is left out or empty is none."""
    fields = {**AUTHENTICATION, "text": TEXT, "receipents": ONE, "sender": "FIRMA", "iys": "0"} | change
    with Sandbox().serve() as url:
        status, body = get(url, urlencode({name: value for name, value in fields.items() if value is not None}))
    assert (status, f"<code>{code}</code>" in body) == (code, True)


def test_an_address_that_cannot_be_read() -> None:
    """It is 400, or 401 where nothing is in it; a planned fault meets it as any other order."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        assert [get(url, query)[0] for query in ("text=%ff", "", "&&=", "kedi")] == [400, 401, 401, 401]
        sandbox.fail("send-sms", "402")
        assert get(url, "")[0] == 402


def test_an_address_in_process() -> None:
    """The door without a socket takes it as well."""
    fields = urlencode({**AUTHENTICATION, "text": TEXT, "receipents": ONE, "sender": "FIRMA", "iys": "0"})
    sandbox = Sandbox()
    reply = sandbox._service.answer("GET", "/v1/send-sms/get/", fields.encode(), b"")
    assert (reply.status, sandbox.deliveries) == (200, {"+905301234567": 1})


def test_user_name_and_password() -> None:
    """In XML, in an address and in JSON, beside key and hash; unknown where none were given."""
    query = urlencode({**USER, "text": "Bir", "receipents": ONE, "sender": "FIRMA", "iys": "0"})
    document = orjson.dumps({"request": {"authentication": USER, "order": order(text="Uc")}})
    for options, status in (({}, 401), (USER, 200)):
        sandbox = Sandbox(**options)  # type: ignore[arg-type]  # names and values are strings
        with sandbox.serve() as url:
            assert get(url, query)[0] == status
            assert f"<code>{status}</code>" in post(url, xml(USER, "Iki", more="<iys>0</iys>"))
            assert sandbox.handle("send-sms", document).status == status
        assert send(sandbox, text="Dort") == 200
        assert len(sandbox.orders) == (4 if options else 1)


@pytest.mark.parametrize(
    "wrong", [{"username": USER["username"]}, {**USER, "password": ""}, {"username": "", "password": ""}]
)
def test_half_a_user_is_none(wrong: dict[str, str]) -> None:
    """Neither a name alone nor another password is let in, nor an empty pair where there is no user."""
    document = orjson.dumps({"request": {"authentication": wrong, "order": order()}})
    for options in ({}, USER):
        sandbox = Sandbox(**options)  # type: ignore[arg-type]  # names and values are strings
        assert sandbox.handle("send-sms", document).status == 401
        assert USER["password"] not in repr([sandbox, vars(sandbox), vars(sandbox._service), sandbox.requests])


def test_the_user_is_given_whole() -> None:
    """A name without a password, or the other way round, makes no sense."""
    with pytest.raises(ValueError, match="username and password go together"):
        Sandbox(username="5301234567")
    with pytest.raises(ValueError, match="username and password go together"):
        Sandbox(password="gizli")


@pytest.mark.parametrize(
    ("style", "sent", "told"),
    [
        ("live", str, str),
        ("csharp", str, int),
        (Style(sent_id="int", report_id="str"), int, str),
        (Style(scalars="str", report_id="int"), str, int),
        (Style(scalars="int", sent_id="str"), str, int),
    ],
)
def test_the_two_ids_are_styled_apart(style: Any, sent: type, told: type) -> None:
    """The id of an order that was just taken, and that at the head of its report; lists keep theirs."""
    sandbox = frozen(style=style)
    id = ask(sandbox, "send-sms", order=order())[1]["order"]["id"]
    report = ask(sandbox, "get-report", order={"id": id})[1]["order"]
    listed = ask(sandbox, "get-reports", filter={"start": "2026-05-06", "end": "2026-05-06"})[1]["orders"][0]
    assert (type(id), type(report["id"]), int(id)) == (sent, told, int(report["id"]))
    assert type(listed["id"]) is type(report["status"])


def test_xml_does_not_know_of_types() -> None:
    """Whatever the ids are in JSON, there they are digits."""
    sandbox = frozen(style="csharp")
    with sandbox.serve() as url:
        assert "<id>42800001</id>" in post(url, xml(AUTHENTICATION, more="<iys>0</iys>"))
    assert accepted(sandbox, TWO) == 42800002
