"""A campaign is written down without being asked: beside its list, and as a note once it is done."""

import csv
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]

_NUMBERS = [f"+90530123{index:04}" for index in range(10)]
_ORDER = ("bulk", "Sayın {ad}, siparişiniz yolda…", "--to", "list.csv", "--batch-size", "5")


@pytest.fixture(autouse=True)
def a_list(iletimerkezi: "Command", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    monkeypatch.setenv("ILETIMERKEZI_IYS", "off")
    rows = [f"{number},Gizli {number[-1]}" for number in _NUMBERS]
    (tmp_path / "list.csv").write_text("\n".join(["telefon,ad", *rows, "212,Kimse"]), encoding="utf-8")


def stop_in_the_middle(
    sandbox: "Sandbox", run: Run, order: tuple[str, ...] = _ORDER
) -> subprocess.CompletedProcess[str]:
    """The first order is taken, the second refused for want of money."""
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "402", times=9)
    result = run(*order)
    sandbox.heal()
    return result


def test_a_stop_is_no_catastrophe(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """The same command again reaches everybody else; what was done is told each time, and the numbers are gone then."""
    stopped = stop_in_the_middle(sandbox, in_process)
    assert stopped.returncode == 1
    assert "journal: list.csv.journal\n" in stopped.stdout
    assert "failed: list.csv.failed.csv\n" in stopped.stdout
    assert f"orders: {sandbox.orders[0].id}\n" in stopped.stdout
    assert "the same command again sends what is missing, and nothing twice\niletimerkezi" in stopped.stderr
    with (tmp_path / "list.csv.failed.csv").open(encoding="utf-8") as file:
        failed = list(csv.DictReader(file))
    assert {row["number"] for row in failed} == set(_NUMBERS) - set(sandbox.deliveries)
    assert {row["sent"] for row in failed} == {"no"}
    assert in_process(*_ORDER).returncode == 0
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)
    note = (tmp_path / "list.csv.sent").read_text("utf-8")
    assert set(json.loads(note)) == {"sent", "recipients", "campaign"}
    assert json.loads(note)["recipients"] == 10
    assert "530" not in (tmp_path / "list.csv.failed.csv").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.glob("list.csv.*")) == [
        "list.csv.failed.csv", "list.csv.refused.csv", "list.csv.sent",
    ]  # fmt: skip


def test_a_list_that_was_sent_to_is_not_sent_to_again_unasked(
    in_process: Run, sandbox: "Sandbox", tmp_path: Path
) -> None:
    """Where nobody can be asked it is not, nor in a dry run; `--yes` and `--no-journal` send."""
    assert in_process(*_ORDER).returncode == 0
    sandbox.advance(minutes=11)
    for options in ((), ("--dry-run",)):
        result = in_process(*_ORDER, *options)
        # That is no failure: everybody has this text.
        assert result.returncode == 0
        assert "list.csv was sent on " in result.stderr
        assert " to 10: --yes sends again\n" in result.stderr
    assert in_process("bulk", "Başka", *_ORDER[2:]).returncode == 1
    told = json.loads(in_process(*_ORDER, "--json").stdout)
    assert (told["class"], told["exit_code"]) == ("DoneError", 0)
    assert set(sandbox.deliveries.values()) == {1}
    assert in_process(*_ORDER, "--yes").returncode == 0
    assert set(sandbox.deliveries.values()) == {2}
    sandbox.advance(minutes=11)
    assert in_process(*_ORDER, "--no-journal").returncode == 0
    assert set(sandbox.deliveries.values()) == {3}
    # Of a list that has changed since, nothing is known.
    with (tmp_path / "list.csv").open("a", encoding="utf-8") as file:
        file.write("\n5301239999,Yeni")
    assert in_process(*_ORDER).returncode == 1


