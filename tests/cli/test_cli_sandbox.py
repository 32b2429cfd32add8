import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest
from canned import NO_TLS
from waiting import PATIENCE

if TYPE_CHECKING:
    from conftest import Command

EXPORT = re.compile(r"^  (export \w+=.*)$", re.MULTILINE)


def start(iletimerkezi: "Command", *options: str) -> tuple[subprocess.Popen[str], str]:
    """Start it on a free port; return what it printed, by which time it serves."""
    process = iletimerkezi.start("sandbox", "--port", "0", *options)
    assert process.stdout
    printed = ""
    while "consent check" not in printed:
        line = process.stdout.readline()
        assert line, process.communicate()
        printed += line
    return process, printed


def paste(iletimerkezi: "Command", printed: str) -> None:
    """Set the variables as a shell does that gets the printed lines, and no others."""
    env = {name: value for name, value in iletimerkezi.env.items() if not name.startswith("ILETIMERKEZI_")}
    script = "\n".join([*EXPORT.findall(printed), "env -0"])
    shown = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    iletimerkezi.env = dict(entry.split("=", 1) for entry in shown.split("\0") if entry)


@contextmanager
def endpoint() -> Iterator[tuple[str, list[bytes], threading.Event]]:
    """Somebody who is called; the event is set once six calls have come."""
    bodies: list[bytes] = []
    enough = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            if len(bodies) == 6:
                enough.set()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks", bodies, enough
        finally:
            server.shutdown()
            thread.join()


def test_what_it_prints_can_be_pasted(iletimerkezi: "Command") -> None:
    """The exports that it prints make the command talk to it; Ctrl-C ends it without a word."""
    process, printed = start(iletimerkezi, "--balance", "77", "--delivery-seconds", "0")
    assert "nothing real is sent" in printed
    paste(iletimerkezi, printed)
    assert iletimerkezi("balance").stdout.split() == ["sms", "77", "lira", "0"]
    for command in re.findall(r'^  iletimerkezi (send) "(Kodunuz 1234)" (\d+)$', printed, re.MULTILINE):
        assert iletimerkezi(*command).returncode == 0
    assert iletimerkezi("balance").stdout.split()[1] == "76"
    result = iletimerkezi.interrupt(process)
    assert (result.returncode, result.stderr) == (130, "")


def test_consents_work_at_once(iletimerkezi: "Command") -> None:
    """The printed command asks about the printed brand; what is registered is found by it then."""
    process, printed = start(iletimerkezi, "--brand", "696422", "--brand", "BASKA")
    paste(iletimerkezi, printed)
    assert iletimerkezi.env["ILETIMERKEZI_BRAND"] == "696422"
    (command,) = re.findall(r"^  iletimerkezi (consent check .*)$", printed, re.MULTILINE)
    assert iletimerkezi(*command.split()).stdout.split() == ["status", "no", "record"]
    record = f"5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,{datetime.now(timezone.utc).isoformat(timespec='seconds')}\n"
    header = "recipient,recipient_type,type,status,source,consent_date\n"
    for brand in ("696422", "BASKA"):
        registered = iletimerkezi("consent", "register", "-", "--brand", brand, stdin=header + record)
        assert (registered.returncode, registered.stderr) == (0, "")
        assert json.loads(iletimerkezi(*command.split(), "--brand", brand, "--json").stdout)["status"] == "ONAY"
    iletimerkezi.interrupt(process)


def test_each_shell_takes_every_value(iletimerkezi: "Command") -> None:
    """In four shells' own words, whatever is in a value, and in lines of 80 columns."""
    process, printed = start(iletimerkezi, "--sender", "A'B \\$X", "--key", "anahtar 1", "--hash", "ozet-2")
    paste(iletimerkezi, printed)
    assert iletimerkezi.env["ILETIMERKEZI_SENDER"] == "A'B \\$X"
    assert iletimerkezi.env["ILETIMERKEZI_API_KEY"] == "anahtar 1"
    for line in (
        r"set -gx ILETIMERKEZI_SENDER 'A\'B \\$X'",
        r"$env:ILETIMERKEZI_SENDER = 'A''B \$X'",
        r'set "ILETIMERKEZI_SENDER=A' + r"'B \$X" + '"',
    ):
        assert f"  {line}\n" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert iletimerkezi("senders").stdout == "APITEST\nA'B \\$X\n"
    iletimerkezi.interrupt(process)


