"""Texts filled in from rows, and rows and columns as dataframes have them."""

from __future__ import annotations

import csv
import re
import sqlite3
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_numbers import Lazy
from test_secrets import everything_of

from iletimerkezi_async import (
    ApiError,
    AsyncClient,
    ConfigurationError,
    Message,
    RecipientError,
    Refusal,
    fill_template,
)
from iletimerkezi_async.filling import Template
from iletimerkezi_async.sandbox import Sandbox

NUMBER = "+905301234567"
ROWS: list[dict[str, object]] = [
    {"telefon": "0530 123 45 67", "ad": "Ayşe", "borc": 1250.0},
    {"telefon": 5301234568, "ad": "Ali", "borc": 12.5},
]
TEXT = "Sayin {ad}, borcunuz {borc} TL {{son}}."
TEXTS = ["Sayin Ayşe, borcunuz 1250 TL {son}.", "Sayin Ali, borcunuz 12,5 TL {son}."]


def texts_of(filled: object) -> list[str]:
    return [message.text for message in filled]  # type: ignore[attr-defined]


def reasons_of(filled: object) -> list[tuple[str, str]]:
    return [(refusal.number, refusal.reason) for refusal in filled]  # type: ignore[attr-defined]


def test_each_row_becomes_a_message() -> None:
    """In their order, to the column `telefon` unless told otherwise."""
    assert list(fill_template(TEXT, ROWS)) == [
        Message(TEXTS[0], (NUMBER,)), Message(TEXTS[1], ("+905301234568",)),
    ]  # fmt: skip
    rows = [{"gsm": NUMBER}]
    assert list(fill_template("Merhaba", rows, to="gsm")) == [Message("Merhaba", (NUMBER,))]


def test_rows_are_read_as_they_are_needed() -> None:
    """So that there may be any number of them."""

    def rows() -> Iterator[dict[str, object]]:
        yield ROWS[0]
        raise AssertionError

    assert next(fill_template(TEXT, rows())) == Message(TEXTS[0], (NUMBER,))


@pytest.mark.anyio
async def test_rows_may_come_asynchronously() -> None:
    """As from a cursor; then so do the messages."""

    async def rows() -> AsyncIterator[dict[str, object]]:
        for row in ROWS:
            yield row

    assert texts_of([message async for message in fill_template(TEXT, rows())]) == TEXTS


def test_rows_of_many_kinds() -> None:
    """Named tuples, rows of sqlite3, and whatever has keys."""
    row = namedtuple("row", ["telefon", "ad", "borc"])  # noqa: PYI024 - as pandas makes them
    assert texts_of(fill_template(TEXT, [row(NUMBER, "Ayşe", 1250)])) == TEXTS[:1]  # type: ignore[list-item]
    with sqlite3.connect(":memory:") as base:
        base.row_factory = sqlite3.Row
        rows = base.execute("SELECT '5301234567' AS telefon, 'Ayşe' AS ad, 1250 AS borc")
        assert texts_of(fill_template(TEXT, rows)) == TEXTS[:1]
    base.close()


class Result:
    """A result as SQLAlchemy has it: an iterable of rows, with a method that selects some of their columns."""

    def columns(self, *names: str) -> Result:
        return self

    def __iter__(self) -> Iterator[dict[str, object]]:
        return iter(ROWS)


class AsyncResult:
    """The same, to be iterated asynchronously."""

    def columns(self, *names: str) -> AsyncResult:
        return self

    async def __aiter__(self) -> AsyncIterator[dict[str, object]]:
        for row in ROWS:
            yield row


@pytest.mark.anyio
async def test_a_result_of_a_database_is_no_table() -> None:
    """Its `columns` is a method, and it is read row by row."""
    assert texts_of(fill_template(TEXT, Result())) == TEXTS
    assert texts_of([message async for message in fill_template(TEXT, AsyncResult())]) == TEXTS


