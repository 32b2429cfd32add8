import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from iletimerkezi_async.http import lanes

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

_LIST = ["5301230000", "0530 123 00 00", "5301230001", *(f"530,{n}" for n in range(12)), "5301230002"]
_ORDER = ("bulk", "Gizli metin", "--to", "list.txt", "--dry-run", "--batch-size", "2")

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def a_list(iletimerkezi: "Command", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    monkeypatch.setenv("ILETIMERKEZI_IYS", "off")
    (tmp_path / "list.txt").write_text("\n".join(_LIST), encoding="utf-8")


def test_it_counts_and_sends_nothing(iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path) -> None:
    """It tells whom it would reach, what that costs, and what it could not check; it writes no file unasked."""
    result = iletimerkezi(*_ORDER)
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "list     list.txt: column the only one, header none, delimiter none, encoding UTF-8",
        "read     16: 12 refused, 1 repeated",
        "first    to +905301230000: Gizli metin",
        "cost     3 SMS to 3 in 2 orders, 1 a recipient, gsm",
        "sender   FIRMA, consent list off, now",
        "balance  1,000,000 SMS, 999,997 left after it",
        "journal  list.txt.journal: after a stop the same command goes on",
    ]
    lines = result.stderr.splitlines()
    assert lines[:2] == [f"to +90530123{index:04}: Gizli metin" for index in (0, 1)]
    assert lines[3] == "refused: '530,1': line 5: not a phone number"
    assert len(lines) == 14
    assert lines[-2:] == [
        "refused: 2 more; --refused FILE names all",
        "a dry run: nothing was sent; not checked: whether the sender FIRMA is approved, blocked numbers",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["list.txt"]
    assert sandbox.requests == (("get-balance", 200),)


def test_without_an_account_it_asks_nobody(
    in_process: Run, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials it counts all the same."""
    for name in ("KEY", "HASH"):
        monkeypatch.delenv(f"ILETIMERKEZI_API_{name}")
    result = in_process(*_ORDER)
    assert result.returncode == 0
    assert "cost     3 SMS" in result.stdout
    assert "balance" not in result.stdout
    assert result.stderr.endswith("blocked numbers, the balance\n")
    assert not sandbox.requests


def test_texts_of_their_own(in_process: Run, tmp_path: Path) -> None:
    """Where the texts differ, so may their parts; empty values are counted, and texts that are too long refused."""
    rows = ["tel;ad", "5301230000;" + "x" * 200, "5301230001;", "5301230002;Ali", "5301230003;" + "x" * 2000]
    (tmp_path / "list.csv").write_text("\n".join(rows), encoding="utf-8")
    result = in_process("bulk", "Sayin {ad}", "--to", "list.csv", "--dry-run")
    assert result.returncode == 0
    assert "read     4: 1 refused, 1 empty fields\n" in result.stdout
    assert "cost     4 SMS to 3 in 1 order, 1 to 2 a recipient, gsm\n" in result.stdout
    assert "longer than 7 SMS" in result.stderr


def test_json_and_the_refused(in_process: Run, tmp_path: Path) -> None:
    """`--json` tells the same as one object, and `--refused` is written as in earnest."""
    result = in_process(*_ORDER, "--json", "--refused", "refused.csv")
    told = json.loads(result.stdout)
    assert len(told.pop("refused_examples")) == 10
    assert told.pop("examples")[2] == {"number": "+905301230001", "text": "Gizli metin"}
    assert told == {
        "read": 16,
        "accepted_before": 0,
        "unsettled": 0,
        "second_texts": 0,
        "refused_file": "refused.csv",
        "not_checked": ["whether the sender FIRMA is approved", "blocked numbers"],
        "recipients": 3,
        "refused": 12,
        "duplicates": 1,
        "empty_fields": 0,
        "orders": 2,
        "parts": {"min": 1, "max": 1},
        "sms": 3,
        "encodings": {"gsm": 3},
        "costly_characters": [],
        "list": {"column": "the only one", "header": "none", "delimiter": "none", "encoding": "UTF-8"},
        "balance": {"amount": "0", "sms": 1_000_000},
        "error": None,
        "exit_code": 0,
    }
    assert len((tmp_path / "refused.csv").read_text("utf-8").splitlines()) == 13


def test_a_balance_that_would_not_suffice(in_process: Run, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> None:
    """A balance that is too small is told, and is an error; so is one that cannot be asked for."""
    monkeypatch.setattr(type(sandbox._account.ledger), "balance", lambda *_: 1)
    result = in_process(*_ORDER)
    assert result.returncode == 1
    assert result.stderr.endswith("iletimerkezi: the balance would not suffice: 2 SMS are missing\n")
    assert "balance  1 SMS: 2 are missing\n" in result.stdout
    sandbox.fail("get-balance", "401")
    result = in_process(*_ORDER)
    assert (result.returncode, "cost     3 SMS" in result.stdout) == (1, True)
    assert "401" in result.stderr


def test_without_a_network_it_tells_all_but_the_balance(
    in_process: Run, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no error of the list's that the service is away, or that there is no way to it."""
    sandbox.fail("get-balance", "503")
    away = in_process(*_ORDER)
    monkeypatch.setenv("ILETIMERKEZI_BASE_URL", "http://127.0.0.1:9/v1")
    unreachable = in_process(*_ORDER)
    for result in (away, unreachable):
        assert (result.returncode, "cost     3 SMS" in result.stdout) == (0, True)
        assert "the balance is not known: get-balance: " in result.stderr


def test_it_ends_as_the_campaign_would(in_process: Run, tmp_path: Path) -> None:
    """A list without a single good number is a failure, with or without `--json`."""
    (tmp_path / "list.txt").write_text("530 12\n530 13\n", encoding="utf-8")
    result = in_process(*_ORDER)
    assert result.returncode == 1
    assert result.stderr.endswith("iletimerkezi: no recipient is left: every number is refused\n")
    told = json.loads(in_process(*_ORDER, "--json").stdout)
    assert (told["error"], told["exit_code"]) == ("no recipient is left: every number is refused", 1)
    assert in_process("bulk", "x", "--to", "list.txt").returncode == 1


def test_a_second_text_to_a_number_is_told(in_process: Run, tmp_path: Path) -> None:
    """It is no duplicate, and often a slip in the list."""
    (tmp_path / "list.csv").write_text("tel;ad\n5301230000;Ali\n5301230000;Veli\n5301230001;Can", encoding="utf-8")
    order = ("bulk", "Sayin {ad}", "--to", "list.csv", "--dry-run")
    assert "read     3: 1 to a number that gets another text, too\n" in in_process(*order).stdout
    assert json.loads(in_process(*order, "--json").stdout)["second_texts"] == 1


@pytest.fixture
def single_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is used twice: one that the sandbox is about to close would lose the next order's answer."""
    monkeypatch.setattr(lanes, "_KEEPALIVE", -1.0)


@pytest.mark.usefixtures("single_use")
@pytest.mark.parametrize("text", ["Gizli metin", "Sayin {ad}"])
def test_it_knows_what_an_earlier_run_did(
    text: str, in_process: Run, sandbox: "Sandbox", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal tells who is left, and what that costs; without a key it is said that nobody looked."""
    rows = [f"530123{index:04};A{index}" for index in range(6)]
    (tmp_path / "list.csv").write_text("\n".join(["tel;ad", *rows]), encoding="utf-8")
    order = ("bulk", text, "--to", "list.csv", "--batch-size", "2")
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "402", times=9)
    assert in_process(*order).returncode == 1
    sandbox.heal()
    journal = (tmp_path / "list.csv.journal").read_bytes()
    requests = sandbox.request_counts["send-sms"]
    result = in_process(*order, "--dry-run")
    assert result.returncode == 0
    assert "cost     4 SMS to 4 in 2 orders" in result.stdout
    assert "journal  list.csv.journal: 2 of these were accepted by an earlier run; this run continues" in result.stdout
    assert "continues with 4\n" in result.stdout
    told = json.loads(in_process(*order, "--dry-run", "--json").stdout)
    assert (told["read"], told["accepted_before"], told["recipients"], told["sms"]) == (6, 2, 4, 4)
    other = in_process("bulk", "Baska", *order[2:], "--dry-run")
    assert (other.returncode, "was made for another" in other.stderr) == (1, True)
    for name in ("KEY", "HASH"):
        monkeypatch.delenv(f"ILETIMERKEZI_API_{name}")
    result = in_process(*order, "--dry-run")
    assert "cost     6 SMS to 6" in result.stdout
    assert "the earlier run in list.csv.journal\n" in result.stderr
    assert sandbox.request_counts["send-sms"] == requests
    assert len((tmp_path / "list.csv.journal").read_bytes()) == len(journal)


@pytest.mark.usefixtures("single_use")
def test_texts_that_changed_are_told_before_anything_is_sent(
    in_process: Run, iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path
) -> None:
    """By a dry run, and instead of the question."""
    (tmp_path / "list.csv").write_text("tel;ad\n5301230000;Ali\n5301230001;Can", encoding="utf-8")
    order = ("bulk", "Sayin {ad}", "--to", "list.csv", "--batch-size", "1")
    sandbox.fail("send-sms", "close-idle")
    sandbox.fail("send-sms", "402", times=9)
    assert in_process(*order).returncode == 1
    sandbox.heal()
    changed = ("bulk", "Merhaba {ad}", *order[2:])
    result = in_process(*changed, "--dry-run")
    assert (result.returncode, "1 recipients had another text in an earlier run" in result.stderr) == (1, True)
    code, screen = iletimerkezi.in_terminal(*changed, typed="y\n")
    assert (code, "[y/N]" in screen) == (1, False)
    assert "--allow-new-texts sends the new texts, too" in " ".join(screen.split())
    assert in_process(*changed, "--dry-run", "--allow-new-texts").returncode == 0


@pytest.mark.usefixtures("single_use")
def test_it_names_whom_the_service_refused_in_an_earlier_run(
    in_process: Run, sandbox: "Sandbox", tmp_path: Path
) -> None:
    """By the whole number, as it stands in the journal."""
    (tmp_path / "list.csv").write_text("tel\n5301230000\n5301230001\n5301230002", encoding="utf-8")
    order = ("bulk", "Gizli metin", "--to", "list.csv", "--batch-size", "1")
    for fault in ("452", "close-idle", *["402"] * 9):
        sandbox.fail("send-sms", fault)
    assert in_process(*order).returncode == 1
    told = json.loads(in_process(*order, "--dry-run", "--json").stdout)
    # The orders go out together: which of them comes first is chance.
    [refused] = told["refused_examples"]
    assert refused["number"] in {f"+90530123000{last}" for last in range(3)}
    assert refused["reason"] == "refused by the service (452)"
