import csv
import json
import subprocess
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

_TEXT = "Merhaba gizli dünya"
_NUMBERS = [f"+90530123{index:04}" for index in range(10)]


@pytest.fixture(autouse=True)
def without_check(iletimerkezi: "Command", monkeypatch: pytest.MonkeyPatch) -> None:
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    monkeypatch.setenv("ILETIMERKEZI_IYS", "off")


Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


def _rows(output: str) -> dict[str, str]:
    pairs = (line.rsplit(maxsplit=1) for line in output.splitlines())
    return {name.strip(): value for name, value in pairs}


def _write(path: Path, lines: Iterable[str]) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_a_plain_list(iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path) -> None:
    """A number a line, in any spelling, with blank lines: everybody gets it once, and all are counted."""
    path = _write(tmp_path / "list.txt", [*_NUMBERS, "", "  0530 123 00 00  ", "530 12", "   "])
    result = iletimerkezi("bulk", _TEXT, "--to", path, "--batch-size", "4")
    rows = _rows(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    assert list(rows)[:6] == ["read", "accepted", "orders", "refused", "duplicates", "failed"]
    assert list(rows.values())[:6] == ["12", "10", "3", "1", "1", "0"]
    assert list(rows)[6:8] == ["seconds", "recipients a second"]
    assert [line.split(maxsplit=1) for line in result.stdout.splitlines()[8:12]] == [
        ["column", "the only one"], ["header", "none"], ["delimiter", "none"], ["encoding", "UTF-8"],
    ]  # fmt: skip
    assert result.stdout.splitlines()[12:] == [
        f"refused: {path}.refused.csv",
        f"note: {path}.sent (that it was sent, without numbers)",
        f"orders: {', '.join(str(order.id) for order in sandbox.orders)}",
        f"next: iletimerkezi report {sandbox.orders[0].id}, and so on",
    ]
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)
    assert _TEXT not in result.stdout


