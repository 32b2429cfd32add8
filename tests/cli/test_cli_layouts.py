"""Lists as spreadsheets, phones and programs write them: every row is sent or listed, and how it was read is told."""

import codecs
import json
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iletimerkezi_async.cli.tables import WINDOWS, RowReader, guess_encoding

if TYPE_CHECKING:
    from conftest import Command

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
#: Reads a list in a dry run: what is told of it, with the messages as (number, text) and the refusals.
Read: TypeAlias = Callable[..., dict[str, object]]


@pytest.fixture
def rehearse(in_process: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ILETIMERKEZI_IYS", "off")
    for name in ("KEY", "HASH"):
        monkeypatch.delenv(f"ILETIMERKEZI_API_{name}")

    def run(content: str | bytes, text: str = "Merhaba", *options: str) -> subprocess.CompletedProcess[str]:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / "list.csv").write_bytes(data)
        return in_process("bulk", text, "--to", "list.csv", "--dry-run", "--json", *options)

    return run


@pytest.fixture
def read(rehearse: Run) -> Read:
    def run(content: str | bytes, text: str = "Merhaba", *options: str) -> dict[str, object]:
        result = rehearse(content, text, *options)
        told = json.loads(result.stdout)
        assert result.returncode == (0 if told["recipients"] else 1)
        assert told["read"] == told["recipients"] + told["refused"] + told["duplicates"]
        sent = [(each["number"], each["text"]) for each in told["examples"]]
        refused = [(each["number"], each["reason"]) for each in told["refused_examples"]]
        return {**told["list"], "sent": sent, "refused": refused, "read": told["read"]}

    return run


A, B = ("+905301234567", "Merhaba"), ("+905301234568", "Merhaba")


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        ("telefon,borc,ad\n5301234567,1250,50,Ali\n5301234568,5,Veli\n",
         [("5301234567", "line 2: 4 values in 3 columns: it is unknown which is which")]),
        ("telefon,borc,ad\n5301234567,1\n5301234568,5,Veli\n",
         [("+905301234567", "line 2: there is no value in the column 'ad'")]),
        ("telefon;borc;ad\n5301234568;5;Veli\nToplam;5;\n;;\n", [("Toplam", "line 3: not a phone number")]),
        ("ad;borc;telefon\nVeli;5;5301234568\nToplam;5\n", [("", "line 3: not a phone number: it is empty")]),
        ("telefon;borc;ad;;\n5301234568;5;Veli;;\n", []),
        ("telefon;borc;ad\n5301234568;5;Veli;;;\n", []),
        ("telefon,borc,ad\n5301234567,1250,50,\n5301234568,5,Veli\n",
         [("5301234567", "line 2: 4 values in 3 columns: it is unknown which is which")]),
        ("telefon,borc,ad,\n5301234567,1250,50,,\n5301234568,5,Veli,\n",
         [("5301234567", "line 2: 5 values in 3 columns: it is unknown which is which")]),
        ("ad,telefon,borc,\n,5301234567,1250,50,\nVeli,5301234568,5,\n",
         [("5301234567", "line 2: 5 values in 3 columns: it is unknown which is which")]),
        ("telefon,borc,ad\n5301234568,5,Veli,,,\n", []),
        ("telefon;borc;ad\n5301234567;5;#YOK\n5301234568;5;Veli\n",
         [("+905301234567", "line 2: there is a spreadsheet error in the column 'ad'")]),
        ('telefon;borc;ad\n5301234568;5;"Veli"\n5301234567;5;"x\ny";z\n\n5301234567;5;x;y\n',
         [("5301234567", "line 3: 4 values in 3 columns: it is unknown which is which"),
          ("5301234567", "line 6: 4 values in 3 columns: it is unknown which is which")]),
    ],
    ids=["too many", "too few", "total", "short total", "wide header", "wide rows", "too many and a blank one",
         "all wider and too many", "in an unnamed column", "much wider", "error", "lines"],
)  # fmt: skip
def test_a_row_that_is_laid_out_otherwise_is_listed(content: str, refused: list[tuple[str, str]], read: Read) -> None:
    """With its line, as nobody knows which value is which; blank cells at the end are none."""
    told = read(content, "{ad} {borc}")
    assert told["sent"] == [("+905301234568", "Veli 5")]
    assert told["refused"] == refused


