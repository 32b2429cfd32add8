"""What cron, a supervisor or a script makes of a command: its exit code, its lines of JSON, and what signals do."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]

_SEND = ("send", "Gizli metin", "5301234567", "--iys", "off")
_BULK = ("bulk", "Gizli metin", "--to", "list.txt", "--iys", "off", "--batch-size", "1")
_NUMBERS = [f"+90530123{index:04}" for index in range(3)]


@pytest.fixture(autouse=True)
def a_list(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n".join(_NUMBERS), encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "fault", "code", "name", "number"),
    [
        (_SEND, "402", 1, "InsufficientBalanceError", 402),
        (_SEND, "503", 1, "UnavailableError", 503),
        (_BULK, "402", 1, "InsufficientBalanceError", 402),
        (("wait", "42800001"), None, 1, "OrderNotFoundError", 455),
        (("send", "Merhaba", "5301234567"), None, 2, "WrongUsageError", None),
        (("send", "Merhaba", "--iys", "off"), None, 2, "MissingParameter", None),
        (("report", "kedi"), None, 2, "BadParameter", None),
        (("consent", "check", "5301234567"), None, 2, "WrongUsageError", None),
        (("sent", "k", "--store", "mysql://"), None, 1, "CommandError", None),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_error_is_a_line_of_json(
    arguments: tuple[str, ...], fault: str | None, code: int, name: str, number: int | None,
    in_process: Run, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Under `--json` it stands on standard output, with its class, code, what to do, and the exit code."""
    monkeypatch.setattr("iletimerkezi_async.http.retry.Retry.pause", lambda *_: 0)
    if fault:
        sandbox.fail("send-sms", fault, times=9)
    result = in_process(*arguments, "--json")
    told = json.loads(result.stdout)
    assert (result.returncode, told["exit_code"], told["class"], told["code"]) == (code, code, name, number)
    assert told["error"]
    assert bool(told["advice"]) is (number is not None)
    assert "Gizli" not in result.stdout


def test_what_may_have_been_sent_has_an_exit_code_of_its_own(
    in_process: Run, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch
) -> None:
    """3, for one order and for a campaign in which others were accepted; somebody has to look."""
    monkeypatch.setattr("iletimerkezi_async.http.retry.Retry.pause", lambda *_: 0)
    sandbox.fail("send-sms", "drop-request", times=5)
    result = in_process(*_SEND, "--json")
    told = json.loads(result.stdout)
    assert (result.returncode, told["exit_code"], told["class"]) == (3, 3, "OutcomeUnknownError")
    assert "within 10 minutes" in told["advice"]
    sandbox.fail("send-sms", "drop-request", times=5)
    result = in_process(*_BULK, "--batch-size", "3", "--settle-for", "0", "--json")
    told = json.loads(result.stdout)
    assert (result.returncode, told["exit_code"], told["class"]) == (3, 3, "OutcomeUnknownError")
    assert (told["accepted"], told["failed"], told["reasons"][0]["recipients"]) == (0, 3, 3)


def test_who_has_it_already_is_done(in_process: Run, sandbox: "Sandbox") -> None:
    """A duplicate is no failure: whoever tries again after one, and later, would text twice."""
    assert in_process(*_SEND).returncode == 0
    result = in_process(*_SEND, "--json")
    told = json.loads(result.stdout)
    assert (result.returncode, told["exit_code"], told["code"]) == (0, 0, 451)
    assert sandbox.deliveries == {"+905301234567": 1}


@pytest.fixture(autouse=True)
def hangups_are_heeded() -> Iterator[None]:
    """Also where the tests themselves run under `nohup`, whose children inherit that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_signals_are_told(number: signal.Signals, iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """Whichever asks for its end, a campaign tells what is known, once, and how to go on."""
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "stall", times=9)
    process = iletimerkezi.start(*_BULK, "--journal", "j.db", "--json")
    wait_until(lambda: len(sandbox.orders) == 3)
    process.send_signal(number)
    result = iletimerkezi.end(process)
    told = json.loads(result.stdout)
    assert (result.returncode, told["exit_code"]) == (128 + number, 128 + number)
    assert (told["read"], told["accepted"] + told["failed"], told["stopped"]) == (3, 3, "interrupted")
    assert result.stderr.count("stopped: interrupted") == 1
    assert result.stderr.count("the same command again settles") == 1
    sandbox.heal()
    assert iletimerkezi(*_BULK, "--journal", "j.db").returncode == 0
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)


def test_a_signal_while_one_order_is_on_its_way(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """It is told that the order may have been taken, as text and as JSON."""
    sandbox.fail("send-sms", "stall")
    process = iletimerkezi.start(*_SEND, "--json")
    wait_until(lambda: sandbox.requests)
    process.send_signal(signal.SIGTERM)
    result = iletimerkezi.end(process)
    told = json.loads(result.stdout)
    assert (result.returncode, told["exit_code"], told["class"]) == (143, 143, "KeyboardInterrupt")
    assert "it may have been taken" in told["error"]
    assert result.stderr.count("it may have been taken") == 1


def test_what_was_told_to_ignore_a_signal_goes_on(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """As under `nohup`; and what a shell starts in the background, without Ctrl-C, heeds SIGTERM all the same."""
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    sandbox.fail("send-sms", "stall")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = iletimerkezi.start(*_SEND)
    finally:
        signal.signal(signal.SIGHUP, before[0])
        signal.signal(signal.SIGINT, before[1])
    wait_until(lambda: sandbox.requests)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    result = iletimerkezi.end(process)
    assert result.returncode == 143
    assert "it may have been taken" in result.stderr


def test_the_exit_codes_stand_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its meaning."""
    from iletimerkezi_async.cli import app

    with pytest.raises(SystemExit):
        app(["--help"], prog_name="iletimerkezi")
    text = capsys.readouterr().out
    codes = text[text.index("Exit codes:") :].split()
    assert [code for code in codes if code in {"0", "1", "2", "3", "128+n"}] == ["0", "1", "2", "3", "128+n"]
