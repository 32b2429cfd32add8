"""One list in every shape, through both doors: `fill_template` and the command make the same messages of it."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import subprocess
import zipfile
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iletimerkezi_async import Message, Refusal, fill_template
from iletimerkezi_async.cli.sheets import Sheet
from iletimerkezi_async.sandbox import Sandbox

openpyxl, xlsxwriter = pytest.importorskip("openpyxl"), pytest.importorskip("xlsxwriter")

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]

TEXT = "Sayin {ad}, {tarih} tarihli borcunuz {borc} TL, {adet} adet."
NAMES = ("telefon", "ad", "borc", "adet", "tarih")
ROWS: list[tuple[Any, ...]] = [
    (5301234561, "Ayşe", 847.43, 3, date(2026, 12, 31)),
    (5301234562.0, "Ali" + " " * 47, 3.3000000000000003, 0, date(2026, 1, 5)),
    ("0530 123 45 63", '="Can"', 1250.0, -2, date(1999, 12, 1)),
    ("+90 (0)530 123 45 64", "'Ece", 0.1 + 0.2, 12345678901, date(2026, 2, 28)),
    (5301234565, "NULL", 5.0, 1, date(2026, 2, 28)),
    (5301234566, "#YOK", 5.0, 1, date(2026, 2, 28)),
    ("yok", "Efe", 5.0, 1, date(2026, 2, 28)),
]
SENT = {
    "+905301234561": "Sayin Ayşe, 31.12.2026 tarihli borcunuz 847,43 TL, 3 adet.",
    "+905301234562": "Sayin Ali, 05.01.2026 tarihli borcunuz 3,3 TL, 0 adet.",
    "+905301234563": "Sayin Can, 01.12.1999 tarihli borcunuz 1250 TL, -2 adet.",
    "+905301234564": "Sayin Ece, 28.02.2026 tarihli borcunuz 0,3 TL, 12345678901 adet.",
}
REFUSED = [
    ("+905301234565", "there is no value in the column 'ad'"),
    ("+905301234566", "there is a spreadsheet error in the column 'ad'"),
    ("yok", "not a phone number"),
]


def as_dicts() -> list[dict[str, object]]:
    return [dict(zip(NAMES, row)) for row in ROWS]


def as_text() -> list[list[str]]:
    """As a spreadsheet saves what it shows."""
    shown = ["847,43", "3,3", "1250", "0,3", "5", "5", "5"]
    return [[*NAMES], *([str(number).removesuffix(".0"), ad, borc, str(adet), f"{tarih:%d.%m.%Y}"]
                        for (number, ad, _, adet, tarih), borc in zip(ROWS, shown))]  # fmt: skip


def as_csv(delimiter: str, encoding: str) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(as_text())
    return file.getvalue().encode(encoding)


def by_openpyxl() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in [NAMES, *ROWS]:
        # A text that looks like a formula is one, and no cell of it.
        book.active.append(row)
        for cell in book.active[book.active.max_row]:
            cell.number_format = "dd.mm.yyyy" if isinstance(cell.value, date) else cell.number_format
            cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
    book.save(file)
    return file.getvalue()


def by_xlsxwriter() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.write_row(0, 0, NAMES)
        for line, row in enumerate(ROWS, 1):
            sheet.write_row(line, 0, row[:4])
            sheet.write_datetime(line, 4, row[4], day)
    return file.getvalue()


def strictly() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(by_openpyxl())) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            part = re.sub(
                rb"http://schemas\.openxmlformats\.org/(spreadsheetml|officeDocument)/2006/",
                rb"http://purl.oclc.org/ooxml/\1/",
                old.read(name),
            )
            new.writestr(name, part)
    return file.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "csv": lambda: as_csv(";", "utf-8-sig"),
    "csv with commas": lambda: as_csv(",", "cp1254"),
    "tabs": lambda: as_csv("\t", "utf-16"),
    "openpyxl": by_openpyxl,
    "xlsxwriter": by_xlsxwriter,
    "strict": strictly,
}


@pytest.mark.parametrize("kind", FILES)
def test_the_command_makes_them_of_a_file(kind: str, in_process: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """Whoever wrote it."""
    (tmp_path / "liste").write_bytes(FILES[kind]())
    result = in_process("bulk", TEXT, "--to", "liste", "--iys", "off", "--yes", "--refused", "refused.csv")
    assert result.returncode == 0
    sent = {number: text for order in sandbox.orders for text, number in order.messages}
    assert sent == SENT
    with (tmp_path / "refused.csv").open(encoding="utf-8", newline="") as file:
        refused = [
            (number.removeprefix("'"), reason.split(": ", 1)[1]) for number, reason in csv.reader(file) if ":" in reason
        ]
    assert refused == REFUSED


def from_database() -> list[sqlite3.Row]:
    base = sqlite3.connect(":memory:")
    base.row_factory = sqlite3.Row
    base.execute(f"CREATE TABLE liste ({', '.join(NAMES)})")
    base.executemany("INSERT INTO liste VALUES (?, ?, ?, ?, ?)", [(*row[:4], f"{row[4]:%d.%m.%Y}") for row in ROWS])
    rows = base.execute("SELECT * FROM liste").fetchall()
    base.close()
    return rows


def as_named() -> list[Any]:
    row = namedtuple("row", NAMES)  # type: ignore[misc]  # noqa: PYI024 - as pandas makes them
    return [row(*each) for each in ROWS]


def as_columns() -> dict[str, list[Any]]:
    columns = dict(zip(NAMES, map(list, zip(*ROWS))))
    # A column of these libraries has one type.
    return {**columns, "telefon": [str(number).removesuffix(".0") for number in columns["telefon"]]}


ROWS_OF: dict[str, Callable[[], Any]] = {
    "dicts": as_dicts,
    "named tuples": as_named,
    "sqlite3": from_database,
    "csv": lambda: csv.DictReader(io.StringIO(as_csv(";", "utf-8").decode(), newline=""), delimiter=";"),
    "pandas": lambda: pytest.importorskip("pandas").DataFrame(as_columns()),
    "pandas' objects": lambda: pytest.importorskip("pandas").DataFrame(as_dicts(), dtype=object),
    "polars": lambda: pytest.importorskip("polars").DataFrame(as_columns()),
    "arrow": lambda: pytest.importorskip("pyarrow").table(as_columns()),
}


def check(filled: Iterable[Message | Refusal]) -> None:
    messages, refused = {}, []
    for each in filled:
        if isinstance(each, Message):
            messages[each.to[0]] = each.text
        else:
            refused.append((each.number, each.reason.split(": ", 1)[1]))
    assert messages == SENT
    assert refused == REFUSED


@pytest.mark.parametrize("kind", ROWS_OF)
def test_a_program_makes_them_of_rows(kind: str) -> None:
    """Whatever holds them."""
    check(fill_template(TEXT, ROWS_OF[kind]()))


def test_a_program_makes_them_of_rows_that_come_asynchronously() -> None:
    """As from a cursor."""

    async def rows() -> AsyncIterator[dict[str, object]]:
        for row in as_dicts():
            yield row

    async def main() -> list[Message | Refusal]:
        return [each async for each in fill_template(TEXT, rows())]

    check(anyio.run(main))


# Workbooks made at random, and what the rules of their formats make of them.


def turkish(written: str) -> str:
    return written.translate(str.maketrans(",.", ".,"))


def rounded(number: float, places: int) -> Decimal:
    return Decimal(f"{number:.15g}").quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def show_duration(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


NUMBERS = st.decimals(-(10**9), 10**9, places=4).map(float) | st.integers(-(10**9), 10**9)
DAYS = st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(lambda day: day.replace(microsecond=0))  # noqa: DTZ001
#: A format, what may stand under it, and how that is shown.
FORMATS: list[tuple[str, st.SearchStrategy[Any], Callable[[Any], str]]] = [
    ("0", NUMBERS, lambda number: f"{rounded(number, 0):f}"),
    ("0.00", NUMBERS, lambda number: turkish(f"{rounded(number, 2):f}")),
    ("#,##0", NUMBERS, lambda number: turkish(f"{rounded(number, 0):,f}")),
    ("#,##0.00", NUMBERS, lambda number: turkish(f"{rounded(number, 2):,f}")),
    ('#,##0.00\\ "TL"', NUMBERS, lambda number: turkish(f"{rounded(number, 2):,f}") + " TL"),
    ("[$₺-41F]#,##0.00", NUMBERS.map(abs), lambda number: "₺" + turkish(f"{rounded(number, 2):,f}")),
    ("0.0%", NUMBERS, lambda number: turkish(f"{rounded(float(Decimal(f'{number:.15g}') * 100), 1):f}") + "%"),
    ("0000000", st.integers(0, 10**7 - 1), lambda number: f"{number:07}"),
    ("0.00;(0.00)", st.integers(1, 10**6).map(lambda number: -number), lambda number: f"({-number},00)"),
    ("dd.mm.yyyy", DAYS, lambda day: f"{day.day:02}.{day.month:02}.{day.year:04}"),
    ("yyyy-mm-dd hh:mm:ss", DAYS, lambda day: f"{day:%Y-%m-%d %H:%M:%S}"),
    ("d.m.yy h:mm", DAYS, lambda day: f"{day.day}.{day.month}.{day.year % 100:02} {day.hour}:{day.minute:02}"),
    ("hh:mm", st.times().map(lambda clock: clock.replace(microsecond=0)), lambda clock: f"{clock:%H:%M}"),
    (
        "[h]:mm:ss",
        st.integers(0, 10**8).map(lambda seconds: timedelta(seconds=seconds)),
        show_duration,
    ),
    ("General", st.integers(-(10**14), 10**14), str),
    ("General", st.text("abçğ =_x'05{}<>&\n", min_size=1).map(lambda text: f"a{text}a"), lambda text: text),
    ("@", st.text("0123456789", min_size=1), lambda text: text),
]
CELLS = st.sampled_from(FORMATS).flatmap(lambda form: form[1].map(lambda value: (form[0], value, form[2](value))))


def write_with_openpyxl(cells: list[tuple[str, Any, str]]) -> io.BytesIO:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for line, (form, value, _) in enumerate(cells, 1):
        written = book.active.cell(line, 1, value)
        written.number_format = form
    book.save(file)
    return file


def write_with_xlsxwriter(cells: list[tuple[str, Any, str]]) -> io.BytesIO:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for line, (form, value, _) in enumerate(cells):
            style = book.add_format({"num_format": form})
            if isinstance(value, (date, time, timedelta)):
                sheet.write_datetime(line, 0, value, style)
            elif isinstance(value, str):
                sheet.write_string(line, 0, value, style)
            else:
                sheet.write_number(line, 0, value, style)
    return file


@given(st.lists(CELLS, min_size=1, max_size=20))
def test_a_workbook_is_read_by_the_rules_of_its_formats(cells: list[tuple[str, Any, str]]) -> None:
    """The same by whatever program it was written."""
    for write in (write_with_openpyxl, write_with_xlsxwriter):
        sheet = Sheet(write(cells), "list.xlsx", None, comma=True)
        shown = [row.cells[0] for rows in sheet.pieces() for row in rows]
        assert shown == [expected for _, _, expected in cells]