def test_a_row_that_is_too_short_is_sent_where_the_text_does_not_need_the_rest(read: Read) -> None:
    """Nothing is unknown about it then."""
    assert read("telefon;ad;not\n5301234567;Ali\n", "{ad}")["sent"] == [("+905301234567", "Ali")]


@pytest.mark.parametrize(
    ("content", "options", "refused"),
    [
        ("Ali;5301234567;cep\nVeli;5301234568;ev\n", ("--column", "2"), []),
        ("Ali;530123456;cep\nVeli;5301234568;ev\n", ("--column", "2"), [("530123456", 1)]),
        ("Ali;0212 123 45 67;cep\nVeli;5301234568;ev\n", ("--column", "2"), [("0212 123 45 67", 1)]),
        ("Ali;530123456.0;gsm\nVeli;5301234568;ev\n", ("--column", "2"), [("530123456.0", 1)]),
        ("Ali;;cep\nVeli;5301234568;ev\n", ("--column", "2"), [("", 1)]),
        ("Ali;yok;ev\nVeli;5301234568;ev\n", ("--column", "2"), [("yok", 1)]),
        ("Ali;bilmem;1.250,50\nVeli;5301234568;5\n", ("--column", "2"), [("bilmem", 1)]),
        ("530 12\n5301234568\n", (), [("530 12", 1)]),
        ("yok\n5301234568\n", (), [("yok", 1)]),
        ("kime\n5301234568\n", ("--no-header",), [("kime", 1)]),
        ("telefon;ad\n5301234568;Ali\n", ("--no-header", "--column", "1"), [("telefon", 1)]),
    ],
)
def test_a_first_row_that_may_be_a_recipient_is_no_header(
    content: str, options: tuple[str, ...], refused: list[tuple[str, int]], read: Read
) -> None:
    """It is sent or listed with the others."""
    told = read(content, "Merhaba", *options)
    assert told["header"] == "none"
    assert B in told["sent"]  # type: ignore[operator]
    assert [(number, reason.split(":")[0]) for number, reason in told["refused"]] == [  # type: ignore[attr-defined]
        (number, f"line {line}") for number, line in refused
    ]


@pytest.mark.parametrize(
    "header",
    ["Telefon", "telefon no", "TELEFON NUMARASI", "Cep Telefonu", "CEP TEL.", "Gsm No", "GSM_NO", "Numara", "Cep",
     "\ufefftelefon", "Tele\u200bfon", " Telefon ", "Mobile Phone", "telefonNo", "GSM NUMARASI", "Cep No", "Tel. No",
     "Müşteri Telefonu", "İletişim Numarası", "Kime", "Alıcı Numarası"],
)  # fmt: skip
def test_the_usual_headers_are_known(header: str, read: Read) -> None:
    """In any case, with the invisible characters that programs leave; and others by the numbers below them."""
    told = read(f"ad;{header};not\nAli;5301234567;x\n", "Sayin {Ad}")
    assert (told["sent"], told["header"]) == ([("+905301234567", "Sayin Ali")], "line 1")
    assert str(told["column"]).endswith("(2 of 3)")


def test_a_known_header_is_one_without_numbers_below(read: Read) -> None:
    """So that a list of bad numbers is told as such."""
    told = read("ad;Cep Telefonu\nAli;yok\n")
    assert (told["header"], told["refused"]) == ("line 1", [("yok", "line 2: not a phone number")])


def test_a_header_may_be_claimed(read: Read) -> None:
    """By whoever knows better than the program."""
    told = read("5301234567\n5301234568\n", "Merhaba", "--header")
    assert (told["sent"], told["column"]) == ([B], "'5301234567' (1 of 1)")


