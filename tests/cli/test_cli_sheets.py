"""Workbooks: the numbers and texts of a sheet, as they are shown to whoever opens it."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async.cli.display import working
from iletimerkezi_async.formats import show_cell
from iletimerkezi_async.values import Unshown, read_value

if TYPE_CHECKING:
    from conftest import Command

openpyxl = pytest.importorskip("openpyxl")

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
_LIRA = '_-* #,##0.00\\ "₺"_-;\\-* #,##0.00\\ "₺"_-;_-* "-"??\\ "₺"_-;_-@_-'


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (5301234567, "General", "5301234567"), (5301234567.0, "General", "5301234567"),
        (905301234567, "General", "905301234567"), (5301234567, "0", "5301234567"),
        (5301234567, "00000000000", "05301234567"), (5301234567, "0000 000 00 00", "0530 123 45 67"),
        (5301234567, "0###########", "05301234567"), (7, "000", "007"), (5301234567, "#,##0", "5.301.234.567"),
        (5301234567, "[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "(530) 123-4567"),
        (5301234567, '"+90 "### ### ## ##', "+90 530 123 45 67"), (5301234567, "@", "5301234567"),
        (12.5, "General", "12,5"), (1 / 3, "General", "0,333333333"), (-12.5, "General", "-12,5"),
        (1250.5, "0.00", "1250,50"), (1250.5, "#,##0.00", "1.250,50"), (1250.5, '#,##0.00\\ "TL"', "1.250,50 TL"),
        (1250.5, "[$₺-41F]#,##0.00", "₺1.250,50"), (1250, _LIRA, "1.250,00 ₺"), (-1250, _LIRA, "-1.250,00 ₺"),
        (0, _LIRA, "-   ₺"), (2.005, "0.00", "2,01"), (0.125, "0%", "13%"), (0.125, "0.0%", "12,5%"),
        (-5, "0.0;[Red](0.0)", "(5,0)"), (0, '0;-0;"yok"', "yok"), (1234567, "0,", "1235"), (1500, "0.0,", "1,5"),
        (0.5, "#.##", ",5"), (3, "0.0#", "3,0"), (0, "#", ""),
        ("metin", "0.00", "metin"), ("0530", "@", "0530"), (True, "General", "DOĞRU"), (False, "General", "YANLIŞ"),
        (datetime(2026, 12, 1, tzinfo=timezone.utc), "mm-dd-yy", "1.12.2026"),
        (datetime(2026, 12, 1, 9, 5, tzinfo=timezone.utc), "dd.mm.yyyy hh:mm", "01.12.2026 09:05"),
        (datetime(2026, 12, 1, 9, 5, 7, tzinfo=timezone.utc), "yyyy-mm-dd hh:mm:ss", "2026-12-01 09:05:07"),
        (datetime(2026, 12, 1, tzinfo=timezone.utc), "d mmmm yyyy dddd", "1 Aralık 2026 Salı"),
        (datetime(2026, 12, 1, tzinfo=timezone.utc), "[$-41F]d mmm yy;@", "1 Ara 26"),
        (datetime(2026, 12, 1, tzinfo=timezone.utc), "General", "01.12.2026"),
        (time(14, 5), "h:mm", "14:05"), (time(14, 5), "h:mm AM/PM", "2:05 ÖS"), (time(0, 5), "hh:mm AM/PM", "12:05 ÖÖ"),
        (time(14, 5, 9), "mm:ss", "05:09"), (timedelta(hours=30, minutes=5), "[h]:mm:ss", "30:05:00"),
        (1.25, "[h]:mm", "30:00"), (1.25, "[mm]:ss", "1800:00"), (0.5, "h:mm", "12:00"),
        (46357.999999, "d.m.yy h:mm", "2.12.26 0:00"),
        (46357, "[$-409]d-mmm", "1-Dec"), (46357, "[$-F800]dddd, mmmm dd, yyyy", "1 Aralık 2026 Salı"),
        (61, "d.m.yyyy", "1.3.1900"), (2958465, "d.m.yyyy", "31.12.9999"),
        (5, "0.##", "5,"), (28.499999999999996, "0", "29"), (-0.001, "0.00", "-0,00"),
        (1000 / 7, "General", "142,8571429"),
        (1234567890.55, "General", "1234567890,55"), (3.3000000000000003, "General", "3,3"),
        (1, ";;;", ""), (5, '0 "adet";;', "5 adet"), ("Ali", '"Sayın "@', "Sayın Ali"), ("Ali", ";;;", ""),
        (46357, "d-mmm-yy", "01.Ara.26"), (46357, "d-mmm", "01.Ara"), (46357, "dd/mm/yyyy", "01.12.2026"),
        (46357, "[$-409]dd/mm/yyyy", "01/12/2026"), (time(9, 5), "h:mm", "09:05"), (time(9, 5), "h:mm:ss", "09:05:00"),
        (-5, "0;@", "-5"), (5, "#,##0_);(#,##0)", "5"),
        (2, '[=1]"Bay";[=2]"Bayan";"?"', "Bayan"), (12.5, "_-* 0.0_-", "12,5"),
    ],
)  # fmt: skip
def test_a_value_is_shown_under_its_number_format(value: object, form: str, shown: str) -> None:
    """As a spreadsheet in Turkey shows it, spaces at the ends left aside."""
    assert show_cell(value, form).strip() == shown
    assert type(show_cell(value, form)) is str


@pytest.mark.parametrize(
    ("value", "form", "plain"),
    [
        (1.5, "# ?/?", "1.5"), (5301234567, "0.00E+00", "5301234567"), (float("inf"), "0", "inf"),
        (5301234567, "dd.mm.yyyy", "5301234567"), (-1, "[h]:mm", "-1"), (46357, "[$-407]d mmmm", "46357"),
        (1250, '"$"#,##0_);\\("$"#,##0\\)', "1250"), (3, '[=1]"Bay";[=2]"Bayan"', "3"),
        (-5, "#,##0_);(#,##0)", "-5"), (-5, '[>9]"çok";0', "-5"), (5, '@" adet"', "5"), (46357, "0 Adet", "46357"),
        (0, "d.m.yyyy", "0"), (59, "d.m.yyyy ddd", "59"), (60, "d.m.yyyy", "60"),
        (46357, "e", "46357"), (0.5, "hh:mm A/P", "0.5"), (5, "0.0.0", "5"), (-1, "d mmmm yyyy;@", "-1"),
        (1234567890123456, "0", "1234567890123456"), (1e-12, "General", "0.000000000001"),
    ],
)  # fmt: skip
def test_what_is_shown_in_a_way_that_cannot_be_told_is_no_text(value: object, form: str, plain: str) -> None:
    """Unsupported cell formats, such as fractions and powers of ten, give no text, but may give a phone number."""
    shown = show_cell(value, form)
    assert (type(shown), str(shown)) == (Unshown, plain)
    assert read_value(shown) == "there is a value with an unsupported cell format"


@given(
    st.floats() | st.integers() | st.text() | st.datetimes() | st.times() | st.timedeltas() | st.booleans(),
    st.text('0#?.,;%@"\\[]$-_* EyYmMdDhHsS/AP:<>=1General\u20ba ', max_size=14),
)
def test_no_format_breaks_a_sheet(value: object, form: str) -> None:
    """Whatever is written there: something is shown, or the plain value as what cannot be told."""
    assert isinstance(show_cell(value, form), str)


def test_decimals_may_stand_behind_a_point() -> None:
    """And thousands behind commas, as where English is spoken."""
    for value, form, shown in (
        (1250.5, "#,##0.00", "1,250.50"),
        (1250.5, "General", "1250.5"),
        (0.125, "0.0%", "12.5%"),
    ):
        assert show_cell(value, form, comma=False) == shown


@pytest.fixture
def read(in_process: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, object]]:
    monkeypatch.setenv("ILETIMERKEZI_IYS", "off")
    for name in ("KEY", "HASH"):
        monkeypatch.delenv(f"ILETIMERKEZI_API_{name}")

    def run(text: str, *options: str) -> dict[str, object]:
        result = in_process("bulk", text, "--to", "list.xlsx", "--dry-run", "--json", *options)
        assert (result.returncode, result.stderr) == (0, "")
        told = json.loads(result.stdout)
        assert told["read"] == told["recipients"] + told["refused"] + told["duplicates"]
        return {
            **told["list"],
            "read": told["read"],
            "sent": [(each["number"], each["text"]) for each in told["examples"]],
            "refused": [(each["number"], each["reason"]) for each in told["refused_examples"]],
        }

    return run


def write(
    path: Path, *sheets: tuple[str, Sequence[Sequence[object]]], hidden: int = 0, epoch: datetime | None = None
) -> None:
    """Write a workbook; a cell may be a value with its number format. The first sheets are hidden."""
    book = openpyxl.Workbook()
    book.epoch = epoch or book.epoch
    book.remove(book.active)
    for index, (title, rows) in enumerate(sheets):
        sheet = book.create_sheet(title)
        sheet.sheet_state = "hidden" if index < hidden else "visible"
        for line, row in enumerate(rows, 1):
            for column, cell in enumerate(row, 1):
                value, form = cell if isinstance(cell, tuple) else (cell, "General")
                written = sheet.cell(line, column, value)
                written.number_format = form
    book.save(path)


def test_a_sheet_is_read_as_it_is_shown(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """Numbers of every type, amounts and dates are read; blank rows are skipped, all others are sent or listed."""
    day = datetime(2026, 12, 1)  # noqa: DTZ001 - cells have no time zone
    write(tmp_path / "list.xlsx", ("Liste", [
        ["Müşteri Listesi"],
        [],
        ["Ad Soyad", "Cep Telefonu", "Tutar (TL)", "Tarih"],
        ["Ali", 5301234567, (1250.5, "#,##0.00"), (day, "dd.mm.yyyy")],
        ["Ayşe", (5301234568, "0000 000 00 00"), (0.5, "0%"), (day, "d mmmm")],
        ["Can", "0530 123 45 69", 5, "-"],
        ["Ece", None, 5, "-"],
        ["Efe", 5301234571.0, "#N/A", "-"],
        [None, None, None, None],
        ["Naz", 5301234572, 5, "-", None, "x"],
        ["Toplam", (4, "0"), (1256, "0.00")],
    ]))  # fmt: skip
    told = read("{ad soyad}: {Tutar (TL)}, {TARİH}")
    assert told["sent"] == [
        ("+905301234567", "Ali: 1.250,50, 01.12.2026"), ("+905301234568", "Ayşe: 50%, 1 Aralık"),
        ("+905301234569", "Can: 5, -"),
    ]  # fmt: skip
    assert told["refused"] == [
        ("", "row 7: not a phone number: it is empty"),
        ("+905301234571", "row 8: there is a spreadsheet error in the column 'Tutar (TL)'"),
        ("5301234572", "row 10: 6 values in 4 columns: it is unknown which is which"),
        ("4", "row 11: not a phone number"),
    ]
    assert (told["column"], told["header"], told["sheet"]) == ("'Cep Telefonu' (2 of 4)", "row 3", "'Liste'")


def test_a_formula_without_a_saved_value_is_listed(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """As programs write it that do not reckon: the text would have a hole where the spreadsheet shows an amount."""
    rows: list[list[object]] = [
        ["telefon", "borc"],
        *([5301234000 + index, "x"] for index in range(6000)),
        [5301240000, "=2*625"],
    ]
    rows[4000][1], rows[4001] = "=B2", ["=B2"]
    write(tmp_path / "list.xlsx", ("Liste", rows))
    told = read("{borc} TL")
    assert told["refused"] == [
        (number, f"row {line}: a formula in it has no saved value; open the list in a spreadsheet, and save it there")
        for number, line in (("5301237999", 4001), ("", 4002), ("5301240000", 6002))
    ]


def test_rows_that_are_hidden_are_listed(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """Whoever has filtered a list, and saved it, means those whom it shows."""
    write(tmp_path / "list.xlsx", ("Liste", [["Telefon"], *([5301234000 + index] for index in range(5000))]))
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    for line in (2, 5, 4000, 5001):
        book.active.row_dimensions[line].hidden = True
    book.save(tmp_path / "list.xlsx")
    assert read("Merhaba")["refused"] == [
        (str(5301234000 + line - 2), f"row {line}: it is hidden in the sheet") for line in (2, 5, 4000, 5001)
    ]


def test_the_sheet_is_the_first_that_is_seen(
    read: Callable[..., dict[str, object]], in_process: Run, tmp_path: Path
) -> None:
    """Or the one that is named, by its name or its place."""
    rows = [[["Telefon"], [number]] for number in (5301234567, 5301234568, 5301234569)]
    write(tmp_path / "list.xlsx", ("Gizli", rows[0]), ("Liste", rows[1]), ("Başka", rows[2]), hidden=1)
    for options, title, number in (
        ((), "Liste", 8), (("--sheet", "BAŞKA"), "Başka", 9), (("--sheet", "3"), "Başka", 9),
        (("--sheet", "1"), "Gizli", 7),
    ):  # fmt: skip
        told = read("Merhaba", *options)
        assert (told["sheet"], told["sent"]) == (repr(title), [(f"+90530123456{number}", "Merhaba")])
    for wanted in ("4", "0", "yok"):
        result = in_process("bulk", "Merhaba", "--to", "list.xlsx", "--sheet", wanted, "--dry-run")
        assert (result.returncode, result.stderr) == (
            2, f"iletimerkezi: list.xlsx has no sheet {wanted!r}; there are: Gizli, Liste, Başka\n",
        )  # fmt: skip


def test_a_workbook_may_be_piped_and_lie_about_its_size(iletimerkezi: "Command", tmp_path: Path) -> None:
    """Some programs write the size of one cell; and a pipe is read to its end."""
    write(tmp_path / "list.xlsx", ("Liste", [["Ad", "Telefon"], ["Ali", 5301234567]]))
    lying = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "list.xlsx") as old, zipfile.ZipFile(lying, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1"'))
    (tmp_path / "lying.xlsx").write_bytes(lying.getvalue())
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    with (tmp_path / "lying.xlsx").open("rb") as file:
        process = iletimerkezi.start("bulk", "{ad}", "--to", "-", "--dry-run", "--json", stdin=file.fileno())
        told = json.loads(iletimerkezi.end(process).stdout)
    assert told["examples"] == [{"number": "+905301234567", "text": "Ali"}]


@pytest.mark.parametrize("empty", ["sheet", "archive", "half", "word", "bits"])
def test_what_is_no_sheet_of_recipients(empty: str, in_process: Run, tmp_path: Path) -> None:
    """It is one line of error that says what to do."""
    path = tmp_path / "list.xlsx"
    write(path, ("Liste", []))
    if empty == "archive":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "5301234567")
    if empty == "half":
        path.write_bytes(path.read_bytes()[:-100])
    if empty == "word":
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "new", "w") as new:
            for name in old.namelist():
                new.writestr(name, b"<a>" if "sheet1" in name else old.read(name))
        (tmp_path / "new").rename(path)
    if empty == "bits":
        write(path, ("Liste", [["Telefon"], *([number] for number in range(5301234567, 5301239000, 7))]))
        data = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            place = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 300
        data[place : place + 200] = bytes(200)
        path.write_bytes(data)
    result = in_process("bulk", "Merhaba", "--to", "list.xlsx", "--dry-run", "--iys", "off")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("iletimerkezi: list.xlsx: ")
    assert "bug" not in result.stderr


def test_without_the_library_it_says_how_to_get_it(
    in_process: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or how to do without."""
    write(tmp_path / "list.xlsx", ("Liste", [["Telefon"], [5301234567]]))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    result = in_process("bulk", "Merhaba", "--to", "list.xlsx", "--dry-run", "--iys", "off")
    assert result.returncode == 1
    assert result.stderr == (
        "iletimerkezi: list.xlsx is a workbook, which needs: pip install 'iletimerkezi-async[xlsx]'; or save it as "
        "CSV UTF-8\n"
    )


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [("list.csv", "--sheet", "2"), ("list.xlsx", "--delimiter", ";"), ("list.xlsx", "--encoding", "cp1254")],
)
def test_an_option_for_a_list_of_another_kind(
    in_process: Run, tmp_path: Path, name: str, option: str, value: str
) -> None:
    """It is not ignored in silence: it was meant for another file."""
    write(tmp_path / "list.xlsx", ("Liste", [["Telefon"], [5301234567]]))
    (tmp_path / "list.csv").write_text("Telefon\n5301234567\n")
    command = ["bulk", "Merhaba", "--to", name, "--dry-run", "--iys", "off"]
    assert in_process(*command).returncode == 0
    result = in_process(*command, option, value)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"leave out {option}" in result.stderr