@pytest.mark.parametrize("name", ["Tutar (TL)", "TUTAR (tl)", "Tutar\u00a0(TL)", "\ufeffTutar (TL)", "Tutar\n(TL)"])
def test_any_name_of_a_column_can_be_used(name: str) -> None:
    """Compared as it looks, with whatever is in it."""
    assert texts_of(fill_template("{Tutar (TL)} TL", [{"Telefon": NUMBER, name: "5"}])) == ["5 TL"]


@pytest.mark.parametrize(
    ("written", "named"), [("ADI SOYADI", "Adı Soyadı"), ("İL", "il"), ("s\u0327ehir", "Şehir"), ("Ad {x}", "ad x")]
)
def test_names_are_compared_in_turkish(written: str, named: str) -> None:
    """With and without dots, composed or not, without braces."""
    assert texts_of(fill_template(f"{{{named}}}", [{"telefon": NUMBER, written: "v"}])) == ["v"]


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""), ("x", "x"), (5, "5"), (-5, "-5"), (10**20, "1" + "0" * 20), (Colour.RED, "1"),
        (1250.0, "1250"), (12.5, "12,5"), (847.43, "847,43"), (3.3000000000000003, "3,3"), (0.1 + 0.2, "0,3"),
        (2.9999999999999996, "3"), (-0.0, "0"), (1000 / 7, "142,8571429"), (1 / 3, "0,333333333"),
        (1234567890.55, "1234567890,55"), (0.00001234, "0,00001234"), (9007199254740991.0, "9007199254740991"),
        (Decimal("12.50"), "12,50"), (Decimal("1E+3"), "1000"), (Decimal("-0.00"), "0,00"),
        (Decimal("847.4299999999999499795"), "847,43"),
        (Decimal("3.3333333333333333"), "3,333333333"), (Fraction(5, 2), "2,5"),
        (date(2026, 12, 1), "01.12.2026"), (datetime(2026, 12, 1), "01.12.2026"),  # noqa: DTZ001 - as databases give them
        (datetime(2026, 12, 1, 9, 5, 30), "01.12.2026 09:05"),  # noqa: DTZ001 - likewise
        (datetime(2026, 12, 1, 9, 5, tzinfo=timezone.utc), "01.12.2026 12:05"),
        (datetime(2026, 12, 1, 22, tzinfo=timezone.utc), "02.12.2026 01:00"),
        (datetime(2026, 12, 1, 21, tzinfo=timezone.utc), "02.12.2026"), (date(999, 1, 2), "02.01.0999"),
        (time(9, 5), "09:05"), (time(9, 5, tzinfo=timezone.utc), "12:05"),
        (timedelta(hours=30), "30:00"), (timedelta(minutes=5, seconds=7), "0:05:07"), (-timedelta(minutes=90), "-1:30"),
        (Lazy("ş"), "ş"), (UUID(int=5), f"{UUID(int=5)}"),
        ("{ad.__class__}", "{ad.__class__}"), ("Ali" + " " * 47, "Ali"), ("\u200bAli\u00a0\0\0", "Ali"),
        ("A  B", "A  B"),
        ("847.43", "847.43"), ("3.3000000000000003", "3.3000000000000003"), ("1.250,50 TL", "1.250,50 TL"),
        ('="Ali"', "Ali"), ('="Ali ""B"""', 'Ali "B"'), ("=0530", "0530"), ("'Ali", "Ali"), ("'=1+1", "=1+1"),
        ("'Yaz' kampanyası", "'Yaz' kampanyası"), ("=)", "=)"), ("Nil", "Nil"), ("Nat", "Nat"), ("yok", "yok"),
        ("-", "-"), ("#1", "#1"), ("5E-2", "5E-2"), ("0", "0"),
    ],
)  # fmt: skip
def test_values_as_they_are_read(value: object, text: str) -> None:
    """Without the traces of types, padding and marks; text is otherwise what it is, and braces in it, too."""
    assert texts_of(fill_template("{ad}.", [{"telefon": NUMBER, "ad": value}])) == [f"{text}."]


