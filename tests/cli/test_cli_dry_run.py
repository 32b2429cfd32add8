import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

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


def _rows(output: str) -> dict[str, str]:
    return {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in output.splitlines()}


def test_it_counts_and_sends_nothing(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """It tells whom it would reach and what that costs, and names some of the bad numbers."""
    result = iletimerkezi(*_ORDER)
    assert result.returncode == 0
    assert _rows(result.stdout) == {
        "read": "16",
        "recipients": "3",
        "refused": "12",
        "duplicates": "1",
        "orders": "2",
        "parts": "1",
        "SMS": "3",
        "encoding of the texts": "gsm",
        "column                 the only": "one",
        "header": "none",
        "delimiter": "none",
        "encoding": "UTF-8",
        "balance": "1,000,000",
        "left": "999,997",
    }
    lines = result.stderr.splitlines()
    assert lines[:3] == [f"to +90530123{index:04}: Gizli metin" for index in (0, 0, 1)]
    assert lines[4] == "refused: '530,1': line 5: not a phone number"
    assert len(lines) == 15
    assert lines[-2:] == ["refused: 2 more", "a dry run: nothing was sent"]
    assert sandbox.requests == (("get-balance", 200),)


def test_without_an_account_it_asks_nobody(
    in_process: Run, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials it counts all the same."""
    for name in ("KEY", "HASH"):
        monkeypatch.delenv(f"ILETIMERKEZI_API_{name}")
    result = in_process(*_ORDER)
    assert (result.returncode, _rows(result.stdout)["SMS"]) == (0, "3")
    assert "balance" not in result.stdout
    assert not sandbox.requests


def test_texts_of_their_own(in_process: Run, tmp_path: Path) -> None:
    """Where the texts differ, so may their parts; empty values are counted, and texts that are too long refused."""
    rows = ["tel;ad", "5301230000;" + "x" * 200, "5301230001;", "5301230002;Ali", "5301230003;" + "x" * 2000]
    (tmp_path / "list.csv").write_text("\n".join(rows), encoding="utf-8")
    result = in_process("bulk", "Sayin {ad}", "--to", "list.csv", "--dry-run")
    told = _rows(result.stdout)
    assert result.returncode == 0
    assert (told["recipients"], told["refused"], told["empty fields"], told["SMS"]) == ("3", "1", "1", "4")
    assert "parts         " in result.stdout
    assert "1 to 2\n" in result.stdout
    assert "longer than 7 SMS" in result.stderr


def test_json_and_the_refused(in_process: Run, tmp_path: Path) -> None:
    """`--json` tells the same as one object, and `--refused` is written as in earnest."""
    result = in_process(*_ORDER, "--json", "--refused", "refused.csv")
    told = json.loads(result.stdout)
    assert len(told.pop("refused_examples")) == 10
    assert told.pop("examples")[2] == {"number": "+905301230001", "text": "Gizli metin"}
    assert told == {
        "read": 16,
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
    assert "left" not in result.stdout
    sandbox.fail("get-balance", "401")
    result = in_process(*_ORDER)
    assert (result.returncode, _rows(result.stdout)["SMS"]) == (1, "3")
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
        assert (result.returncode, _rows(result.stdout)["SMS"]) == (0, "3")
        assert "the balance is not known: get-balance: " in result.stderr


def test_it_ends_as_the_campaign_would(in_process: Run, tmp_path: Path) -> None:
    """A list without a single good number is a failure, with or without `--json`."""
    (tmp_path / "list.txt").write_text("530 12\n530 13\n", encoding="utf-8")
    result = in_process(*_ORDER)
    assert result.returncode == 1
    assert result.stderr.endswith("iletimerkezi: nobody would be texted: every number is refused\n")
    told = json.loads(in_process(*_ORDER, "--json").stdout)
    assert (told["error"], told["exit_code"]) == ("nobody would be texted: every number is refused", 1)
    assert in_process("bulk", "x", "--to", "list.txt").returncode == 1