def rewrite(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    """Change the parts of a workbook."""
    with zipfile.ZipFile(path) as old:
        parts = [(name, change(name, old.read(name))) for name in old.namelist()]
    with zipfile.ZipFile(path, "w") as new:
        for name, part in parts:
            new.writestr(name, part)


def test_a_made_up_value_of_a_formula_is_none(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """XlsxWriter and its kin save 0, to be reckoned when a spreadsheet opens it; with arrays, more cells than one."""
    xlsxwriter = pytest.importorskip("xlsxwriter")
    with xlsxwriter.Workbook(str(tmp_path / "list.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["telefon", "borc"])
        for line in range(1, 8):
            sheet.write_number(line, 0, 5301234560 + line)
            sheet.write_number(line, 1, 5)
        sheet.write_formula(1, 1, "=2*625")
        sheet.write_array_formula(3, 1, 4, 1, "{=A1:A2*2}")
        sheet.write_formula(6, 1, "=2*625", value=1250)
    told = read("{borc} TL")
    assert [number for number, _ in told["sent"]] == [f"+90530123456{last}" for last in (2, 5, 7)]
    reason = "a formula in it has no saved value; open the list in a spreadsheet, and save it there"
    assert told["refused"] == [(str(5301234559 + line), f"row {line}: {reason}") for line in (2, 4, 5, 7)]


def test_a_value_that_a_spreadsheet_saved_is_one(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """Also zero, as spreadsheets write it; 0.0 is another program's."""
    write(tmp_path / "list.xlsx", ("Liste", [["telefon", "borc"], [5301234567, "=A1"], [5301234568, "=A2"]]))

    def save(name: str, part: bytes) -> bytes:
        part = part.replace(b' fullCalcOnLoad="1"', b"")
        part = re.sub(rb"<f>A2</f><v ?/?>(</v>)?", b"<f>A2</f><v>0.0</v>", part)
        return re.sub(rb"<f>A1</f><v ?/?>(</v>)?", b"<f>A1</f><v>0</v>", part)

    rewrite(tmp_path / "list.xlsx", save)
    told = read("{borc} TL")
    assert told["sent"] == [("+905301234567", "0 TL")]
    assert told["refused"][0][1].startswith("row 3: a formula in it has no saved value")  # type: ignore[index]


def test_merged_cells_have_one_value(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """As the sheet shows it once for all of their rows; a row that has nothing else is none."""
    write(tmp_path / "list.xlsx", ("Liste", [
        ["M\u00fc\u015fteri Listesi"], ["telefon", "ad", "\u015fube"],
        [5301234561, "A", "Kad\u0131k\u00f6y"], [5301234562, "B"], [5301234563, "C"], [5301234564, "D", "Moda"],
    ]))  # fmt: skip
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    for cells in ("A1:XFD1", "C3:C5", "C6:C9"):
        book.active.merge_cells(cells)
    book.save(tmp_path / "list.xlsx")
    told = read("{ad}: {\u015fube}", "--sheet", "Liste")
    assert [text for _, text in told["sent"]] == [
        "A: Kad\u0131k\u00f6y",
        "B: Kad\u0131k\u00f6y",
        "C: Kad\u0131k\u00f6y",
    ]
    assert (told["read"], told["refused"]) == (4, [])


def test_cells_that_are_merged_over_columns_are_one_column(
    read: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    """As they are seen: their header is not there twice."""
    write(tmp_path / "list.xlsx", ("Liste", [
        ["telefon", "ad soyad", None, "borc"], [5301234561, "Ali Kaya", None, 5], [5301234562, "Ay\u015fe", None, 6],
    ]))  # fmt: skip
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    for cells in ("B1:C1", "B2:C2", "B3:C3"):
        book.active.merge_cells(cells)
    book.save(tmp_path / "list.xlsx")
    assert [text for _, text in read("{ad soyad} {borc}")["sent"]] == ["Ali Kaya 5", "Ay\u015fe 6"]  # type: ignore[attr-defined]


def test_escapes_are_undone(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """Of characters that XML has no room for, of what only looks like one, and of pairs."""
    written = ["a_x000D_\nb_x00e7_", "_x005F_x000D_", "_xD83D__xDE00_ x_y"]
    write(
        tmp_path / "list.xlsx",
        ("Liste", [["telefon", "ad"], *([5301234560 + index, f"ad{index}"] for index in range(3))]),
    )

    def escape(_: str, part: bytes) -> bytes:
        for index, text in enumerate(written):
            part = part.replace(f"ad{index}<".encode(), f"{text}<".encode())
        return part

    rewrite(tmp_path / "list.xlsx", escape)
    sent = read("{ad}")["sent"]
    assert [text for _, text in sent] == ["a\nb\u00e7", "_x000D_", "\U0001f600 x_y"]  # type: ignore[attr-defined]


def test_days_and_durations_are_told_by_their_formats(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """Days and durations are read by their formats, in both date systems and without warnings; see `read`."""
    day = datetime(2026, 12, 1, 9, 5)  # noqa: DTZ001 - cells have no time zone
    for epoch in (openpyxl.utils.datetime.CALENDAR_WINDOWS_1900, openpyxl.utils.datetime.CALENDAR_MAC_1904):
        write(tmp_path / "list.xlsx", ("Liste", [
            ["telefon", "ne zaman"], [5301234561, (day, "d mmmm hh:mm")], [5301234562, (timedelta(hours=30), "[h]:mm")],
            [(5301234563, "dd.mm.yyyy"), (time(9, 5), "hh:mm")], [5301234564, (5301234564, "dd.mm.yyyy")],
        ]), epoch=epoch)  # fmt: skip
        told = read("{ne zaman}")
        assert [text for _, text in told["sent"]] == ["1 Aral\u0131k 09:05", "30:00", "09:05"]
        assert told["refused"] == [("+905301234564", (
            "row 5: there is a value with an unsupported cell format in the column 'ne zaman'"
        ))]  # fmt: skip


def test_decimals_with_a_point(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """Are an option; numbers of telephones are read in both ways, and how it was read is told."""
    write(tmp_path / "list.xlsx", ("Liste", [["telefon", "borc"], [(5301234567, "#,##0"), (1250.5, "#,##0.00")]]))
    assert (read("{borc}")["decimals"], read("{borc}")["sent"]) == (
        "with a comma: 1,5", [("+905301234567", "1.250,50")],
    )  # fmt: skip
    assert (read("{borc}", "--decimal-point")["decimals"], read("{borc}", "--decimal-point")["sent"]) == (
        "with a point: 1.5", [("+905301234567", "1,250.50")],
    )  # fmt: skip


def test_a_strict_workbook_is_read(read: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    """As Excel writes it when it is asked to keep to the standard: other names, and days that are written out."""
    write(tmp_path / "list.xlsx", ("Liste", [["telefon", "g\u00fcn"], [5301234567, (5, "d.mm.yyyy")]]))

    def to_strict(_: str, part: bytes) -> bytes:
        part = re.sub(rb"http://schemas\.openxmlformats\.org/(\w+)/2006/", rb"http://purl.oclc.org/ooxml/\1/", part)
        return part.replace(b't="n"><v>5</v>', b't="d"><v>2026-12-01</v>').replace(
            b"http://purl.oclc.org/ooxml/package/", b"http://schemas.openxmlformats.org/package/2006/"
        )

    rewrite(tmp_path / "list.xlsx", to_strict)
    assert read("{g\u00fcn}")["sent"] == [("+905301234567", "1.12.2026")]


@pytest.mark.parametrize(
    ("part", "kind"),
    [("content.xml", "an .ods"), ("xl/workbook.bin", "an .xlsb"), ("word/document.xml", "a document of Word")],
)
def test_files_of_other_programs_are_told_by_their_kind(part: str, kind: str, in_process: Run, tmp_path: Path) -> None:
    """In one line of error that says what to do."""
    with zipfile.ZipFile(tmp_path / "list.ods", "w") as archive:
        archive.writestr(part, "5301234567")
    result = in_process("bulk", "Merhaba", "--to", "list.ods", "--dry-run", "--iys", "off")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert f"list.ods: it is {kind}" in result.stderr
    assert result.stderr.endswith("save it as .xlsx or CSV UTF-8\n")


def test_a_terminal_shows_that_a_workbook_is_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one line, which is taken away in the end."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with working("reading list.xlsx"):
        pass
    assert "reading list.xlsx" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")