@pytest.mark.parametrize("value", [
    "NULL", "null", " NULL ", "\\N", "nan", "NaN", "NaT", "<NA>", "NA", "None", "n/a", "(null)", "[NULL]", "<nil>",
    "(boş)", "undefined", "-inf", '="NULL"', "'NULL", None, float("nan"), float("inf"), Decimal("NaN"),
    Decimal("Infinity"),
])  # fmt: skip
def test_words_for_nothing_are_no_value(value: object) -> None:
    """Whatever program wrote them."""
    rows = [{"telefon": NUMBER, "ad": value}]
    assert reasons_of(fill_template("Sayin {ad}", rows)) == [(NUMBER, "row 1: there is no value in the column 'ad'")]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("#YOK", "a spreadsheet error"), ("#N/A", "a spreadsheet error"), ("#BÖL/0!", "a spreadsheet error"),
        ("#####", "a spreadsheet error"), ("Err:502", "a spreadsheet error"), ("=A1+B1", "a formula"),
        ("=TOPLA(A1)", "a formula"),
        ("8,69053E+12", "has shortened"), ("1E+12", "has shortened"),
        (1e16, "more digits than its type holds"), (Decimal("1E+1000000000"), "more digits"),
        (5.551115123125783e-17, "too close to 0"),
        (time(9, 5, tzinfo=ZoneInfo("Europe/Istanbul")), "of type time has no text form"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))), "of type datetime has no text form"),
        (1j, "of type complex has no text form"), (Enum("Hue", "RED")(1), "of type Hue has no text form"),
        pytest.param(10**5000, "of type int has no text form", id="huge"),
    ],
)  # fmt: skip
def test_what_could_be_read_in_several_ways_is_refused(value: object, why: str) -> None:
    """It is never guessed, and the reason shows no part of it."""
    ((_, reason),) = reasons_of(fill_template("{ad}", [{"telefon": NUMBER, "ad": value}]))
    assert why in reason
    assert reason.endswith(" in the column 'ad'")


def test_decimals_may_stand_behind_a_point() -> None:
    """Where readers expect it; text stays."""
    rows = [{"telefon": NUMBER, "ad": value} for value in (847.43, Decimal("12.50"), "1,5")]
    assert texts_of(fill_template("{ad}", rows, decimal_comma=False)) == ["847.43", "12.50", "1,5"]


def test_halves_of_floats_are_refused_where_they_hold_too_little() -> None:
    """NumPy's of 32 bits have seven digits; an amount of more is not what it was."""
    np = pytest.importorskip("numpy")
    rows = [{"telefon": NUMBER, "ad": np.float32(value)} for value in (3.3, 1250.5, 123456.78, 16777217)]
    first, second, *others = fill_template("{ad}", rows)
    assert texts_of([first, second]) == ["3,3", "1250,5"]
    assert all("more digits than its type holds" in reason for _, reason in reasons_of(others))


@given(st.decimals(-(10**9), 10**9, places=2))
def test_a_float_is_told_like_the_amount_that_it_was_made_of(amount: Decimal) -> None:
    """Whatever its digits."""
    told = f"{amount.normalize():f}".replace(".", ",") if amount else "0"
    assert texts_of(fill_template("{ad}", [{"telefon": NUMBER, "ad": float(amount)}])) == [told]