def test_titles_above_the_header_are_no_rows(read: Read) -> None:
    """As spreadsheets have them, with blank lines: they are neither read nor refused; the header's line tells."""
    told = read("Müşteri Listesi;;\nKasım ayı;;\n;;\nAd;Telefon;Not\nAli;5301234567;x\n", "{ad}")
    assert (told["sent"], told["header"]) == ([("+905301234567", "Ali")], "line 4")
    assert (told["read"], told["refused"]) == (1, [])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("ABC Ltd. Tel: 0212 555 12 34;;\nAdres;;\nAd;Telefon;Borç\nAli;5301234567;5\n", 3),
        ("ABC Ltd.\nTel: 0212 555 12 34\n\nAd;Telefon;Borç\nAli;5301234567;5\n", 4),
        ("0850 123 45 67;;\n;0530 765 43 21;\nAd;Telefon;Borç\nAli;5301234567;5\n", 3),
        ("ABC Ltd.\nAd;Kim;Borç\nAli;5301234567;5\nVeli;yok;6\n", 2),
        ("ABC Ltd, Kadıköy\nAd,Telefon,Borç\nAli,5301234567,5\n", 2),
    ],
    ids=["telephone beside", "telephone below", "mobile", "other names", "comma"],
)
def test_a_letterhead_may_stand_above_the_header(content: str, line: int, read: Read) -> None:
    """With telephones of its own, and whatever the columns are called; none of it counts as a recipient."""
    told = read(content, "{ad}")
    assert (told["sent"], told["header"]) == ([("+905301234567", "Ali")], f"line {line}")
    assert told["read"] == content.count("\n") - line


def test_a_recipient_above_what_looks_like_a_header_is_one(read: Read) -> None:
    """As where two lists were put together."""
    told = read("Ali;5301234567\nAd;Telefon\nVeli;5301234568\n", "Merhaba", "--column", "2")
    assert (told["sent"], told["header"]) == ([A, B], "none")


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("5301234567,5301234568,5301234569\n", ()),
        ("5301234567,5301234568,5301234569\n", ("--column", "1")),
        ("5301234567; 530; 5301234569;\n5301234567;5301234568\n", ("--column", "1")),
    ],
)
def test_numbers_behind_each_other_are_not_a_table(content: str, options: tuple[str, ...], rehearse: Run) -> None:
    """Of a line one would be texted, and the others be forgotten."""
    result = rehearse(content, "Merhaba", *options)
    assert (result.returncode, json.loads(result.stdout)["exit_code"]) == (2, 2)
    assert result.stderr == "iletimerkezi: list.csv has several numbers in a line; write a number a line\n"


def test_numbers_of_two_people_in_a_row_may_be_told_apart(read: Read) -> None:
    """By whoever says which is meant."""
    assert read("5301234567;5301234577\n5301234568;5301234578\n", "Merhaba", "--column", "1")["sent"] == [A, B]


@pytest.mark.parametrize("text", ["Sayin {{ad}}", "Sayin <ad>", "$ad", "%ad%, {borc}"])
def test_columns_named_as_other_programs_do_are_refused(text: str, rehearse: Run) -> None:
    """A column marked as in other programs is refused with a hint, as each recipient would get the mark as text."""
    result = rehearse("telefon;ad;borc\n5301234567;Ali;5\n", text)
    assert (result.returncode, json.loads(result.stdout)["exit_code"]) == (2, 2)
    assert result.stderr.endswith("in the text is not replaced by a column's value; write {ad}\n")


