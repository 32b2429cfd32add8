import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iletimerkezi_async.cli.consents import read_consents
from iletimerkezi_async.cli.messages import CommandError

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

_TURKISH_TIME = timezone(timedelta(hours=3))
_HEADER = "recipient,recipient_type,type,status,source,consent_date"
_NOW = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)
_GOOD = "5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,2026-12-01 09:00"


def _read(path: Path, *lines: str, header: str = _HEADER, encoding: str = "utf-8") -> list[str]:
    path.write_text("\n".join((header, *lines)) + "\n", encoding)
    return [f"{row.recipient} {row.consent_date:%d.%m. %H:%M %z}" for row in read_consents(str(path), now=_NOW)]


def test_register_and_check(iletimerkezi: "Command", tmp_path: Path) -> None:
    """What a file says is registered, and then known; the brand comes from an option or the environment."""
    given = datetime.now(_TURKISH_TIME).replace(microsecond=0) - timedelta(hours=1)
    rows = (
        f"0530 123 45 67,BIREYSEL,MESAJ,ONAY,HS_WEB,{given:%Y-%m-%d %H:%M:%S}\n"
        f"biri@example.com,TACIR,EPOSTA,RET,HS_EORTAM,{given.isoformat()}\n"
    )
    file = tmp_path / "consents.csv"
    file.write_text(f"{_HEADER}\n{rows}", "utf-8")
    result = iletimerkezi("consent", "register", "consents.csv", "--brand", "BRAND")
    assert (result.returncode, result.stdout, result.stderr) == (0, "registered  2\n", "")
    iletimerkezi.env["ILETIMERKEZI_BRAND"] = "BRAND"
    result = iletimerkezi("consent", "register", "-", "--json", stdin=f"{_HEADER}\n{rows}")
    assert json.loads(result.stdout) == {"registered": 2}
    plain = iletimerkezi("consent", "check", "5301234567", "--recipient-type", "bireysel").stdout
    assert plain == f"status  ONAY\nsource  HS_WEB\ndate    {given:%Y-%m-%d %H:%M}\n"
    question = ("consent", "check", "biri@example.com", "--recipient-type", "TACIR", "--type", "eposta", "--json")
    assert json.loads(iletimerkezi(*question).stdout) == {
        "recipient": "biri@example.com",
        "recipient_type": "TACIR",
        "type": "EPOSTA",
        "status": "RET",
        "source": "HS_EORTAM",
        "consent_date": given.isoformat(),
    }


def test_no_record(iletimerkezi: "Command") -> None:
    """It is said in words, and as JSON with the same keys as ever."""
    question = ("consent", "check", "5301234569", "--brand", "BRAND", "--recipient-type", "bireysel")
    plain = iletimerkezi(*question)
    assert (plain.returncode, plain.stdout) == (0, "status  no record\n")
    fields = json.loads(iletimerkezi(*question, "--json").stdout)
    assert list(fields) == ["recipient", "recipient_type", "type", "status", "source", "consent_date"]
    assert fields["recipient"] == "+905301234569"
    assert fields["status"] is fields["consent_date"] is None


def test_json_is_utf_8(iletimerkezi: "Command") -> None:
    """In every locale, as JSON knows no other encoding."""
    iletimerkezi.env["PYTHONIOENCODING"] = "ascii"
    question = ("consent", "check", "ışık@example.com", "--type", "eposta", "--recipient-type", "tacir", "--json")
    result = iletimerkezi(*question, "--brand", "BRAND")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["recipient"] == "ışık@example.com"