@pytest.mark.parametrize(
    ("row", "number", "reason"),
    [
        ({"telefon": NUMBER}, NUMBER, "row 2: there is no column 'ad'; there are: telefon"),
        ({"telefon": NUMBER, "ad": None}, NUMBER, "row 2: there is no value in the column 'ad'"),
        ({"telefon": NUMBER, "ad": float("nan")}, NUMBER, "row 2: there is no value in the column 'ad'"),
        ({"telefon": NUMBER, "ad": Decimal("NaN")}, NUMBER, "row 2: there is no value in the column 'ad'"),
        ({"telefon": NUMBER, "ad": True}, NUMBER, "row 2: a value of type bool has no text form in the column 'ad'"),
        ({"telefon": NUMBER, "ad": b"A"}, NUMBER, "row 2: a value of type bytes has no text form in the column 'ad'"),
        ({"telefon": NUMBER, "ad": ["A"]}, NUMBER, "row 2: a value of type list has no text form in the column 'ad'"),
        (
            {"telefon": NUMBER, "ad": object()},
            NUMBER,
            "row 2: a value of type object has no text form in the column 'ad'",
        ),
        ({"telefon": "yok", "ad": "A"}, "yok", "row 2: not a phone number"),
        ({"telefon": None, "ad": "A"}, "", "row 2: not a phone number but NoneType: a value is missing"),
        ({"ad": "A"}, "", "row 2: there is no column 'telefon'; there are: ad"),
        ({"telefon": NUMBER, "ad": " "}, NUMBER, "row 2: the text is empty"),
        ({"telefon": NUMBER, "ad": "x" * 2000}, NUMBER, "row 2: the text is longer than 7 SMS"),
        (("5301234567", "A"), "", "row 2: tuple has no column names; give a dict"),
        (None, "", "row 2: NoneType has no column names; give a dict"),
    ],
)
def test_a_row_that_cannot_be_sent_is_a_refusal(row: object, number: str, reason: str) -> None:
    """With its place and what is wrong; the others go out."""
    good: dict[str, object] = {"telefon": NUMBER, "ad": "A"}
    first, second, third = fill_template("{ad}", [good, row, good])  # type: ignore[list-item]  # the point of the test
    assert (first, second, third) == (Message("A", NUMBER), Refusal(number, reason), Message("A", NUMBER))


def test_a_date_of_numpy_is_listed() -> None:
    """A date of NumPy claims to be a number and raises when it is read: the row is listed, and the campaign goes on."""
    np = pytest.importorskip("numpy")
    rows = [{"telefon": NUMBER, "ad": np.datetime64(day, "D")} for day in ("2026-12-01", "NaT")]
    assert reasons_of(fill_template("{ad}", rows)) == [
        (NUMBER, f"row {row}: a value of type datetime64 has no text form in the column 'ad'") for row in (1, 2)
    ]


def test_a_lazy_table_is_to_be_collected_first() -> None:
    """A lazy table, which has no values yet, is refused with the advice to collect it."""
    lazy = pytest.importorskip("polars").DataFrame({"telefon": [NUMBER]}).lazy()
    with pytest.raises(ConfigurationError, match=r"call \.collect\(\) on the LazyFrame"):
        fill_template("x", lazy)


