"""The command with a store: keys, what became of them, and campaigns without a journal's file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'store.sqlite'}"


def test_a_key_sends_once(iletimerkezi: "Command", sandbox: "Sandbox", store: str) -> None:
    """The same command again prints the same order, says so, and sends nothing; other text is refused."""
    typed = ("send", "Merhaba", "5301234567", "--iys", "off", "--key", "k1", "--store", store)
    first, second = iletimerkezi(*typed), iletimerkezi(*typed)
    assert (first.returncode, first.stderr) == (0, "")
    assert second.stdout == first.stdout
    assert "sent before" in second.stderr
    assert sandbox.request_counts["send-sms"] == 1
    assert json.loads(iletimerkezi(*typed, "--json").stdout)["replayed"] is True
    other = iletimerkezi("send", "Selam", *typed[2:])
    assert other.returncode == 1
    assert "another text" in other.stderr


def test_what_became_of_a_key(iletimerkezi: "Command", sandbox: "Sandbox", store: str) -> None:
    """`sent` tells the state; a person decides what nothing can tell; the environment may name the store."""
    iletimerkezi.env["ILETIMERKEZI_STORE"] = store
    assert iletimerkezi("sent", "k1").returncode == 1
    sandbox.fail("send-sms", "drop-request", times=5)
    typed = ("send", "Merhaba", "5301234567", "--iys", "off", "--key", "k1")
    lost = iletimerkezi(*typed)
    assert "iletimerkezi sent" in lost.stderr
    assert "unknown" in iletimerkezi("sent", "k1").stdout
    assert "not sent" in iletimerkezi("sent", "k1", "--not-sent").stdout
    assert iletimerkezi(*typed).returncode == 0
    told = json.loads(iletimerkezi("sent", "k1", "--json").stdout)
    assert (told["state"], told["order_id"], told["recipients"]) == ("sent", sandbox.orders[0].id, 1)
    assert iletimerkezi("sent", "k1", "--order", "5").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("send", "Merhaba", "5301234567", "--iys", "off", "--key", "k"), "needs a store"),
        (("sent", "k"), "no store of keys: give --store"),
        (("sent", "k", "--store", "sqlite:x", "--order", "1", "--not-sent"), "exclude each other"),
        (("sent", "k", "--store", "mysql://root:geheim@host/db"), "mysql:// is none of them; the store must be"),
        (("sent", "k", "--store", "sqlite://abc.db"), "has three slashes in front of a file in the current folder"),
        (("sent", "k", "--store", "sqlite://"), "has three slashes"),
        (("sent", "k", "--store", "postgresql://[root:geheim"), "connection string"),
    ],
)
def test_what_is_typed_wrongly(iletimerkezi: "Command", arguments: tuple[str, ...], said: str) -> None:
    """It is said in a line, without the password of an address."""
    result = iletimerkezi(*arguments)
    assert result.returncode in {1, 2}
    assert said in result.stderr
    assert "geheim" not in result.stderr


def test_an_address_means_what_it_means_elsewhere(iletimerkezi: "Command", tmp_path: Path) -> None:
    """As to SQLAlchemy: three slashes in the current folder, four from the root; a new file is said."""
    typed = ("send", "Merhaba", "5301234567", "--iys", "off", "--key", "k1", "--store")
    first = iletimerkezi(*typed, "sqlite:///abc.db")
    assert first.returncode == 0
    assert first.stderr == f"the store is a new file: {tmp_path / 'abc.db'}\n"
    for same in (f"sqlite:///{tmp_path / 'abc.db'}", "sqlite+aiosqlite:///abc.db", "sqlite:abc.db"):
        again = iletimerkezi(*typed, same)
        assert (again.stdout, again.stderr.count("\n")) == (first.stdout, 1)
    unreachable = iletimerkezi("sent", "k1", "--store", "postgresql+asyncpg://u:geheim@127.0.0.1:1/db")
    assert unreachable.stderr == (
        "iletimerkezi: <PostgresStore 127.0.0.1:1/db> cannot be reached within 5 s: Connection refused\n"
    )


def test_a_campaign_in_a_store(iletimerkezi: "Command", sandbox: "Sandbox", store: str, tmp_path: Path) -> None:
    """`--journal` is then a name; the same command again sends nothing more."""
    numbers = tmp_path / "list.txt"
    numbers.write_text("5301234567\n5301234568\n")
    typed = ("bulk", "Merhaba", "--to", str(numbers), "--iys", "off", "--yes", "--store", store, "--journal", "kis")
    first, second = iletimerkezi(*typed), iletimerkezi(*typed)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "'kis'" in first.stderr
    assert sorted(sandbox.deliveries.values()) == [1, 1]


def test_a_journal_that_is_there_is_gone_on_with(
    iletimerkezi: "Command", sandbox: "Sandbox", store: str, tmp_path: Path
) -> None:
    """A campaign that was begun in a file is not begun anew because the environment names a store."""
    numbers, journal = tmp_path / "list.txt", tmp_path / "kis.journal"
    numbers.write_text("5301234567\n")
    typed = ("bulk", "Merhaba", "--to", str(numbers), "--iys", "off", "--yes", "--journal", str(journal))
    assert iletimerkezi(*typed).returncode == 0
    sandbox.advance(minutes=11)
    iletimerkezi.env["ILETIMERKEZI_STORE"] = store
    assert iletimerkezi(*typed).returncode == 0
    assert list(sandbox.deliveries.values()) == [1]