@pytest.mark.parametrize(
    ("content", "delimiter", "options"),
    [
        ("Soyad, Ad;Telefon\nKaya, Ali;5301234567\n", ";", ()),
        ("Ad;Telefon\nKaya, Ali;5301234567\n", ";", ()),
        ("Tutar|Ad, Soyad;Unvan|Telefon\n1,5|a;b,c|5301234567\n", "|", ()),
        ("Ad\tTelefon\nKaya, Ali; Bey\t0530 123 45 67\n", "tab", ()),
        ("sep=;\nAd;Telefon\nAli;5301234567\n", ";", ()),
        ('"sep=,"\r\nAd,Telefon\r\nAli,5301234567\r\n', ",", ()),
        ("SEP=:\nAd:Telefon\nAli:5301234567\n", ":", ()),
        ("\ufeffsep=\t\nAd\tTelefon\nAli\t5301234567\n", "tab", ()),
        ("Ad:Telefon\nAli:5301234567\n", ":", ("--delimiter", ":")),
        ("Ad\tTelefon\nAli\t5301234567\n", "tab", ("--delimiter", "tab")),
        ('Ad;Telefon\n"A\nB";5301234567\n', ";", ()),
        ("telefon;\n5301234567;\n", ";", ()),
        ("telefon\n5301234567\n", "none", ()),
        ('telefon\n"5301234567"\n', ",", ()),
    ],
)  # fmt: skip
def test_the_delimiter_is_the_one_under_which_there_are_numbers(
    content: str, delimiter: str, options: tuple[str, ...], read: Read
) -> None:
    """Or the one that a spreadsheet or somebody states; a line that only states it is no row."""
    told = read(content, "Merhaba", *options)
    assert (told["delimiter"], told["sent"], told["read"]) == (delimiter, [A], 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16-LE"),
     ("utf-16-be", "UTF-16-BE"), ("cp1254", "Windows-1254")],
)  # fmt: skip
def test_files_are_read_in_the_encodings_of_spreadsheets(encoding: str, name: str, end: str, read: Read) -> None:
    """With a mark and without, and with every kind of line end."""
    content = end.join(["Müşteri;Telefon", "Gül Şık Ğ İ ı ö ç;5301234567", ""])
    told = read(content.encode(encoding), "{müşteri}")
    assert (told["encoding"], told["sent"]) == (name, [("+905301234567", "Gül Şık Ğ İ ı ö ç")])
    if encoding == "utf-16-be":
        told = read(codecs.BOM_UTF16_BE + content.encode(encoding), "{müşteri}")
        assert (told["encoding"], told["read"]) == ("UTF-16", 1)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("BEGIN:VCARD\r\nFN:Ali\r\nTEL;CELL:5301234567\r\nEND:VCARD\r\n", "a vCard of contacts"),
        ("\ufeff\r\n<HTML><table><tr><td>5301234567</td></tr></table></HTML>", "a web page"),
        ("<?xml version='1.0'?><Workbook>5301234567</Workbook>", "an XML file"),
        ('[{"telefon": "5301234567"}]', "a JSON file"),
    ],
)
def test_what_is_no_list_is_told_by_its_kind(content: str, kind: str, rehearse: Run) -> None:
    """Phones give out vCards, and many a web page calls HTML an Excel file: the error says what to do."""
    result = rehearse(content)
    assert (result.returncode, json.loads(result.stdout)["exit_code"]) == (1, 1)
    assert result.stderr.endswith(f"list.csv: it is {kind}, and no list; save it as .xlsx or CSV UTF-8\n")


def test_a_second_mark_is_none_of_the_first_header(read: Read) -> None:
    """Some programs write one in front of the one that is there."""
    told = read("\ufeff\ufeffTelefon;Ad\n5301234567;Ali\n", "{ad}")
    assert (told["sent"], told["column"]) == ([("+905301234567", "Ali")], "'Telefon' (1 of 2)")