def test_what_is_to_happen_can_be_said(iletimerkezi: "Command") -> None:
    """Blocked and undelivered numbers, faults in their order, and a webhook that is called."""
    with endpoint() as (address, bodies, enough):
        options = ["--blocked", "5301234560", "--undelivered", "5301234569", "--webhook", address]
        faults = ["--fail", "send-sms=402", "--fail", "send-sms=450", "--fail", "*=401"]
        process, printed = start(iletimerkezi, "--delivery-seconds", "0", *options, *faults)
        paste(iletimerkezi, printed)
        for code in ("402", "450"):
            assert code in iletimerkezi("send", "Merhaba", "5301234567").stderr
        assert "401" in iletimerkezi("balance").stderr
        assert iletimerkezi("blacklist", "list").stdout.split()[0] == "+905301234560"
        assert "452" in iletimerkezi("send", "Merhaba", "5301234560").stderr
        assert iletimerkezi("send", "Merhaba", "5301234567", "5301234568", "5301234569").returncode == 0
        assert enough.wait(PATIENCE)
        iletimerkezi.interrupt(process)
    words = [json.loads(body)["report"]["status"] for body in bodies]
    assert words == [*["accepted"] * 3, "delivered", "delivered", "undelivered"]


def test_clients_in_use_get_through(iletimerkezi: "Command") -> None:
    """A user name and a password, no iys, and the ids as another client reads them."""
    user = {"username": "5301234567", "password": "gizli"}
    options = [f"--{name}={value}" for name, value in user.items()]
    process, printed = start(iletimerkezi, *options, "--iys-optional", "--style", "csharp")
    url = re.findall(r"https?://\S+/v1", printed)[0]
    fields = {**user, "text": "Merhaba", "receipents": "5301234567", "sender": "FIRMA"}
    with httpx.Client(trust_env=False, verify=NO_TLS) as http:
        (id,) = re.findall("<id>([0-9]+)</id>", http.get(f"{url}/send-sms/get/", params=fields).text)
        asked = {"request": {"authentication": user, "order": {"id": id}}}
        assert http.post(f"{url}/get-report/json", json=asked).json()["response"]["order"]["id"] == int(id)
    iletimerkezi.interrupt(process)


def test_each_request_is_told(iletimerkezi: "Command") -> None:
    """With --verbose, a line of each: time, operation, answer, order, how many recipients, reason; no number."""
    process, printed = start(
        iletimerkezi, "--verbose", "--fail", "get-balance=drop-answer", "--blocked", "0530 123 45 60"
    )
    paste(iletimerkezi, printed)
    sent = json.loads(iletimerkezi("send", "Merhaba", "5301234567", "5301234568", "--json").stdout)
    assert "452" in iletimerkezi("send", "Merhaba", "5301234560").stderr
    assert iletimerkezi("balance").returncode == 0
    url = re.findall(r"https?://\S+/v1", printed)[0]
    httpx.post(f"{url}/5301234567/json", content=b"{}", trust_env=False, verify=NO_TLS)
    lines = iletimerkezi.interrupt(process).stderr.splitlines()
    assert [re.fullmatch(r"iletimerkezi: [0-9]{2}:[0-9]{2}:[0-9]{2} (.+)", line)[1] for line in lines] == [
        f"send-sms 200, order {sent['id']}, recipients: 2",
        "send-sms 452, recipients: 1, Alıcı numaraları hatalı (1 of 1 are blocked)",
        "get-balance drop-answer, planned; processed with 200",
        "get-balance 200",
        "no operation 404, Bu adreste bir yöntem yok",
    ]


def test_sigterm_ends_it(iletimerkezi: "Command") -> None:
    """By a handler of its own, as the first process of a container is ended by none other."""
    process, _ = start(iletimerkezi)
    process.send_signal(signal.SIGTERM)
    result = iletimerkezi.end(process)
    assert (result.returncode, result.stderr) == (128 + signal.SIGTERM, "")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--fail", "send-sms"], "drop-answer"),
        (["--fail", "send=402"], "get-report"),
        (["--blocked", "5301234567", "--blocked", "12"], "blocked"),
        (["--username", "5301234567"], "password"),
        (["--style", "kedi"], "csharp"),
        (["--webhook", "http://sms.example/hooks"], "https://"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(iletimerkezi: "Command", options: list[str], named: str) -> None:
    """Told in one line that names it, or what there is instead."""
    result = iletimerkezi("sandbox", "--port", "0", *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(rf"iletimerkezi: .*{re.escape(named)}.*\n", result.stderr)


def test_a_port_in_use_is_one_line(iletimerkezi: "Command") -> None:
    """A port that somebody else has is named in the error."""
    port = re.findall(r":([0-9]+)", iletimerkezi.env["ILETIMERKEZI_BASE_URL"])[0]
    result = iletimerkezi("sandbox", "--port", port)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(rf"iletimerkezi: .*127\.0\.0\.1:{port}.*\n", result.stderr)
