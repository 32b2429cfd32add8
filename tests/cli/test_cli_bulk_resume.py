"""A campaign that is stopped, in every way, and goes on."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

_TEXT = "Merhaba gizli dünya"
_NUMBERS = [f"+90530123{index:04}" for index in range(30)]
_TABLE = ("bulk", "Sayın gizli {ad}", "--to", "list.csv", "--batch-size", "5")
_LIST = ("bulk", _TEXT, "--to", "list.csv", "--batch-size", "5")
_WITH_JOURNAL = ("--journal", "campaign.db")


@pytest.fixture(autouse=True)
def campaign(iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path) -> None:
    """A list of thirty, and a service that leaves the second of six orders without an answer."""
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    rows = [f"{number},Ad {number[-2:]}" for number in _NUMBERS]
    (tmp_path / "list.csv").write_text("\n".join(["telefon,ad", *rows]), encoding="utf-8")
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "stall", times=4)


def _is_stuck(sandbox: "Sandbox") -> bool:
    """Whether as many orders are under way as there can be, the first being taken."""
    return len(sandbox.orders) == 5


@pytest.mark.parametrize(
    ("order", "blow"),
    [(_LIST, signal.SIGKILL), (_TABLE, signal.SIGKILL), (_LIST, signal.SIGINT)],
    ids=["kill", "kill, own texts", "Ctrl-C"],
)
def test_it_goes_on_where_it_stopped(
    order: tuple[str, ...],
    blow: signal.Signals,
    iletimerkezi: "Command",
    sandbox: "Sandbox",
) -> None:
    """The same command after a kill or Ctrl-C reaches everybody else, and nobody twice."""
    process = iletimerkezi.start(*order, *_WITH_JOURNAL)
    wait_until(lambda: _is_stuck(sandbox))
    process.send_signal(blow)
    assert iletimerkezi.end(process).returncode == (130 if blow is signal.SIGINT else -signal.SIGKILL)
    sandbox.heal()
    result = iletimerkezi(*order, *_WITH_JOURNAL)
    assert result.returncode == 0
    rows = {name.strip(): value for name, value in (line.rsplit(maxsplit=1) for line in result.stdout.splitlines())}
    assert [rows[name].strip() for name in ("read", "accepted", "by earlier runs", "orders")] == ["30", "30", "5", "6"]
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)


def test_ctrl_c_tells_what_is_known_and_how_to_go_on(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """It stops at once, with a summary in which nobody that was read is missing, and the command that goes on."""
    process = iletimerkezi.start(*_LIST, *_WITH_JOURNAL)
    wait_until(lambda: _is_stuck(sandbox))
    result = iletimerkezi.interrupt(process)
    rows = {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in result.stdout.splitlines()}
    assert result.returncode == 130
    assert (rows["read"], rows["accepted"], rows["orders"], rows["failed"]) == ("25", "5", "1", "20")
    assert rows["not reached"] == "5"
    assert "iletimerkezi: stopped: interrupted; 5 rows of the list were not reached\n" in result.stderr
    assert result.stderr.endswith(
        "the same command again settles what is not known, and sends what is missing, and nothing twice\n"
        "iletimerkezi bulk '{TEXT}' --to list.csv --batch-size 5 --journal campaign.db\n"
    )
    assert "gizli" not in result.stdout + result.stderr


def test_without_a_journal_it_says_what_that_means(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """Whoever kept no journal is told what the same command would do; none is shown that would seem to resume it."""
    process = iletimerkezi.start(*_LIST, "--no-journal")
    wait_until(lambda: _is_stuck(sandbox))
    result = iletimerkezi.interrupt(process)
    assert result.returncode == 130
    assert "without a journal there is no record of this run" in result.stderr
    assert result.stderr.endswith("with the same recipients that it accepted less than 10 minutes ago\n")
    assert "iletimerkezi bulk" not in result.stderr


def test_a_journal_of_another_text_is_refused(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """A journal belongs to one campaign: another text with it is one line of error."""
    sandbox.heal()
    assert iletimerkezi(*_LIST, *_WITH_JOURNAL).returncode == 0
    requests = len(sandbox.requests)
    result = iletimerkezi("bulk", "Other", *_LIST[2:], *_WITH_JOURNAL)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.endswith("campaign.db was made for another text\n")
    assert result.stderr.count("\n") == 1
    assert len(sandbox.requests) == requests
