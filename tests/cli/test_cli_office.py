"""What a sheet shows, by a spreadsheet that is installed here: LibreOffice, with the settings of Turkey."""

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from iletimerkezi_async.cli.sheets import Sheet
from iletimerkezi_async.values import Unshown

openpyxl = pytest.importorskip("openpyxl")
SOFFICE = shutil.which("soffice")

NUMBERS: list[object] = [
    0, 1, -1, 7, 42, 1234, 1250.5, -1250.5, 0.5, 0.125, 1.005, 2.675, 99.995, 1234567.891, 5301234567, 905301234567,
    0.1 + 0.2, 1e7, "Ali", "1.5",
]  # fmt: skip
#: Days and times; LibreOffice counts those before March 1900 otherwise than Excel.
DAYS: list[object] = [61, 366, 1234, 1250.5, 45992, 45992.25, 46357.3784375, 46357.75]
TIMES: list[object] = [0.25, 0.3784375, 0.5, 0.75, 1.25, 2.5, 45992.25]
FORMS: dict[str, list[object]] = {
    **dict.fromkeys((
        "General", "0", "0.00", "0.000", "#,##0", "#,##0.00", "#,##0.0000", "0000", "000000000000", "#", "#,###",
        "0.0#", "?.??", "???0.0??", "0.0%", "0.00 %", '0.0%" indirim"', '#,##0.00 "TL"', "#,##0.00\\ [$TL-41F]",
        "[$₺-41F]#,##0.00", "[$₺-tr-TR] #,##0.00", '"₺"#,##0.00', "#,##0.00 €", "[$€-2] #,##0.00", "[$$-409]#,##0.00",
        "#,##0 ₺;-#,##0 ₺", "#,##0.00;(#,##0.00)", '0;(0);"-"', '0.00;[Red]-0.00;"sıfır"', "0;-0;;@", ";;;", "0;@",
        '"var";"eksi";"yok"', '0 "adet"', '"No: "0', '0" TL/ay"', '"Sayın "@', "@", "0_);(0)", "_-0_-", "0*-",
        "000 000 00 00", "0(000) 000 00 00", "\\(000\\)\\ 000\\-0000", "+00 000 000 00 00", "0\\.0", "0.00-", "\\a0",
        "[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", '[=1]"Bay";[=0]"Bayan";0', '[>=1000]#,##0,"K";0', "0,", "0.0,",
        '0.0,,"M"', "#,##0_);(#,##0)", "#,##0.00_);[Red](#,##0.00)", "# ?/?", "0.00E+00", "0.0.0", '"No: "@" adet"',
        '_-* #,##0.00 [$TL-41F]_-;-* #,##0.00 [$TL-41F]_-;_-* "-"?? [$TL-41F]_-;_-@_-',
        '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)',
    ), NUMBERS),
    **dict.fromkeys((
        "dd.mm.yyyy", "d.m.yyyy", "d.m.yy", "dd/mm/yyyy", "d/m", "yyyy-mm-dd", "yyyy/mm/dd", "m/d/yyyy", "d-mmm-yy",
        "d-mmm", "mmm-yy", "dd-mmm-yyyy", "d mmmm yyyy", "dd mmmm yyyy dddd", "[$-41F]d mmmm yyyy;@", "[$-409]d mmm",
        "[$-409]mmmm d, yyyy", "[$-409]dd/mm/yyyy", "[$-407]d mmmm", "[$-419]d mmmm yyyy", "ddd", "dddd", "mmmm",
        "yyyy", "dd.mm.yyyy hh:mm", "yyyy-mm-dd hh:mm:ss", 'yyyy"-"mm"-"dd"T"hh:mm', "mmmmm", "yy", "e", "gg", "0 Adet",
    ), DAYS),
    **dict.fromkeys((
        "h:mm", "h:mm:ss", "hh:mm", "mm:ss", "mmss.0", "[h]:mm", "[hh]:mm:ss", "[mm]:ss", "[ss]", "[m]", '[h] "saat"',
        'h "saat" mm "dakika"', "hh:mm:ss.00", "[$-F400]h:mm:ss AM/PM", "hh:mm A/P",
    ), TIMES),
}  # fmt: skip


def show(book: Path, folder: Path) -> list[list[str]]:
    """The rows of a sheet as LibreOffice shows them."""
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><oor:items xmlns:oor="http://openoffice.org/2001/registry">'
        '<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse">'
        "<value>tr-TR</value></prop></item></oor:items>"
    )
    kind = "csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,true,true"
    profiles = f"-env:UserInstallation={profile.as_uri()}"
    subprocess.run(
        [str(SOFFICE), profiles, "--headless", "--convert-to", kind, "--outdir", str(folder), str(book)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    with book.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        return [*csv.reader(file)]


@pytest.mark.skipif(SOFFICE is None, reason="there is no LibreOffice")
def test_a_sheet_is_read_as_it_is_shown(tmp_path: Path) -> None:
    """Under each format every value is what LibreOffice shows, or it is refused."""
    book = openpyxl.Workbook()
    for line, (form, values) in enumerate(FORMS.items(), 1):
        for column, value in enumerate(values, 1):
            book.active.cell(line, column, value).number_format = form
    for column in "ABCDEFGHIJKLMNOPQRST":
        book.active.column_dimensions[column].width = 60
    book.save(tmp_path / "book.xlsx")
    theirs = show(tmp_path / "book.xlsx", tmp_path)
    sheet = Sheet(io.BytesIO((tmp_path / "book.xlsx").read_bytes()), "book.xlsx", None, comma=True)
    ours = {row.line: row.cells for piece in sheet.pieces() for row in piece}
    told, otherwise = 0, []
    for line, (form, values) in enumerate(FORMS.items(), 1):
        for value, mine, yours in zip(values, ours.get(line, [""] * len(values)), theirs[line - 1]):
            if isinstance(mine, Unshown):
                continue
            told += 1
            # Excel shows the sign also of what is rounded to 0.
            if yours.strip() not in {mine.strip(), mine.replace("-0", "0").strip()}:
                otherwise.append((form, value, mine, yours))
    assert otherwise == []
    assert told > 1400
