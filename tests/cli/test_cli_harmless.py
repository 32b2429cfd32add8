"""What came from outside moves no cursor, is no markup, and is no formula of a spreadsheet."""

import csv
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import Refusal
from iletimerkezi_async.cli.named import REFUSED_COLUMNS, NameFile
from iletimerkezi_async.cli.output import one_line, to_json
from iletimerkezi_async.numbers import clean_number

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]

#: Clears the screen, colours, goes back, begins a line; by 7-bit and 8-bit codes; turns the direction of reading.
EVIL = "A\x1b[2J\x9b31m\r\b\nB\u202e\u2066C\x7f\u2028"
HARMLESS = one_line(EVIL)
ANSWERS: dict[str, dict[str, object]] = {
    "get-sender": {"senders": {"sender": [EVIL]}},
    "get-reports": {"count": "1", "orders": [{"id": "7", "status": "114", "sender": EVIL, "total": "1"}]},
    "get-report": {"order": {"id": "7", "status": "114", "total": "1", "message": [{"number": EVIL, "status": "111"}]}},
    "get-blacklist": {"blacklist": {"count": "1", "number": [EVIL]}},
    "consent": {"consent": {
        "recipient": EVIL, "recipientType": EVIL, "type": EVIL, "status": EVIL, "source": EVIL,
        "consentDate": "2026-11-01 09:00:00",
    }},
}  # fmt: skip


class _Evil(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        payload = ANSWERS[self.path.removeprefix("/v1/").split("/")[0]]
        answer = {"response": {"status": {"code": "200", "message": "x"}, **payload}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def evil(iletimerkezi: "Command") -> Iterator["Command"]:
    """The command, pointed at a service whose every word is an escape sequence."""
    server = HTTPServer(("127.0.0.1", 0), _Evil)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    iletimerkezi.env["ILETIMERKEZI_BASE_URL"] = f"http://127.0.0.1:{server.server_port}/v1"
    yield iletimerkezi
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "arguments",
    [("senders",), ("orders",), ("report", "7"), ("blacklist", "list"),
     ("consent", "check", "5301234567", "--brand", "1", "--recipient-type", "bireysel")],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["plain", "json"])
def test_the_words_of_the_service_move_no_cursor(
    arguments: tuple[str, ...], json_too: tuple[str, ...], evil: "Command"
) -> None:
    """Neither plain, where they are on one line, nor as JSON, which tells them all the same; in a terminal or not."""
    result = evil(*arguments, *json_too)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.split("\n")
    assert all(line.expandtabs().isprintable() for line in lines)
    if json_too:
        assert EVIL in json.loads(result.stdout).values()
    else:
        assert HARMLESS in result.stdout
        assert len(lines) == (4 if arguments[0] == "consent" else 2)


def test_a_terminal_gets_no_escape_sequence(evil: "Command") -> None:
    """Where it would do harm."""
    for arguments in (("senders",), ("blacklist", "list"), ("orders",)):
        code, screen = evil.in_terminal(*arguments)
        assert code == 0
        assert all(line.isprintable() for line in screen.replace("\r\n", "\n").split("\n"))


def test_a_list_is_no_markup_and_moves_no_cursor(iletimerkezi: "Command", tmp_path: Path) -> None:
    """Neither its name, nor its headers, nor its numbers and texts."""
    name = "l\x1b[2J.csv"
    (tmp_path / name).write_text("Tel [red]\x1b[31m;ad\n5301234567;\x9b2J\n\x1b[1m;x\n", encoding="utf-8")
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    arguments = ("bulk", "{ad}.", "--to", name, "--dry-run")
    _, screen = iletimerkezi.in_terminal(*arguments)
    assert "Tel [red] [31m" in screen or "Tel [red][31m" in screen
    assert "\x1b[2J" not in screen
    assert "\x1b[31m" not in screen
    assert "\x9b" not in screen
    result = iletimerkezi(*arguments)
    assert all(line.isprintable() for line in (result.stdout + result.stderr).split("\n"))


@given(st.text(), st.text())
def test_json_tells_everything_in_printable_characters(name: str, value: str) -> None:
    """It is the same object after reading."""
    name, value = (text.encode("utf-8", "ignore").decode() for text in (name, value))
    line = to_json({name: value}).decode()
    assert line[-1] == "\n"
    assert line[:-1].isprintable()
    assert json.loads(line) == {name: value}


@pytest.mark.parametrize(
    "number",
    ["=1+1", '=HYPERLINK("http://a.example";"x")', "+1+1", "-1+1", "@SUM(1)", " =1+1", "\t=1+1", "\r=1+1", "\n=1",
     "＝1+1", '="05301234567x"', "+90530", "\x1b[2J=1"],
)  # fmt: skip
def test_the_refused_are_no_formulas(number: str, tmp_path: Path) -> None:
    """A spreadsheet that opens the file shows them as text; the reason too."""
    path = tmp_path / "refused.csv"
    file = NameFile("--refused", str(path), REFUSED_COLUMNS, ())
    assert file.write([Refusal(number, number), Refusal("+905301234567", "x")], 2) == str(path)
    _, row, last = csv.reader(path.read_text("utf-8").splitlines())
    for field in row:
        assert field.isprintable()
        assert field.strip()[0] not in "=+-@＝\t"
        assert one_line(number) in {field, field.removeprefix("'")}
    # A number stays one, so that the file can be sent to again.
    assert clean_number(last[0]) == "+905301234567"
    assert last[0] == "+905301234567"


def test_a_text_may_begin_with_a_dash(
    in_process: Run, sandbox: "Sandbox", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it cannot be an option it is a text; where it may be one, it is told how."""
    monkeypatch.setenv("ILETIMERKEZI_IYS", "off")
    for text in ("-%50 indirim", "- 5 TL", "-şok", "--%", "-hafta sonu -h", "-50"):
        assert in_process("send", text, "5301234567").returncode == 0
    assert in_process("send", "--", "-indirim", "5301234567").returncode == 0
    assert [order.texts[0][0] for order in sandbox.orders] == [
        "-%50 indirim", "- 5 TL", "-şok", "--%", "-hafta sonu -h", "-50", "-indirim",
    ]  # fmt: skip
    result = in_process("send", "-indirim", "5301234567")
    assert result.returncode == 2
    assert 'Before a text that begins with a dash, write two dashes: -- "-indirim" 5301234567' in result.stderr
    (tmp_path / "l.txt").write_text("5301234568", encoding="utf-8")
    assert in_process("bulk", "-%50", "--to", "l.txt").returncode == 0
    assert sandbox.deliveries["+905301234568"] == 1


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r\n\r\n", ""])
def test_a_piped_text_has_the_line_ends_of_an_sms(end: str, iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """One for those of Windows, and none at the end: 155 letters are one SMS."""
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    process = iletimerkezi.start("send", "-", "5301234567", "--json")
    assert process.stdin
    process.stdin.buffer.write(f"{'a' * 100}\r\n{'b' * 54}{end}".encode())
    told = json.loads(iletimerkezi.end(process).stdout)
    assert (told["parts"], told["units"]) == (1, 155)
    assert sandbox.orders[0].texts[0][0] == f"{'a' * 100}\n{'b' * 54}"
