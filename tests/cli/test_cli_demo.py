import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from iletimerkezi_async import BulkResult, MessageStatus, OrderReport, OrderStatus, Refusal, normalize_number
from iletimerkezi_async.cli.demo import Audience, _Outcome, _reconcile
from iletimerkezi_async.cli.messages import CommandError
from iletimerkezi_async.errors import RecipientError

if TYPE_CHECKING:
    from conftest import Command

_NUMBERS = ("+905301234567", "+905301234568")


def test_without_a_terminal_it_prints_plain_lines_and_a_table(iletimerkezi: "Command") -> None:
    """A pipe gets plain lines: what this is, what went wrong, how far it has come, and a table that adds up."""
    result = iletimerkezi("demo", "--recipients", "5000", "--seconds", "6")
    lines = result.stdout.splitlines()
    assert result.returncode == 0
    assert "nothing real is sent" in lines[0]
    assert max(map(len, lines[:3])) <= 80
    assert any(re.fullmatch(r"delivery  [0-9,]+ of 4,848(, [0-9,]+ a second.*)?", line) for line in lines)
    assert re.fullmatch(r"Taken: 4,848 messages in [0-9]+ orders after [0-9.]+ s\.", lines[3])
    table = {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in lines[-14:-1]}
    assert table.pop("orders")
    assert {name: value for name, value in table.items() if not name.endswith("a second")} == {
        "read": "5,000",
        "= accepted": "4,848",
        "+ refused": "52",
        "+ duplicates": "100",
        "+ failed": "0",
        "rows of their reports": "4,848",
        "= delivered": "4,749",
        "+ undelivered": "99",
        "sent, by the sandbox": "4,848",
        "texted twice": "0",
    }
    assert lines[-1] == "It adds up: every recipient is accounted for, and none was texted twice."
    # What the library says of the answers that were lost.
    assert result.stderr.count("attempt 2 follows") == 2
    assert result.stdout.replace("\n", "").isprintable()


def test_in_a_terminal_it_draws(iletimerkezi: "Command") -> None:
    """A terminal gets bars; the cursor is back in the end."""
    code, screen = iletimerkezi.in_terminal("demo", "--recipients", "1000", "--seconds", "0.3")
    assert code == 0
    assert "nothing real is sent" in screen
    assert "━" in screen
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")


def test_a_terminal_that_cannot_draw_gets_plain_lines(iletimerkezi: "Command") -> None:
    """`TERM=dumb`, as editors set it, means no control codes. The shortest list will do, too."""
    iletimerkezi.env["TERM"] = "dumb"
    code, screen = iletimerkezi.in_terminal("demo", "--recipients", "1", "--seconds", "0")
    assert code == 0
    assert "\x1b" not in screen


def test_ctrl_c_stops_it(iletimerkezi: "Command") -> None:
    """Ctrl-C during the delivery ends the demonstration at once, without a word more."""
    process = iletimerkezi.start("demo", "--recipients", "1000", "--seconds", "60")
    assert process.stdout
    while not process.stdout.readline().startswith("Taken"):
        pass
    result = iletimerkezi.interrupt(process)
    assert result.returncode == 130
    assert all("attempt 2 follows" in line for line in result.stderr.splitlines())


def test_the_list_has_its_share_of_everything() -> None:
    """Each good number is spelt in some way, the bad ones are bad, and the repeated ones repeat good ones."""
    audience = Audience(2000)
    counts: Counter[str] = Counter()
    bad = 0
    for entry in audience:
        try:
            counts[normalize_number(entry)] += 1
        except RecipientError:
            bad += 1
    assert bad == 20
    assert set(counts) - audience.blocked == audience.reachable
    assert len(audience.blocked) == 2
    assert sum(count - 1 for count in counts.values()) == 2000 - bad - len(counts) > 30
    assert {len(entry) for entry in audience} > {10, 12, 14, 16}


def _outcome(**changes: object) -> _Outcome:
    ones = Counter(dict.fromkeys(_NUMBERS, 1))
    outcome = _Outcome(
        frozenset(_NUMBERS),
        BulkResult((), accepted=2, refused=(Refusal("x", "bad"),), duplicates=1, failed=(), read=4),
        [OrderReport(1, OrderStatus.COMPLETED, total=2, delivered=2, undelivered=0)],
        told=ones.copy(),
        statuses=Counter({MessageStatus.DELIVERED: 2}),
        ledger=ones.copy(),
    )
    for name, value in changes.items():
        setattr(outcome, name, value)
    return outcome


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"told": Counter(_NUMBERS[:1])}, "the reports have 1 rows for 1 numbers"),
        ({"told": Counter([*_NUMBERS, *_NUMBERS[1:]])}, "the reports have 3 rows for 2 numbers"),
        ({"ledger": Counter([*_NUMBERS, *_NUMBERS])}, "to 2 of them twice"),
        ({"ledger": Counter(_NUMBERS[:1])}, "sent to 1 of 2 numbers"),
        ({"orders": []}, r"the reports say \(2, 0\) delivered and undelivered, the orders \(0, 0\)"),
        ({"reachable": frozenset(_NUMBERS[:1])}, "sent to 2 of 1 numbers"),
        ({"result": BulkResult((), 2, (), 0, (), 3)}, "in no list, or in two"),
    ],
    ids=["row missing", "row twice", "texted twice", "not texted", "counters", "too many", "lost"],
)
def test_what_does_not_add_up_is_an_error(changes: dict[str, object], named: str) -> None:
    """Whatever is missing, or there twice, fails the demonstration, and is named."""
    _reconcile(_outcome())
    with pytest.raises(CommandError, match=f"does not add up: .*{named}"):
        _reconcile(_outcome(**changes))
