import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from waiting import PATIENCE

from iletimerkezi_async.cli.webhook import _is_loopback

if TYPE_CHECKING:
    from conftest import Command


def _report(**changes: object) -> dict[str, object]:
    fields = {"id": 7, "packet_id": 42, "status": "delivered", "to": "+905301234567", "body": "Kodunuz 1234"}
    return {"report": fields | changes}


@contextmanager
def _listening(iletimerkezi: "Command", *arguments: str, **streams: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = iletimerkezi.start("webhook", "--port", "0", *arguments, **streams)
    try:
        assert process.stderr
        line = process.stderr.readline()
        (url,) = re.findall(r"^Listening at (http://\S+) for delivery reports. Ctrl-C ends it\.$", line)
        assert "only to https addresses" in process.stderr.readline()
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_reports_are_printed(iletimerkezi: "Command") -> None:
    """Each is a line with the whole number; what is none is refused and noted, without what it said."""
    with _listening(iletimerkezi, "--path", "/gizli-4711") as (process, url), httpx.Client() as service:
        assert url.endswith("/gizli-4711")
        assert service.post(url, json=_report(status="accepted")).status_code == 200
        assert service.post(url, json=_report(body="Satır\n\x1b[31m\tiki")).status_code == 200
        assert service.post(url, json={"report": "+905301234567"}).status_code == 400
        assert service.post(url, json=_report(status="lost")).status_code == 400
        assert service.post(url, content=b"x" * 70_000).status_code == 413
        assert service.get(url).status_code == 405
        assert service.post(url.replace("gizli", "acik"), json=_report()).status_code == 404
        result = iletimerkezi.interrupt(process)
    assert result.returncode == 130
    assert result.stdout == (
        "+905301234567\tSENDING\t42\t7\tKodunuz 1234\n+905301234567\tDELIVERED\t42\t7\tSatır  [31m iki\n"
    )
    assert result.stderr == (
        "iletimerkezi: refused: the body is not a delivery report of the service\n"
        "iletimerkezi: refused: the body has an unknown status: lost\n"
        "iletimerkezi: refused: a body larger than 64 KiB\n"
    )


def test_as_json_while_others_dawdle(iletimerkezi: "Command") -> None:
    """As JSON each is an object, at once; a sender that dawdles holds up neither the others nor Ctrl-C."""
    with _listening(iletimerkezi, "--json") as (process, url), httpx.Client() as service:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port or 0)) as dawdler:
            dawdler.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            assert service.post(url, json=_report()).status_code == 200
            assert process.stdout
            assert json.loads(process.stdout.readline()) == {
                "number": "+905301234567",
                "status": "DELIVERED",
                "code": 111,
                "order_id": 42,
                "message_id": 7,
                "text": "Kodunuz 1234",
            }
            result = iletimerkezi.interrupt(process)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_a_closed_pipe_ends_it(iletimerkezi: "Command") -> None:
    """Where nobody reads any more, the report is not taken for good, and the command ends quietly."""
    with _listening(iletimerkezi) as (process, url):
        assert process.stdout
        process.stdout.close()
        assert httpx.post(url, json=_report()).status_code == 503
        assert process.wait(PATIENCE) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_what_cannot_be_listened_to_is_one_line(iletimerkezi: "Command") -> None:
    """A port that is taken, or a path that is none, is named."""
    port = re.findall(r":([0-9]+)", iletimerkezi.env["ILETIMERKEZI_BASE_URL"])[0]
    result = iletimerkezi("webhook", "--port", port)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"iletimerkezi: cannot listen on 127.0.0.1:{port}: ")
    result = iletimerkezi("webhook", "--path", "gizli")
    assert (result.returncode, result.stderr) == (
        2,
        "iletimerkezi: --path 'gizli' must begin with a slash, and have no braces\n",
    )


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("sms.example.com", False)],
)
def test_who_can_reach_it(host: str, loopback: bool) -> None:
    """Whoever opens it to others is warned."""
    assert _is_loopback(host) is loopback