def test_the_question_shows_what_there_is_to_know(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """The list, the first message, its cost, why it costs more, the terms, the balance, the journal; a former run."""
    code, screen = iletimerkezi.in_terminal(*_ORDER, typed="n\n")
    assert (code, len(sandbox.orders)) == (1, 0)
    for line in (
        "list      list.csv: column 'telefon' (1 of 2), header line 1, delimiter ,,",
        "first     to +905301230000: Sayın Gizli 0, siparişiniz yolda…",
        "read      11: 1 refused",
        "cost      10 SMS to 10 in 2 orders, 1 a recipient, unicode",
        "costly    Unicode: 65 characters instead of 155 in an SMS, because of: …",
        "sender    FIRMA, consent list off, now",
        "balance   1,000,000 SMS, 999,990 left after it",
        "journal   list.csv.journal: after a stop the same command goes on",
        "Send 10 SMS to 10 recipients as FIRMA, now? [y/N]",
    ):
        assert line in screen
    assert max(len(re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", line)) for line in screen.splitlines()) <= 80
    assert iletimerkezi.in_terminal(*_ORDER, typed="y\n")[0] == 0
    code, screen = iletimerkezi.in_terminal(*_ORDER, typed="n\n")
    assert code == 1
    assert "It was sent on " in screen
    assert "now, again? [y/N]" in " ".join(screen.split())


def test_a_run_that_goes_on_says_so(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """In the question; and what earlier runs have done is no pace of this one's."""
    stop_in_the_middle(sandbox, iletimerkezi)
    left = sorted(set(_NUMBERS) - set(sandbox.deliveries))
    code, screen = iletimerkezi.in_terminal(*_ORDER, typed="y\n")
    assert code == 0
    assert "5 of these were accepted by an earlier run; this run continues with 5" in " ".join(screen.split())
    assert "cost      5 SMS to 5 in 1 order" in screen
    assert f"first     to {left[0]}: Sayın Gizli {left[0][-1]}" in screen
    assert "Send 5 SMS to 5 recipients" in screen
    assert "by earlier runs" in screen
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)


def test_a_journal_of_another_text_says_what_to_do(in_process: Run, sandbox: "Sandbox") -> None:
    """A campaign that is not done is not mixed up with the next one to the same list."""
    stop_in_the_middle(sandbox, in_process, ("bulk", "Bir", *_ORDER[2:]))
    requests = len(sandbox.requests)
    result = in_process("bulk", "Başka", *_ORDER[2:])
    assert (result.returncode, len(sandbox.requests)) == (1, requests)
    assert result.stderr.endswith(
        "list.csv.journal was made for another text: finish that campaign with its own command, or begin another with "
        "--journal PATH\n"
    )


def test_where_nobody_was_texted_nothing_is_in_the_way(
    in_process: Run, sandbox: "Sandbox", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that is refused leaves no journal, which would be that sender's; what did not begin leaves the note."""
    refused = in_process(*_ORDER, "--sender", "BASKA")
    assert refused.returncode == 1
    assert not (tmp_path / "list.csv.journal").exists()
    assert in_process(*_ORDER).returncode == 0
    note = (tmp_path / "list.csv.sent").read_text("utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("iletimerkezi_async.client.AsyncClient.send_bulk_messages", lambda *_, **__: 1 / 0)
        assert in_process(*_ORDER, "--yes").returncode == 1
    assert (tmp_path / "list.csv.sent").read_text("utf-8") == note
    sandbox.fail("send-sms", "402", times=9)
    assert in_process(*_ORDER, "--yes").returncode == 1
    assert (tmp_path / "list.csv.sent").read_text("utf-8") == note
    assert not (tmp_path / "list.csv.journal").exists()
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)


def test_standard_input_has_its_journal_in_the_current_folder(
    iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path
) -> None:
    """And goes on from it."""
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "402", times=9)
    order = ("bulk", "Merhaba", "--to", "-", "--batch-size", "5")
    assert iletimerkezi(*order, stdin="\n".join(_NUMBERS)).returncode == 1
    sandbox.heal()
    assert iletimerkezi(*order, stdin="\n".join(_NUMBERS)).returncode == 0
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)
    assert json.loads((tmp_path / "stdin.sent").read_text("utf-8"))["recipients"] == 10


def test_where_nothing_can_be_written_it_says_so_first(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """A list in a folder that takes no file needs a journal elsewhere, or the word that there is to be none."""
    result = in_process(*_ORDER, "--journal", "j.db", "--no-journal")
    assert (result.returncode, result.stderr) == (2, "iletimerkezi: --journal and --no-journal exclude each other\n")
    result = in_process(*_ORDER, "--unknown", "sent", "--no-journal")
    assert (result.returncode, "--no-journal" in result.stderr) == (2, True)
    (tmp_path / "list.csv.journal").mkdir()
    result = in_process(*_ORDER)
    assert result.returncode == 1
    assert not sandbox.requests
    assert in_process(*_ORDER, "--no-journal").returncode == 0


@pytest.fixture
def lost(in_process: Run, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> subprocess.CompletedProcess[str]:
    """A run of which nobody knows whether half of its people were texted, as no attempt was answered."""
    monkeypatch.setattr("iletimerkezi_async.http.retry.Retry.pause", lambda *_: 0)
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-request", times=5)
    result = in_process(*_ORDER, "--settle-for", "0")
    sandbox.heal()
    return result


def test_what_nobody_can_tell_is_said_to_be_open(
    lost: subprocess.CompletedProcess[str],
    in_process: Run,
    sandbox: "Sandbox",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ends with 3, keeps the journal, names them, and says what settles or decides; the next run settles."""
    assert lost.returncode == 3
    assert "the same command again settles what is not known, and sends what is missing" in lost.stderr
    assert "and decide: --unknown sent or --unknown not-sent" in lost.stderr
    with (tmp_path / "list.csv.failed.csv").open(encoding="utf-8") as file:
        assert {row["sent"] for row in csv.DictReader(file)} == {"unknown"}
    # By then the list of orders would have it.
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 4200)
    sandbox.advance(minutes=70)
    told = json.loads(in_process(*_ORDER, "--settle-for", "0", "--json").stdout)
    assert (told["accepted"], told["accepted_before"], told["exit_code"]) == (10, 5, 0)
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)


@pytest.mark.parametrize(("decision", "texted"), [("sent", 5), ("not-sent", 10)])
def test_a_person_may_decide(
    decision: str,
    texted: int,
    lost: subprocess.CompletedProcess[str],
    in_process: Run,
    sandbox: "Sandbox",
    tmp_path: Path,
) -> None:
    """Where nothing can tell: counted as sent, or sent again; nobody is open after that, and the journal goes."""
    sandbox.advance(minutes=11)
    # The list of orders does not show what it should, so that nothing can be concluded from it.
    sandbox.fail("get-reports", "500", times=99)
    still = in_process(*_ORDER, "--settle-for", "0")
    assert still.returncode == 3
    result = in_process(*_ORDER, "--settle-for", "0", "--unknown", decision)
    assert (lost.returncode, result.returncode) == (3, 0)
    assert len(sandbox.deliveries) == texted
    assert set(sandbox.deliveries.values()) == {1}
    assert json.loads((tmp_path / "list.csv.sent").read_text("utf-8"))["recipients"] == 10


def test_it_goes_on_to_settle_and_may_be_stopped(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """That is said while it lasts; Ctrl-C ends it at once, with all that is known."""
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "drop-request", times=5)
    sandbox.fail("get-reports", "500", times=999)
    process = iletimerkezi.start(*_ORDER)
    assert process.stderr
    line = ""
    while "the command looks for their orders for at most 15 minutes (Ctrl-C stops that)" not in line:
        line = process.stderr.readline()
        assert line
    process.send_signal(signal.SIGINT)
    result = iletimerkezi.end(process)
    assert result.returncode == 130
    assert re.search(r"accepted +5\n", result.stdout)
    assert "the same command again settles what is not known" in result.stderr
    assert set(sandbox.deliveries.values()) == {1}


def test_texts_that_changed_are_not_sent_unasked(in_process: Run, sandbox: "Sandbox") -> None:
    """A recipient who was texted and now has another text stops the campaign; the error names the option to go on."""
    stop_in_the_middle(sandbox, in_process)
    changed = ("bulk", "Sayın {ad}, bugün 2 Aralık.", *_ORDER[2:])
    refused = in_process(*changed)
    assert refused.returncode == 1
    assert "has other texts for 5 recipients" in refused.stderr
    assert "--allow-new-texts, which sends the new texts, too" in refused.stderr
    assert "the same command again" not in refused.stderr
    assert set(sandbox.deliveries.values()) == {1}
    assert in_process(*changed, "--allow-new-texts").returncode == 0
    assert sorted(sandbox.deliveries.values()) == [1] * 5 + [2] * 5
