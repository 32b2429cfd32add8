"""Files of every kind for the command: the right result, or one line of error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from files import expand, read_file, read_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iletimerkezi_async.cli.tables import guess_encoding
from iletimerkezi_async.sandbox import Sandbox

patient = settings(deadline=None, suppress_health_check=list(HealthCheck))

_NOW = datetime.now(timezone.utc).astimezone(timezone(timedelta(hours=3)))
_HEADER = "recipient,recipient_type,type,status,source,consent_date"
_CONSENT = f"5301234567,BIREYSEL,MESAJ,ONAY,HS_WEB,{_NOW - timedelta(hours=2):%Y-%m-%d %H:%M}"
_CELLS = st.sampled_from([
    "telefon", "ad", "cep", "sep=;", "Telefon No",
    "5301234567.0", "'05301234567", "Toplam", "\ufeff", "#YOK",
    "5301234567", "0530 123 45 68", "+905301234569", "Ayşe", "", " ", '"', '""', '"a"', "a\nb",
    "\0", "\x1b[2J", "\u2028", "<long>", _HEADER, _CONSENT,
    "recipient", "EPOSTA", "a@b.example", "9999-12-31 23:59", "0001-01-01 00:00:00+14:00", "=1+1", "{ad}", "😀",
]) | st.text(max_size=6)  # fmt: skip
_LINES = st.tuples(
    st.lists(st.lists(_CELLS, max_size=7), max_size=8), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from("\n\r")
).map(lambda table: table[2].join(table[1].join(row) for row in table[0]))
_TEXTS = _LINES | st.lists(_CELLS, max_size=12).map("\r\n".join)
CONTENTS = st.binary(max_size=300) | st.tuples(
    _TEXTS,
    st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1254"]),
    st.integers(0, 3),
).map(lambda text: text[0].encode(text[1], "replace")[: -text[2] or None])


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Sandbox, str]]:
    sandbox = Sandbox(delivery_seconds=0)
    with sandbox.serve() as url:
        yield sandbox, url


@pytest.fixture
def account(served: tuple[Sandbox, str], monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    sandbox, url = served
    for name, value in sandbox.environment(url).items():
        monkeypatch.setenv(name, value)
    return sandbox


def counts(shown: str) -> int:
    """What became of everybody, together."""
    told = json.loads(shown)
    reached = told["accepted"] if "accepted" in told else told["recipients"]
    return int(reached + told["refused"] + told["duplicates"] + told.get("failed", 0))


@pytest.mark.parametrize("text", ["Merhaba", "Sayin {ad}"])
@patient
@given(content=CONTENTS, column=st.sampled_from([(), ("--column", "2"), ("--column", "ad")]))
def test_no_list_breaks_a_dry_run(text: str, column: tuple[str, ...], content: bytes, tmp_path: Path) -> None:
    """Everybody in the file is counted once, or the file is refused."""
    path = tmp_path / "list"
    shown = read_file(path, content, "bulk", text, "--to", str(path), *column, "--iys", "off", "--sender", "FIRMA",
                      "--dry-run", "--json")  # fmt: skip
    assert not shown or counts(shown) == json.loads(shown)["read"]


@settings(patient, max_examples=settings().max_examples * 2 // 5)
@given(content=CONTENTS)
def test_no_list_breaks_a_campaign(content: bytes, tmp_path: Path, account: Sandbox) -> None:
    """What is told is what was sent."""
    account.advance(minutes=11)
    before = sum(account.deliveries.values())
    path = tmp_path / "list"
    shown = read_file(path, content, "bulk", "Merhaba", "--to", str(path), "--iys", "off", "--yes", "--json")
    sent = sum(account.deliveries.values()) - before
    assert sent == (json.loads(shown)["accepted"] if shown else 0)
    assert not shown or counts(shown) == json.loads(shown)["read"]


@settings(patient, max_examples=settings().max_examples * 3 // 5)
@given(content=CONTENTS | CONTENTS.map(f"{_HEADER}\n{_CONSENT}\n".encode().__add__))
def test_no_file_of_consents_breaks_its_reader(content: bytes, tmp_path: Path, account: Sandbox) -> None:
    """All of it is registered, or nothing; the service may know of a word that it does not take, too."""
    requests = len(account.requests)
    path = tmp_path / "consents"
    shown = read_file(path, content, "consent", "register", str(path), "--brand", "BRAND", "--json")
    assert shown or account.requests[requests:] in {(), (("consent/create", 422),)}


@patient
@given(CONTENTS, st.lists(st.integers(0, 300), max_size=5), st.sampled_from([None, ",", ";"]))
def test_it_does_not_matter_how_a_list_comes(content: bytes, cuts: list[int], delimiter: str | None) -> None:
    """In one piece or in several, cut anywhere: the same rows, or refused."""
    whole = expand(content)
    places = [0, *sorted(cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(places)]
    encoding = guess_encoding([whole])
    assert guess_encoding(pieces) == encoding
    assert read_rows(pieces, delimiter, encoding) == read_rows([whole], delimiter, encoding)