def test_json(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """`--json` is one object, with the orders' ids."""
    path = _write(tmp_path / "list.txt", _NUMBERS)
    result = in_process("bulk", _TEXT, "--to", path, "--json", "--batch-size", "5")
    told = json.loads(result.stdout)
    assert set(told.pop("orders")) == {order.id for order in sandbox.orders}
    assert told.pop("seconds") >= 0
    assert told.pop("recipients_a_second") > 0
    assert told == {
        "read": 10,
        "accepted": 10,
        "accepted_before": 0,
        "unknown": 0,
        "unidentified": 0,
        "refused": 0,
        "duplicates": 0,
        "failed": 0,
        "reasons": [],
        "empty_fields": 0,
        "stopped": None,
        "error": None,
        "exit_code": 0,
        "refused_file": None,
        "failed_file": None,
        "not_reached": 0,
        "journal": None,
        "note": f"{path}.sent",
        "list": {"column": "the only one", "header": "none", "delimiter": "none", "encoding": "UTF-8"},
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
def test_a_table_gives_everybody_their_own_text(
    delimiter: str, in_process: Run, sandbox: "Sandbox", tmp_path: Path
) -> None:
    """Columns fill the text, with any usual delimiter, a BOM, quotes, line breaks and Windows' ends of lines."""
    table = [["Ad", "GSM", "Borç"], ["Ayşe\nGül", "530 123 00 00", "12,50 TL"], ["Ali", "05301230001", ""]]
    with (tmp_path / "list.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    text = "Sayın {ad}, {{borç}}: {Borç}."
    result = in_process("bulk", text, "--to", "list.csv")
    assert (result.returncode, result.stderr) == (0, "")
    assert _rows(result.stdout)["empty fields"] == "1"
    (order,) = sandbox.orders
    assert [text for text, _ in order.texts] == ["Sayın Ayşe\nGül, {borç}: 12,50 TL.", "Sayın Ali, {borç}: ."]
    assert list(order.numbers) == _NUMBERS[:2]


def test_the_column_may_be_named(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """`--column` takes a name in any case, or a position where there is no header."""
    path = _write(tmp_path / "a.csv", ["id,Kime", "5301239999,5301230000"])
    assert in_process("bulk", _TEXT, "--to", path, "--column", "kime").returncode == 0
    path = _write(tmp_path / "b.csv", ["5301239999,5301230001", "5301239999,5301230002"])
    assert in_process("bulk", _TEXT, "--to", path, "--column", "2").returncode == 0
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS[:3], 1)


def test_standard_input(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """With `-` the list is read from a pipe, as it comes, and goes out while more is awaited."""
    process = iletimerkezi.start("bulk", _TEXT, "--to", "-", "--batch-size", "1")
    assert process.stdin
    process.stdin.write("0530 123")
    process.stdin.flush()
    result = iletimerkezi.end(process, " 00 00\n5301230001")
    assert (result.returncode, result.stderr) == (0, "")
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS[:2], 1)


def test_the_text_from_standard_input(iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path) -> None:
    """With `-` for the text it is read, and it may name columns."""
    path = _write(tmp_path / "list.csv", ["telefon;ad", "5301230000;Ali"])
    assert iletimerkezi("bulk", "-", "--to", path, stdin="Sayın {ad}\n").returncode == 0
    assert sandbox.orders[0].texts[0][0] == "Sayın Ali"
    result = iletimerkezi("bulk", "-", "--to", "-", stdin="5301230000\n")
    assert result.returncode == 2
    assert "cannot both be read from standard input" in result.stderr


def test_a_campaign_in_vain(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """Where every number is refused, as those of the wrong column are, that is a failure."""
    path = _write(tmp_path / "list.csv", ["ad,cep", "Bir,5301234567", "Iki,5301234568"])
    result = in_process("bulk", _TEXT, "--to", path, "--column", "ad")
    assert (result.returncode, result.stderr) == (
        1,
        "iletimerkezi: no recipient was texted: every number was refused\n",
    )
    assert not sandbox.orders


def test_refused_numbers_are_written(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """`--refused` names everybody who was left out, and why, for the owner's eyes alone."""
    sandbox.fail("send-sms", "452")
    sandbox.fail("send-sms", "452")
    path = _write(tmp_path / "list.txt", [*_NUMBERS[:2], "530,12"])
    result = in_process("bulk", _TEXT, "--to", path, "--refused", "refused.csv")
    refused = tmp_path / "refused.csv"
    assert result.returncode == 0
    assert refused.stat().st_mode & 0o777 == 0o600
    assert list(csv.reader(refused.read_text("utf-8").splitlines())) == [
        ["number", "reason"],
        ["530,12", "line 3: not a phone number"],
        [_NUMBERS[0], "refused by the service (452)"],
    ]
    assert "530" not in result.stdout + result.stderr


@pytest.mark.parametrize("name", ["list.txt", "journal.db"])
def test_the_refused_do_not_overwrite(name: str, in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """The list and the journal are not overwritten by a slip of the keyboard."""
    path = _write(tmp_path / "list.txt", _NUMBERS)
    result = in_process("bulk", _TEXT, "--to", path, "--journal", "journal.db", "--refused", f"./{name}")
    assert (result.returncode, result.stderr) == (2, f"iletimerkezi: --refused would overwrite ./{name}\n")
    assert (tmp_path / "list.txt").read_text("utf-8").split() == _NUMBERS
    assert not sandbox.requests


def test_later_and_checked(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """The time, the sender and the choice about consent go with every order."""
    path = _write(tmp_path / "list.txt", _NUMBERS[:1])
    result = in_process("bulk", _TEXT, "--to", path, "--at", "2099-12-01 09:00", "--iys", "bireysel")
    assert (result.returncode, result.stderr) == (0, "")
    assert sandbox.orders[0].send_at == datetime(2099, 12, 1, 9, tzinfo=timezone(timedelta(hours=3)))
    assert sandbox.orders[0].iys_list == "BIREYSEL"


def test_a_refusal_of_all_stops_it(iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path) -> None:
    """What refuses every order ends the campaign with what is known, the reason, and how to go on."""
    sandbox.fail("send-sms", "402", times=9)
    path = _write(tmp_path / "list.txt", _NUMBERS)
    result = iletimerkezi("bulk", _TEXT, "--to", path, "--journal", "j.db", "--batch-size", "5", "--json")
    told = json.loads(result.stdout)
    lines = result.stderr.splitlines()
    assert result.returncode == 1
    assert (told["read"], told["accepted"], told["failed"]) == (10, 0, 10)
    assert told["stopped"].startswith("send-sms: 402")
    assert "see `iletimerkezi balance`" in lines[-3]
    assert lines[-2] == "iletimerkezi: no recipient was texted: once that is put right, the same command tries again"
    # What to do is told once.
    assert told["error"].startswith("send-sms: 402")
    assert "see `iletimerkezi balance`" not in told["error"] + told["stopped"]
    assert told["advice"].count("see `iletimerkezi balance`") == 1
    assert lines[-1] == f"iletimerkezi bulk '{{TEXT}}' --to {path} --journal j.db --batch-size 5 --json" == told["next"]
    assert (told["class"], told["code"], told["exit_code"]) == ("InsufficientBalanceError", 402, 1)
    assert "gizli" not in result.stderr
    sandbox.heal()
    assert iletimerkezi("bulk", _TEXT, "--to", path, "--journal", "j.db", "--batch-size", "5").returncode == 0
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)


def test_nothing_lost_if_nobody_was_texted(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """Where no order was taken, nobody need fear the same command, journal or not."""
    sandbox.fail("send-sms", "450", times=9)
    result = in_process("bulk", _TEXT, "--to", _write(tmp_path / "list.txt", _NUMBERS), "--no-journal")
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert lines[-2:] == [
        "iletimerkezi: `iletimerkezi senders` lists the approved senders: give one with --sender",
        "iletimerkezi: no recipient was texted: once that is put right, the same command tries again",
    ]


def test_an_order_that_went_before_fails(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """The same campaign again is refused as a duplicate, which is told, with what a journal would have done."""
    path = _write(tmp_path / "list.txt", _NUMBERS)
    assert in_process("bulk", _TEXT, "--to", path, "--no-journal").returncode == 0
    result = in_process("bulk", _TEXT, "--to", path, "--no-journal")
    assert result.returncode == 0
    assert "10 failed: send-sms: 451" in result.stderr
    assert "by another run" in result.stderr
    assert "without a journal there is no record of this run" in result.stderr
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS, 1)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Sayın {soyad}", "no column 'soyad'; there are: telefon, ad"),
        ("{ad.__class__}", "plain column name"),
        ("{ad[0]}", "plain column name"),
        ("{ad!r}", "plain column name"),
        ("{ad:>{telefon}}", "plain column name"),
        ("{}", "plain column name"),
        ("{0}", "plain column name"),
        ("100 % {", "do not match"),
        ("}", "do not match"),
    ],
)
def test_a_text_only_fills_in(text: str, named: str, in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """Braces take the plain name of a column that is there; they look into nothing."""
    path = _write(tmp_path / "list.csv", ["telefon,ad", "5301230000,{telefon.__class__}"])
    result = in_process("bulk", text, "--to", path)
    assert (result.returncode, result.stdout) == (2, "")
    assert named in result.stderr
    assert result.stderr.count("\n") == 1
    assert not sandbox.requests


def test_values_are_not_texts(in_process: Run, sandbox: "Sandbox", tmp_path: Path) -> None:
    """Braces in a value stay what they are."""
    path = _write(tmp_path / "list.csv", ["telefon,ad", "5301230000,{telefon.__class__}"])
    assert in_process("bulk", "Sayın {ad}", "--to", path).returncode == 0
    assert sandbox.orders[0].texts[0][0] == "Sayın {telefon.__class__}"


@pytest.mark.parametrize(
    ("content", "code", "named"),
    [
        (b"5301230000\n530\0\n", 1, "line 2: there is a NUL byte"),
        (b"telefon,ad\n5301230000,\xc3\x9cmit\n5301230001,\xdcmit\n", 1, "line 3: there is a letter that is not UTF-8"),
        (b"telefon,ad\r5301230000,\xc3\x9cmit\r5301230001,\xdcmit\r", 1, "line 3: there is a letter that is not UTF-8"),
        (b"telefon\n\x81\n5301230000\n", 1, "line 2: it is neither UTF-8 nor Windows-1254"),
        ("telefon\n5301230000\n".encode("utf-16")[:-1], 1, "there is a letter that is not utf-16"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 600, 1, "it has a password, or is of an Excel before 2007"),
        (b"PK\x03\x04" + b"x" * 600, 1, "it is not an .xlsx workbook that can be read"),
        (b'telefon,ad\n5301230000,"Ali\n', 1, "line 2: the quotes or columns are broken"),
        (b'telefon,ad\n5301230000,"Ali"x\n', 1, "line 2: the quotes or columns are broken"),
        (b"telefon,ad\n5301230000," + b"x" * 200_000 + b"\n", 1, "line 2: the quotes or columns are broken"),
        (b"5" * 2_000_000, 1, "too long"),
        (b"\n \n", 1, "list.csv is empty"),
        (b"", 1, "list.csv is empty"),
        (b"ad,soyad\nAli,Veli\n", 2, "with --column: ad, soyad"),
        (b"tel,cep\n5301230000,5301230001\n", 2, "with --column: tel, cep"),
        (b"5301230000,Ali\n", 2, "with --column: 1 to 2, as there is no header"),
    ],
    ids=["NUL", "damaged", "CR", "not Windows", "half a letter", "old Excel",
         "archive", "open quote", "stray quote", "long field", "long line", "blank", "empty",
         "no known column", "two known columns", "no header"],
)  # fmt: skip
def test_a_file_that_is_no_list_is_one_line_of_error(
    content: bytes, code: int, named: str, in_process: Run, sandbox: "Sandbox", tmp_path: Path
) -> None:
    """Whatever is wrong with a file is told with its line, before anything is sent."""
    (tmp_path / "list.csv").write_bytes(content)
    result = in_process("bulk", _TEXT, "--to", "list.csv")
    assert (result.returncode, result.stdout) == (code, "")
    assert named in result.stderr
    assert result.stderr.count("\n") == 1
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("--to", "missing.txt"), 1, "missing.txt: No such file or directory"),
        (("--to", "."), 1, ".: Is a directory"),
        (("--to", "list.txt", "--column", "cep"), 2, "list.txt has no header, and so no column 'cep'"),
        (("--to", "list.txt", "--refused", "no/where.csv"), 1, "no/where.csv: No such file or directory"),
        (("--to", "list.txt", "--journal", "list.txt"), 1, "list.txt is damaged, or not a journal"),
        (("--to", "list.txt", "--sender", "FIRMA ADI UZUN"), 1, "longer than 11 characters"),
        (("--to", "list.txt", "--at", "2001-01-01 00:00"), 1, "is in the past"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_told_before_anything_is_sent(
    arguments: tuple[str, ...], code: int, named: str, in_process: Run, sandbox: "Sandbox", tmp_path: Path
) -> None:
    """One line of error, and no request."""
    _write(tmp_path / "list.txt", _NUMBERS)
    result = in_process("bulk", _TEXT, *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert named in result.stderr
    assert result.stderr.count("\n") == 1
    assert not sandbox.requests


def test_a_pipe_that_goes_bad_ends_it_with_what_is_known(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """What was sent before the bad line is told, and a journal knows it."""
    numbers = [f"+90530123{index:04}" for index in range(500)]
    lines = "\n".join(numbers) + "\n"
    order = ("bulk", _TEXT, "--to", "-", "--batch-size", "200", "--journal", "j.db")
    process = iletimerkezi.start(*order)
    assert process.stdin
    process.stdin.write(lines)
    process.stdin.flush()
    wait_until(lambda: sandbox.orders)
    result = iletimerkezi.end(process, "530\0\n")
    # Those that were on their way may have been taken, or all of them have been.
    assert result.returncode in {1, 3}
    assert "standard input, line 501: there is a NUL byte" in result.stderr
    assert _rows(result.stdout)["read"] == "500"
    assert "the same command again" in result.stderr
    assert iletimerkezi(*order, stdin=lines).returncode == 0
    assert sandbox.deliveries == dict.fromkeys(numbers, 1)


def test_in_a_terminal_it_asks_and_draws(iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path) -> None:
    """It says what it is about to do and asks; then there is a bar, and a table."""
    path = _write(tmp_path / "list.txt", _NUMBERS)
    order = ("bulk", _TEXT, "--to", path, "--batch-size", "5")
    code, screen = iletimerkezi.in_terminal(*order, typed="\n")
    assert (code, len(sandbox.orders)) == (1, 0)
    assert "Send 10 SMS to 10 recipients as FIRMA, now? [y/N]" in screen
    assert "iletimerkezi: nothing was sent" in screen
    code, screen = iletimerkezi.in_terminal(*order, "--yes")
    assert (code, len(sandbox.orders)) == (0, 2)
    assert "[y/N]" not in screen
    assert "━" in screen
    assert "10 of 10" in screen
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")
    assert "gizli" not in screen


def test_in_a_terminal_everybody_may_have_their_own(
    iletimerkezi: "Command", sandbox: "Sandbox", tmp_path: Path
) -> None:
    """The question shows the first of the texts; numbers that are typed need a `--yes` in advance."""
    path = _write(tmp_path / "list.csv", ["telefon,ad", "5301230000,Ali"])
    code, screen = iletimerkezi.in_terminal("bulk", "Sayın {ad}", "--to", path, typed="y\n")
    assert (code, len(sandbox.orders)) == (0, 1)
    assert "Send 1 SMS to 1 recipient as FIRMA, now? [y/N]" in screen
    code, screen = iletimerkezi.in_terminal("bulk", _TEXT, "--to", "-")
    assert code == 2
    assert "say --yes" in screen
    code, screen = iletimerkezi.in_terminal("bulk", _TEXT, "--to", "-", "--yes", typed="5301230001\n\x04")
    assert code == 0
    assert sandbox.deliveries == dict.fromkeys(_NUMBERS[:2], 1)