def test_wrong_usage(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """What is missing or wrong is named before anything is asked."""
    for arguments, complaint in (
        (("check", "5301234567"), "say --brand, or set ILETIMERKEZI_BRAND"),
        (("register", "nowhere.csv"), "say --brand, or set ILETIMERKEZI_BRAND"),
        (
            ("check", "5301234567", "--brand", "B"),
            "say --recipient-type: bireysel (an individual) or tacir (a merchant)",
        ),
        (
            ("check", "x@example.com", "--brand", "B", "--recipient-type", "tacir"),
            "'x@example.com' is not a Turkish mobile number",
        ),
    ):
        result = iletimerkezi("consent", *arguments)
        assert (result.returncode, result.stderr) == (2, f"iletimerkezi: {complaint}\n")
    result = iletimerkezi("consent", "register", "nowhere.csv", "--brand", "B")
    assert (result.returncode, result.stderr) == (1, "iletimerkezi: nowhere.csv: No such file or directory\n")
    assert not sandbox.requests


def test_a_refusal_tells_how_far_it_came(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """The service's refusal and a lost answer say what is registered, and nothing about sending."""
    given = datetime.now(_TURKISH_TIME) - timedelta(hours=1)
    rows = f"{_HEADER}\n5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,{given:%Y-%m-%d %H:%M}\n"
    refused = iletimerkezi("consent", "register", "-", "--brand", "BASKA", stdin=rows)
    assert refused.returncode == 1
    assert re.fullmatch(
        r"iletimerkezi: consent/create: 403 .*: 0 of 1 are registered, from the first on\n", refused.stderr
    )
    told = json.loads(iletimerkezi("consent", "register", "-", "--brand", "BASKA", "--json", stdin=rows).stdout)
    # What to do is told once.
    assert told["advice"]
    assert told["advice"] not in told["error"]
    assert told["error"].endswith("0 of 1 are registered, from the first on")
    sandbox.fail("consent/create", "drop-answer", times=9)
    lost = iletimerkezi("consent", "register", "-", "--brand", "BRAND", stdin=rows)
    assert lost.returncode == 3
    assert lost.stderr.endswith("the next ones may be, too: `iletimerkezi consent check` tells\n")


def test_files_of_spreadsheets(tmp_path: Path) -> None:
    """A mark in front, semicolons, another order of columns, quotes and empty lines are all fine."""
    file = tmp_path / "x.csv"
    assert _read(file, _GOOD, "", " , ,,,,", encoding="utf-8-sig") == ["+905301234567 01.12. 09:00 +0300"]
    header = "Type;Recipient;recipient_type;status;source;consent_date"
    row = 'MESAJ;"0530 123 45 67";TACIR;RET;HS_WEB;2026-12-01T06:00:00Z'
    assert _read(file, row, header=header) == ["+905301234567 01.12. 06:00 +0000"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB", "line 4: 5 values instead of 6"),
        ("5301234567,KİŞİ,MESAJ,ONAY,HS_WEB,2026-12-01 09:00", "line 4: `recipient_type` must be one of BIREYSEL"),
        ("5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,01.12.2026", "line 4: `consent_date` must be a time such as"),
        ("5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,2026-12-01", "line 4: `consent_date` must be a time such as"),
        ("5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,2026-12-41 09:00", "line 4: `consent_date` must be a time such as"),
        ("5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,2026-11-21 09:00", "line 4: `consent_date` is older than 3 days"),
        ("5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,2026-12-02 09:00", "line 4: `consent_date` is in the future"),
        ("530123,BIREYSEL,MESAJ,ONAY,HS_WEB,2026-12-01 09:00", "line 4: `recipient` is neither a Turkish"),
        ('"a" b,BIREYSEL', "line 4: "),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    """Its number in the file and what is wrong with it, without the recipient; nothing of the file is taken."""
    file = tmp_path / "x.csv"
    with pytest.raises(CommandError) as refused:
        _read(file, _GOOD, "", line, _GOOD)
    assert str(refused.value).startswith(f"{file}, {complaint}")
    assert str(refused.value).endswith("; nothing was registered")
    assert "5301234567" not in str(refused.value)


def test_a_flood_of_bad_lines_is_one_line(tmp_path: Path) -> None:
    """The first is named and the others are counted; a row of two lines counts as two."""
    file = tmp_path / "x.csv"
    two_lines = '5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,"2026-12-01 09:00\n"'
    with pytest.raises(CommandError, match=r"line 4: 1 values instead of 6 \(and 2 more bad lines\)"):
        _read(file, two_lines, "x", "y", "z")


def test_files_that_are_none(tmp_path: Path) -> None:
    """A wrong header and other bytes than text are named."""
    file = tmp_path / "x.csv"
    with pytest.raises(CommandError, match=f"line 1: the header must be {_HEADER}"):
        _read(file, _GOOD, header="number,status")
    with pytest.raises(CommandError, match="is not UTF-8"):
        _read(file, "ş" * 9, encoding="iso-8859-9")