def test_an_encoding_may_be_named(rehearse: Run, read: Read) -> None:
    """Where guessing goes wrong."""
    content = "Ad;Telefon\nŞükrü;5301234567\n".encode("cp857")
    assert read(content, "{ad}", "--encoding", "cp857")["sent"] == [("+905301234567", "Şükrü")]
    result = rehearse(content, "{ad}", "--encoding", "utf-8")
    assert (result.returncode, json.loads(result.stdout)["exit_code"]) == (1, 1)
    assert "line 2: there is a letter that is not UTF-8" in result.stderr
    assert rehearse(content, "{ad}", "--encoding", "latin").returncode == 0
    for name in ("xyz", "", "base64", "rot13"):
        result = rehearse(content, "{ad}", "--encoding", name)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
        assert "is not an encoding such as utf-8" in result.stderr


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text("ığüşöçİĞÜŞÖÇabc 1;\n", max_size=200), st.integers(1, 30))
def test_turkish_text_is_told_apart_however_it_comes(text: str, size: int) -> None:
    """UTF-8 is never taken for Windows-1254, nor the other way round."""
    for encoding in ("utf-8", WINDOWS):
        data = ("ı" + text).encode(encoding)
        pieces = [data[place : place + size] for place in range(0, len(data), size)]
        assert guess_encoding(pieces) == encoding
        reader = RowReader("list", None, encoding)
        assert [row.cells for row in [*reader.feed(data), *reader.feed(b"")]] == [
            [line.strip()] for line in f"ı{text}".split("\n") if line.strip()
        ]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("Tutar (TL)", "Tutar (TL)"), ("Tutar: TL!", "Tutar: TL!"), ("Ad.Soyad", "ad.soyad"),
        ("2026 Borç", "2026 borç"),
        (unicodedata.normalize("NFD", "Müşteri Adı"), "müşteri adı"), ("MÜŞTERİ ADI", "Müşteri Adı"),
        ("Ad\u200b\u00a0Soyad", "ad soyad"), ('"Ad\nSoyad"', "Ad Soyad"), ("Ad {1}", "ad 1"), ("%", "%"),
    ],
)  # fmt: skip
def test_any_header_can_be_named_in_the_text(header: str, named: str, read: Read) -> None:
    """As it looks in the spreadsheet."""
    assert read(f"telefon;{header}\n5301234567;x y\n", f"{{{named}}}.")["sent"] == [("+905301234567", "x y.")]


@pytest.mark.parametrize(
    ("content", "choices"),
    [
        ("Telefon;Veli Telefonu\n5301234567;5301234568\n", "Telefon, Veli Telefonu"),
        ("Ad;Kime;Kim\nA;5301234567;5301234568\nB;5301234567;\n", "Ad, Kime, Kim"),
        ("Telefon;Baska\n0212 123 45 67;5301234567\n", "Telefon, Baska"),
        ("Name,Phone 1 - Value,Phone 2 - Value\nA,+90 530 123 45 67,+90 530 123 45 68\n",
         "Name, Phone 1 - Value, Phone 2 - Value"),
    ],
)  # fmt: skip
def test_where_two_columns_look_like_numbers_it_asks(content: str, choices: str, rehearse: Run, read: Read) -> None:
    """Of two, one is another person's; the answer is `--column`."""
    result = rehearse(content)
    assert (result.returncode, json.loads(result.stdout)["exit_code"]) == (2, 2)
    assert result.stderr.endswith(f"say which has the numbers, with --column: {choices}\n")
    assert str(read(content, "Merhaba", "--column", "2")["column"]).endswith(f"(2 of {len(choices.split(', '))})")


def test_of_a_mobile_and_a_landline_it_takes_the_mobile(read: Read) -> None:
    """And says so; two numbers in one cell are listed."""
    told = read(
        "Name,Phone 1 - Label,Phone 1 - Value,Phone 2 - Value\n"
        "A,Mobile,+90 530 123 45 67,0212 123 45 67\n"
        "B,Mobile,+90 530 123 45 68 ::: +90 530 123 45 69,\n"
    )
    assert (told["sent"], told["column"]) == ([A], "'Phone 1 - Value' (3 of 4)")
    ((_, reason),) = told["refused"]  # type: ignore[misc]
    assert reason == "line 3: not a phone number: there is more than one number"


def test_what_pandas_writes(read: Read) -> None:
    """An index without a name, and floats for integers with gaps."""
    told = read(",telefon,ad\n0,5301234567.0,Ali\n1,,Veli\n2,530123456.0,Can\n", "{ad}")
    assert told["sent"] == [("+905301234567", "Ali")]
    assert [reason.split(":")[0] for _, reason in told["refused"]] == ["line 3", "line 4"]  # type: ignore[attr-defined]


