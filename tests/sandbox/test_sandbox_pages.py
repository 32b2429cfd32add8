"""The sandbox's pages for a person: what they show, what they must not, and that looking changes nothing."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from canned import NO_TLS
from sandbox_wire import ONE, TWO, accepted, ask, body, frozen, message, order, send

from iletimerkezi_async.sandbox import Sandbox

EVIL = "<script>alert('x')</script> \"&amp; 'Sayın' <b>"
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """A parsed page: that its tags fit, its text, its links, the text of each section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: dict[str, str] = {}
        self._said: dict[str, list[str]] = {}
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.attributes: set[str] = set()
        self.style = self.script = ""
        self.feed(html)
        self.close()
        assert self.open == []
        self.sections = {name: " ".join(" ".join(said).split()) for name, said in self._said.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "style":
            self.style += data
            return
        if self.open and self.open[-1][0] == "script":
            self.script += data
            return
        self.text += data
        for tag, attributes in self.open:
            if tag == "a":
                self.links[data] = attributes["href"] or ""
            elif tag == "section":
                name = attributes["id"] or ""
                self._said.setdefault(name, []).append(data)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A browser of sorts."""
    with httpx.Client(trust_env=False, verify=NO_TLS) as client:
        yield client


def look(http: httpx.Client, url: str, path: str = "/", status: int = 200) -> Page:
    answer = http.get(url.removesuffix("/v1") + path)
    assert answer.status_code == status
    return Page(answer.text)


def test_an_empty_sandbox(http: httpx.Client) -> None:
    """Says of everything that there is none."""
    with Sandbox().serve() as url:
        page = look(http, url)
    assert set(page.sections) == {"orders", "requests", "webhooks", "faults", "blacklist"}
    assert "No order yet." in page.sections["orders"]
    assert "1,000,000" in page.text
    assert "APITEST, FIRMA" in page.text


def test_everything_is_shown(http: httpx.Client) -> None:
    """Orders newest first, requests, webhook calls, faults, blocked numbers, balance and clock."""
    sandbox = frozen(blocked=["5309999999"], undelivered=[TWO], webhook="http://127.0.0.1:9/hook?token=geheim")
    first = accepted(sandbox, ONE, TWO, text="Birinci")
    sandbox.advance(minutes=1)
    second = accepted(sandbox, message=[message(ONE, text="Ikinci"), message(TWO, text="Baska")])
    later = accepted(sandbox, ONE, text="Sonra", sendDateTime="07/05/2026 12:00")
    called_off = accepted(sandbox, ONE, text="Hic", sendDateTime="07/05/2026 12:00")
    assert ask(sandbox, "cancel-order", order={"id": called_off})[0] == 200
    assert send(sandbox, ONE, TWO, text="Birinci") == 451
    sandbox.fail("get-report", "429", times=float("inf"), retry_after=2)
    sandbox.fail("*", "drop-answer", times=3)
    assert sandbox.call_webhooks_sync() == 6
    with sandbox.serve() as url:
        page = look(http, url)
    orders = page.sections["orders"]
    places = [orders.index(str(id)) for id in (called_off, later, second, first)]
    assert places == sorted(places)
    assert orders[places[0] :].startswith(f"{called_off} cancelled FIRMA off Hic 1 0 (1 not) 1 ")
    assert f"{later} scheduled FIRMA off Sonra 1 0 1 2026-05-06 12:01:00 for 2026-05-07 12:00:00" in orders
    assert f"{second} sending FIRMA off Ikinci and 1 more 2 0 2 2026-05-06 12:01:00" in orders
    assert f"{first} finished FIRMA off Birinci 2 1 (1 not) 2 2026-05-06 12:00:00" in orders
    requests = page.sections["requests"]
    assert requests.startswith(
        "Last requests Time Operation Order Recipients Answer Reason 2026-05-06 12:01:00 send-sms 2 451"
    )
    assert (
        f"(taken 60 s ago) 2026-05-06 12:01:00 cancel-order {called_off} 200 2026-05-06 12:01:00 send-sms" in requests
    )
    assert requests.endswith(f"2026-05-06 12:00:00 send-sms {first} 2 200")
    calls = page.sections["webhooks"]
    assert f"2026-05-06 12:01:00 {first} 1042800001 +905301234567 accepted ConnectError" in calls
    assert f"2026-05-06 12:01:00 {first} 1042800002 +905301234568 undelivered ConnectError" in calls
    assert "http://127.0.0.1:9/hook" in page.sections["webhooks"]
    assert "geheim" not in page.text
    assert "get-report 429 retry after 2 s all" in page.sections["faults"]
    assert "any drop-answer 3" in page.sections["faults"]
    assert re.search(r"\+905309999999 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", page.sections["blacklist"])
    assert "2026-05-06 12:01:00" in page.text


def test_an_order_of_one_text(http: httpx.Client) -> None:
    """Its page has the text once, and each number whole with its state."""
    sandbox = frozen(undelivered=[TWO])
    id = accepted(sandbox, ONE, TWO, text="Kodunuz 1")
    with sandbox.serve() as url:
        assert look(http, url).links[str(id)] == f"/orders/{id}"
        shown = look(http, url, f"/orders/{id}").sections["messages"]
        assert shown.count("Kodunuz 1") == 1
        assert "+905301234567 on its way" in shown
        sandbox.advance(minutes=1)
        shown = look(http, url, f"/orders/{id}").sections["messages"]
    assert "1042800001 +905301234567 delivered 1042800002 +905301234568 undelivered" in shown


def test_an_order_of_several_texts(http: httpx.Client) -> None:
    """Each message stands with its own text."""
    sandbox = frozen()
    id = accepted(sandbox, message=[message(ONE, text="Bir"), message(TWO, text="Iki")])
    with sandbox.serve() as url:
        shown = look(http, url, f"/orders/{id}").sections["messages"]
    assert "+905301234567 on its way Bir" in shown
    assert "+905301234568 on its way Iki" in shown


def test_long_orders_have_pages(http: httpx.Client) -> None:
    """A thousand messages each, with links; a page that is none is the nearest one."""
    sandbox = frozen()
    numbers = [str(5300000000 + number) for number in range(2500)]
    id = accepted(sandbox, message=[message(number, text=f"Kod {number}") for number in numbers])
    with sandbox.serve() as url:
        seen: list[str] = []
        path = f"/orders/{id}"
        while path:
            page = look(http, url, path)
            rows = re.findall(r"(\d+) \+90(\d+) on its way Kod (\d+)", page.sections["messages"])
            assert all(number == text for _, number, text in rows)
            assert [int(row[0]) for row in rows] == [1042800001 + len(seen) + n for n in range(len(rows))]
            seen += [number for _, number, _ in rows]
            path = page.links.get("Next ›", "")
        assert seen == numbers
        assert page.links["‹ Previous"] == f"/orders/{id}?page=2"
        for asked, number in (("0", 1), ("-1", 1), ("kedi", 1), ("", 1), ("9", 3), ("9" * 5000, 1), ("²", 1)):
            assert f"Page {number} of 3" in look(http, url, f"/orders/{id}?page={asked}").text


def test_long_lists_are_cut(http: httpx.Client) -> None:
    """With a word about how many there are."""
    sandbox = frozen(blocked=[str(5310000000 + number) for number in range(300)])
    ids = [accepted(sandbox, ONE, text=f"Mesaj {number}") for number in range(60)]
    with sandbox.serve() as url:
        page = look(http, url)
        assert "The oldest 200 of 300." in page.sections["blacklist"]
        assert "The last 50 of 60." in page.sections["requests"]
        assert str(ids[10]) in page.sections["orders"]
        assert str(ids[9]) not in page.sections["orders"]
        assert str(ids[9]) in look(http, url, page.links["Next ›"]).sections["orders"]


def test_texts_are_only_texts(http: httpx.Client) -> None:
    """Whatever is sent is shown as it is, and never becomes a part of the page."""
    sandbox = frozen(senders=["<i>'\""])
    sandbox.handle("<img src=x onerror=alert(1)>", b"{}")
    id = accepted(sandbox, message=[message(ONE, text=EVIL), message(TWO, text="</td><h1>")], sender="<i>'\"")
    single = accepted(sandbox, ONE, text=EVIL, sender="<i>'\"")
    with sandbox.serve() as url:
        for path in ("/", f"/orders/{id}", f"/orders/{single}"):
            page = look(http, url, path)
            assert EVIL in page.text
            assert "<i>'\"" in page.text
            assert not {"b", "i", "img", "form", "link", "iframe"} & set(page.tags)
            assert page.tags.count("script") == 1
            assert not any(name.startswith("on") or name in {"style", "src"} for name in page.attributes)
        assert "<img src=x onerror=alert(1)>" in look(http, url).sections["requests"]


@pytest.mark.parametrize("path", ["/", "/orders/42800001", "/orders/1"])
def test_the_browser_is_told_to_do_nothing_else(http: httpx.Client, path: str) -> None:
    """A strict policy, with the hashes of the style and the script; nothing is kept, only the page is fetched."""
    sandbox = Sandbox(first_id=42_800_001)
    accepted(sandbox, ONE)
    with sandbox.serve() as url:
        answer = http.get(url.removesuffix("/v1") + path)
    page = Page(answer.text)
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    for kind, text in (("style-src", page.style), ("script-src", page.script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(kind) == f"'sha256-{digest}'"
    assert rules.pop("connect-src") == "'self'"
    assert rules["default-src"] == "'none'"
    assert set(rules.values()) == {"'none'"}
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"url\(|@import|//", page.style)
    assert "prefers-color-scheme: dark" in answer.text


@pytest.mark.parametrize("path", ["/orders/1", "/orders/kedi", "/orders/%3Cb%3E", "/orders/" + "9" * 5000])
def test_no_such_order(http: httpx.Client, path: str) -> None:
    """A page that says so, and repeats nothing of what was asked."""
    with Sandbox().serve() as url:
        page = look(http, url, path, 404)
    assert "No such order" in page.text
    assert "b" not in page.tags


def test_looking_changes_nothing(http: httpx.Client) -> None:
    """No request is noted, no fault is met, nothing secret is shown, and the paths take GET alone."""
    sandbox = Sandbox(key="anahtar-123", hash="ozet-456")
    sandbox.fail("*", "402")
    with sandbox.serve() as url:
        for path in ("/", "/orders/1"):
            answer = http.get(url.removesuffix("/v1") + path)
            assert "anahtar-123" not in answer.text
            assert "ozet-456" not in answer.text
        # Every browser asks for it by itself.
        assert http.get(url.removesuffix("/v1") + "/favicon.ico").status_code == 204
        assert sandbox.requests == ()
        for method in ("POST", "PUT", "DELETE"):
            answer = http.request(method, url.removesuffix("/v1") + "/")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert sandbox._service.faults.waiting()[0][2] == 1


@pytest.mark.parametrize(
    ("bad", "shown"),
    [
        ({"message": message(ONE, TWO, "12")}, "3 452 Alıcı numaraları hatalı (1 of 3 are no Turkish mobile numbers)"),
        ({"message": message(ONE, "5309999999")}, "2 452 Alıcı numaraları hatalı (1 of 2 are blocked)"),
        ({"message": message()}, "0 452 Alıcı numaraları hatalı (a text without recipients)"),
        ({"sender": "YOK"}, "1 450 Gönderici adı bu hesapta onaylı değil (approved: APITEST, FIRMA)"),
        ({"message": message(*[ONE, TWO] * 3)}, "6 402 Bakiye bu sipariş için yeterli değil (6 SMS, 5 left)"),
        ({"message": message(ONE, text="a" * 2000)}, "1 453 Metin yedi SMS boyunu aşıyor (14 parts)"),
        ({"message": []}, "send-sms 400 Gönderilen istek okunamadı"),
    ],
)
def test_the_reason_of_a_refusal(http: httpx.Client, bad: dict[str, Any], shown: str) -> None:
    """The message of the answer, and what the sandbox knows beyond it."""
    sandbox = Sandbox(first_id=42_800_001, balance=5, blocked=["5309999999"])
    send(sandbox, **bad)
    with sandbox.serve() as url:
        assert shown in look(http, url).sections["requests"]


def test_the_reason_of_other_answers(http: httpx.Client) -> None:
    """What cannot be read, is not let in, is nowhere, is wrong in a field; and what a planned fault has hidden."""
    sandbox = frozen()
    sandbox.handle("send-sms", b"kedi")
    sandbox.handle("get-balance", b"{}")
    sandbox.handle("get-balance", b'{"request": {"authentication": {"key": "gizli", "hash": "sir"}}}')
    sandbox.handle("get-nothing", b"{}")
    ask(sandbox, "consent/create", consent={"brandCode": "BRAND", "list": []})
    for fault in ("drop-answer", "503"):
        sandbox.fail("*", fault)
        send(sandbox) if fault == "503" else sandbox.handle("send-sms", body(order=order(ONE, TWO)))
    with sandbox.serve() as url:
        page = look(http, url)
    time = "2026-05-06 12:00:00"
    for reason in (
        "send-sms 400 Gönderilen istek okunamadı (not JSON)",
        "get-balance 400 Gönderilen istek okunamadı (no object request)",
        "get-balance 401 Anahtar ve hash doğrulanamadı (not the key and hash of this sandbox)",
        "get-nothing 404 Bu adreste bir yöntem yok",
        "consent/create 422 Gönderilen değerler doğrulanamadı (list: 1 ile 5000 arasında kayıt olmalı)",
        "send-sms 42800001 2 drop-answer planned; processed with 200",
        "send-sms 503 planned; not processed",
    ):
        assert f"{time} {reason}" in page.sections["requests"]
    assert "gizli" not in page.text


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing template library is named like the others."""
    import sys

    for name in ("pages", "app", "server"):
        monkeypatch.delitem(sys.modules, f"iletimerkezi_async.sandbox.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"jinja2: pip install 'iletimerkezi-async\[sandbox\]'"):
        Sandbox().serve()