@pytest.mark.parametrize(
    ("rows", "to", "words"),
    [
        (None, "telefon", "`rows` must be several rows, such as a list of dicts, not one NoneType"),
        (5, "telefon", "not one int"),
        ("5301234567", "telefon", "not one str"),
        (b"5301234567", "telefon", "not one bytes"),
        (ROWS[0], "telefon", "not one dict"),
        (ROWS, None, "`to` must be the name of the column with the numbers, not NoneType"),
        (ROWS, 5, "not int"),
    ],
)
def test_what_is_no_rows_is_told_at_once(rows: object, to: object, words: str) -> None:
    """In our own error, which shows no value."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        fill_template("{ad}", rows, to=to)  # type: ignore[call-overload]  # the point of the test
    assert "1234567" not in everything_of(caught.value)


@pytest.mark.parametrize(
    ("template", "named"),
    [("{soyad}", "no column 'soyad'; there are: telefon, ad, borc"), ("{ad.__class__}", "no column 'ad.__class__'")],
)
def test_the_first_row_tells_whether_the_template_fits(template: str, named: str) -> None:
    """Before anything is sent; the error shows no value."""
    with pytest.raises(ConfigurationError, match=named) as caught:
        next(fill_template(template, ROWS))
    shown = everything_of(caught.value)
    assert not [secret for secret in ("1234567", "123 45 67", "Ay\u015fe", "1250.0") if secret in shown]


@pytest.mark.parametrize("template", ["{", "}", "{}", "{ }", "a {b", "{a{b}}", "{\u200b}", "{ad:>{n}}"])
def test_braces_that_do_not_match_are_told_at_once(template: str) -> None:
    """Before any row is read."""
    with pytest.raises(ConfigurationError, match="brace"):
        fill_template(template, [])
    with pytest.raises(ApiError, match="bytes"):
        fill_template(b"Kod", [])  # type: ignore[call-overload]  # the point of the test


@pytest.mark.parametrize(
    ("template", "right"),
    [
        ("Sayin {{ad}}", "{{ad}} in the text is not replaced by a column's value; write {Ad}"),
        ("Sayin {{ ad }},", "write {Ad}"),
        ("Sayin {{{ad}}}", "write {ad}"),
        ("Sayin ${ad}", "write {ad}; for an amount in dollars"), ("$ad", "write {Ad}"),
        ("<ad>", "write {Ad}"), ("<<AD>>", "write {Ad}"), ("[ad], {{x}}", "write {Ad}"), ("«ad»", "write {Ad}"),
        ("%50 indirim %ad%", "write {Ad}"), ("%(ad)s", "write {Ad}"), ("#ad soyad#", "write {Ad Soyad}"),
        ("Sayin @ad", "write {Ad}"), ("{ad} {{ad soyad}}", "write {Ad Soyad}"),
    ],
)  # fmt: skip
def test_names_as_other_programs_write_them_are_refused(template: str, right: str) -> None:
    """With what to write, where there is such a column: everybody would get the name."""
    with pytest.raises(ConfigurationError, match=re.escape(right)):
        next(fill_template(template, [{"telefon": NUMBER, "Ad": "Ali", "Ad Soyad": "Ali Kaya"}]))


@pytest.mark.parametrize(
    "text", ["{{son}}", "<b>", "$ {ad}", "ad@ad.example", "%50", "[1]", "#ad", "ad", "{ad} $", "{{ad}}: {ad}"]
)
def test_other_signs_are_text(text: str) -> None:
    """Where no column is called so, or the text names it rightly, too."""
    filled = fill_template(text, [{"telefon": NUMBER, "ad": "Ali"}])
    assert texts_of(filled) == [
        text.replace("{{ad}}", "<ad>").replace("{ad}", "Ali").replace("<ad>", "{ad}").replace("{{son}}", "{son}")
    ]


@given(st.text("{} a", max_size=12), st.text("{} a", max_size=5))
def test_a_template_says_what_was_written(literal: str, value: str) -> None:
    """Doubled braces come out once, and values as they are."""
    doubled = literal.replace("{", "{{").replace("}", "}}")
    assert Template(doubled).text == literal
    assert Template(f"{doubled}{{ad}}{doubled}").fill([value]) == f"{literal}{value}{literal}"


@pytest.mark.anyio
async def test_a_campaign_lists_what_could_not_be_filled(client: AsyncClient, sandbox: Sandbox) -> None:
    """Each with its place, beside what the campaign itself refuses; an order of such rows is an error that says so."""
    rows = [*ROWS, {"telefon": NUMBER, "ad": None, "borc": 1}, {"telefon": "yok", "ad": "A", "borc": 1}]
    result = await client.send_bulk_messages(fill_template(TEXT, rows))
    assert (result.read, result.accepted) == (4, 2)
    assert sorted(text for text, _ in sandbox.orders[0].texts) == sorted(TEXTS)
    assert reasons_of(result.refused) == [
        (NUMBER, "row 3: there is no value in the column 'ad'"), ("yok", "row 4: not a phone number"),
    ]  # fmt: skip
    with pytest.raises(RecipientError, match="row 3: there is no value"):
        await client.send_messages(fill_template(TEXT, rows))  # type: ignore[arg-type]


# Dataframes. Each is skipped where its library has no wheel.


def columns() -> list[tuple[str, Callable[[], object], list[str]]]:
    numbers = [5301234567 + index for index in range(1000)]

    def pandas(kind: str) -> Callable[[], object]:
        return lambda: pytest.importorskip("pandas").Series(numbers).astype(kind)

    def polars(kind: str) -> Callable[[], object]:
        return lambda: pytest.importorskip("polars").Series(numbers).cast(getattr(pytest.importorskip("polars"), kind))

    def numpy(kind: str) -> Callable[[], object]:
        return lambda: pytest.importorskip("numpy").array(numbers).astype(kind)

    return [
        *((f"pandas {kind}", pandas(kind), []) for kind in ("int64", "Int64", "float64", "string", "object", "str")),
        *((f"polars {kind}", polars(kind), []) for kind in ("Int64", "UInt64", "Float64", "String")),
        *((f"numpy {kind}", numpy(kind), []) for kind in ("int64", "uint64", "float64", "U", "object")),
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make, _ in columns()])
async def test_columns_of_dataframes_are_recipients(
    make: Callable[[], object], client: AsyncClient, sandbox: Sandbox
) -> None:
    """As they are, of every type that holds a number, in an order and in a campaign."""
    column = make()
    assert (await client.send_sms("Merhaba", column)).recipients == 1000  # type: ignore[arg-type]
    result = await client.send_bulk("Kampanya", column)  # type: ignore[arg-type]
    assert (result.read, result.accepted, result.refused) == (1000, 1000, ())
    assert sandbox.deliveries["+905301234567"] == 2


@pytest.mark.anyio
async def test_gaps_in_a_column_are_listed(client: AsyncClient) -> None:
    """Missing values in a column are listed, whatever a library calls them."""
    pd, pl, np = (pytest.importorskip(name) for name in ("pandas", "polars", "numpy"))
    for column, kind in (
        (pd.Series([5301234567, None]), "float: a value is missing"),
        (pd.Series([5301234567, None], dtype="Int64"), "NAType: a value is missing"),
        (pd.Series(["5301234567", None], dtype="object"), "a value is missing"),
        (pl.Series([5301234567, None]), "NoneType: a value is missing"),
        (np.array([5301234567, np.nan]), "float64: a value is missing"),
        (np.array([5301234567.0, 5301234567], dtype="float32"), "float32: give int or str"),
        (np.array([[5301234567], [5301234568]]), "ndarray: give the value in the row's column"),
        (np.array([True, False]), "bool"),
    ):
        result = await client.send_bulk("Merhaba", column)
        assert kind in result.refused[-1].reason
        assert "123" not in result.refused[-1].reason


@pytest.mark.anyio
async def test_single_values_and_tables(client: AsyncClient) -> None:
    """A NumPy integer is one number, an array without an axis too; a table is asked for its column."""
    pd, pl, np = (pytest.importorskip(name) for name in ("pandas", "polars", "numpy"))
    for number in (np.int64(5301234567), np.array(5301234568), np.float64(5301234569), pd.Series([5301234570])[0]):
        assert (await client.send_sms("Merhaba", number)).recipients == 1
        assert (await client.send_bulk("Kampanya", number)).accepted == 1
    for table in (pd.DataFrame(ROWS), pl.DataFrame({"telefon": [NUMBER]})):
        with pytest.raises(RecipientError, match="DataFrame: give one of its columns"):
            await client.send_bulk("Merhaba", table)


def test_tables_fill_templates() -> None:
    """By their rows in each form that the libraries give them, and as they are."""
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    table = pd.DataFrame(ROWS)
    for rows in (table, table.to_dict("records"), table.itertuples(index=False)):
        assert texts_of(fill_template(TEXT, rows)) == TEXTS
    polars = pl.DataFrame({"telefon": ["5301234567", "5301234568"], "ad": ["Ayşe", "Ali"], "borc": [1250.0, 12.5]})
    for rows in (polars, polars.iter_rows(named=True), polars.to_dicts()):
        assert texts_of(fill_template(TEXT, rows)) == TEXTS


def test_tables_of_arrow_fill_templates() -> None:
    """As they are, by their batches, and as they come out of a reader; a gap is none of its words."""
    pa = pytest.importorskip("pyarrow")
    table = pa.table(
        {"telefon": ["5301234567", "5301234568", NUMBER], "ad": ["Ay\u015fe", "Ali", None], "borc": [1250.0, 12.5, 1]}
    )
    for rows in (table, table.combine_chunks().to_batches()[0], table.to_reader(max_chunksize=1), table.to_pylist()):
        *filled, refused = fill_template(TEXT, rows)
        assert texts_of(filled) == TEXTS
        assert refused == Refusal(NUMBER, "row 3: there is no value in the column 'ad'")
    values = [pa.scalar(value) for value in (date(2026, 12, 1), 847.43, None)]
    *filled, refused = fill_template("{ad}", [{"telefon": pa.scalar(NUMBER), "ad": value} for value in values])
    assert (texts_of(filled), refused.reason) == (
        ["01.12.2026", "847,43"],
        "row 3: there is no value in the column 'ad'",
    )


def test_two_columns_of_one_name_are_refused() -> None:
    """A table of pandas would give both at once, and everybody their names."""
    table = pytest.importorskip("pandas").DataFrame([[NUMBER, "A", "B"]], columns=["telefon", "ad", "ad"])
    with pytest.raises(ConfigurationError, match="several columns 'ad'"):
        fill_template("{ad}", table)


def test_a_row_of_csv_with_too_many_values_is_refused() -> None:
    """As by the command: which is which, nobody knows."""
    rows = csv.DictReader(["telefon,borc", "5301234567,1", "5301234568,1250,50", "5301234569"])
    first, *others = fill_template("{borc}", rows)
    assert (first, reasons_of(others)) == (Message("1", NUMBER), [
        ("5301234568", "row 2: it has more values than columns"),
        ("+905301234569", "row 3: there is no value in the column 'borc'"),
    ])  # fmt: skip


def test_gaps_in_a_table_are_refused() -> None:
    """NaN, NA, NaT and None are never sent as words."""
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    gaps = [
        pd.DataFrame({"telefon": [NUMBER, NUMBER], "ad": ["A", value]}) for value in (None, pd.NA, pd.NaT, float("nan"))
    ]
    gaps += [pd.DataFrame({"telefon": [NUMBER] * 2, "ad": pd.to_datetime(["2026-12-01", None])})]
    gaps += [pl.DataFrame({"telefon": [NUMBER] * 2, "ad": ["A", None]})]
    for table in gaps:
        first, second = fill_template("{ad}", table)
        assert first in {Message("A", NUMBER), Message("01.12.2026", NUMBER)}
        assert second == Refusal(NUMBER, "row 2: there is no value in the column 'ad'")


def test_bad_braces_leave_nothing_in_our_frames() -> None:
    """Neither the text nor the rows, whatever an error tracker prints."""
    with pytest.raises(ConfigurationError) as caught:
        fill_template("Kodunuz 987654 {", ROWS)
    shown = everything_of(caught.value)
    assert not [secret for secret in ("987654", "1234567", "123 45 67") if secret in shown]


def test_rows_that_fail_once_are_read_on() -> None:
    """The messages are an iterator, which an error of the rows does not end."""

    class Rows:
        def __init__(self) -> None:
            self._left = 3

        def __iter__(self) -> Rows:
            return self

        def __next__(self) -> dict[str, str]:
            self._left -= 1
            if self._left == 1:
                raise OSError("the disk is busy")
            if self._left < 0:
                raise StopIteration
            return {"telefon": NUMBER}

    messages = fill_template("Merhaba", Rows())
    assert isinstance(next(messages), Message)
    with pytest.raises(OSError, match="busy"):
        next(messages)
    assert len([*messages]) == 1