def test_what_excel_leaves_around_numbers(read: Read) -> None:
    """Apostrophes, formulas that yield text, and what a narrow column shows."""
    told = read(
        'Ad;Telefon\nA;\'05301234567\nB;"=""05301234568"""\nC;="0530 123 45 69"\nD;5,30123E+09\nE;+5301234567\n'
    )
    assert [number for number, _ in told["sent"]] == [A[0], B[0], "+905301234569"]  # type: ignore[attr-defined]
    assert [reason.split(": ", 2)[2].split(" ")[0] for _, reason in told["refused"]] == ["a", "the"]  # type: ignore[attr-defined]


def test_words_for_nothing_and_marks_of_spreadsheets(read: Read) -> None:
    """A value has no text where a program wrote that there is none; `="…"` and an apostrophe are no part of one."""
    names = ['="Ali"', "'Veli", "NULL", "\\N", "nan", "NaT", "<NA>"]
    rows = [f"{name};0049 1512 345678{index}" for index, name in enumerate(names)]
    told = read("\n".join(["ad;telefon", *rows]), "Sayin {ad}")
    assert told["sent"] == [("+4915123456780", "Sayin Ali"), ("+4915123456781", "Sayin Veli")]
    assert [reason for _, reason in told["refused"]] == [  # type: ignore[attr-defined]
        f"line {line}: there is no value in the column 'ad'" for line in range(4, 9)
    ]


def test_lines_are_told_in_plain_digits(read: Read) -> None:
    """As editors and spreadsheets find them."""
    told = read("telefon\n" + "5301234567\n" * 1003 + "yok\n")
    assert told["refused"] == [("yok", "line 1005: not a phone number")]


def test_a_pipe_is_read_like_a_file(iletimerkezi: "Command") -> None:
    """Its layout is told by its first rows with numbers, however slowly they come."""
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "off"
    process = iletimerkezi.start("bulk", "Sayin {ad}", "--to", "-", "--dry-run", "--json")
    assert process.stdin
    for piece in ("Soyad, Ad;Ad;Ki", "me\n", "Kaya, A;Ali;5301234567\n1;2;3;4\n"):
        process.stdin.write(piece)
        process.stdin.flush()
    told = json.loads(iletimerkezi.end(process).stdout)
    assert told["list"] == {"column": "'Kime' (3 of 3)", "header": "line 1", "delimiter": ";", "encoding": "UTF-8"}
    assert told["examples"] == [{"number": "+905301234567", "text": "Sayin Ali"}]
    assert [each["reason"] for each in told["refused_examples"]] == [
        "line 3: 4 values in 3 columns: it is unknown which is which"
    ]


def test_a_dry_run_shows_what_would_go_out(in_process: Run, rehearse: Run) -> None:
    """The first messages, how the list was read, and what makes a text Unicode."""
    rehearse("Ad;Telefon\n" + "".join(f"A{index};530123456{index}\n" for index in range(9)))
    result = in_process("bulk", "{Ad}\u2019nin borcu 5\u00a0\u20ba", "--to", "list.csv", "--dry-run")
    assert result.returncode == 0
    first, *others = (f"to +90530123456{index}: A{index}\u2019nin borcu 5" for index in range(3))
    assert result.stdout.splitlines() == [
        "list     list.csv: column 'Telefon' (2 of 2), header line 1, delimiter ;, encoding UTF-8",
        "read     9",
        f"first    {first} \u20ba",
        "cost     9 SMS to 9 in 1 order, 1 a recipient, unicode",
        (
            "costly   Unicode: 65 characters instead of 155 in an SMS, because of: "
            "\u2019 (RIGHT SINGLE QUOTATION MARK), NO-BREAK SPACE, \u20ba (TURKISH LIRA SIGN)"
        ),
        "sender   FIRMA, consent list off, now",
        "journal  list.csv.journal: after a stop the same command goes on",
    ]
    assert result.stderr.splitlines() == [
        *(f"{other} \u20ba" for other in others),
        (
            "a dry run: nothing was sent; not checked: whether the sender FIRMA is approved, blocked numbers, the "
            "balance"
        ),
    ]
