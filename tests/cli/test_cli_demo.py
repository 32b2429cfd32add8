import re
from typing import TYPE_CHECKING

import pytest

from iletimerkezi_async import Delivery, MessageStatus, OrderReport, OrderStatus
from iletimerkezi_async.cli.demo import _Outcome, _reconcile
from iletimerkezi_async.cli.messages import CommandError

if TYPE_CHECKING:
    from conftest import Command


def test_without_a_terminal_it_prints_plain_lines_and_a_table(iletimerkezi: "Command") -> None:
    """A pipe gets plain lines: what this is, how far it has come, and a table whose sums are right."""
    result = iletimerkezi("demo", "--recipients", "1000", "--seconds", "1.3")
    lines = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    assert "nothing real is sent" in lines[0]
    assert any(re.fullmatch(r"delivery  [0-9]+ of 1,000", line) for line in lines)
    assert [line.rsplit(maxsplit=1)[0].strip() for line in lines[-5:]] == [
        "recipients",
        "delivered",
        "undelivered",
        "seconds",
        "rows a second",
    ]
    assert [line.split()[-1] for line in lines[-5:-2]] == ["1,000", "980", "20"]
    assert result.stdout.replace("\n", "").isprintable()


def test_in_a_terminal_it_draws(iletimerkezi: "Command") -> None:
    """A terminal gets a bar and a drawn table; the cursor is back in the end."""
    code, screen = iletimerkezi.in_terminal("demo", "--recipients", "1000", "--seconds", "0.3")
    assert code == 0
    assert "nothing real is sent" in screen
    assert "━" in screen
    assert "┌" in screen
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")


def test_a_terminal_that_cannot_draw_gets_plain_lines(iletimerkezi: "Command") -> None:
    """`TERM=dumb`, as editors set it, means no control codes."""
    iletimerkezi.env["TERM"] = "dumb"
    code, screen = iletimerkezi.in_terminal("demo", "--recipients", "10", "--seconds", "0")
    assert code == 0
    assert "\x1b" not in screen


def test_ctrl_c_stops_it(iletimerkezi: "Command") -> None:
    """Ctrl-C during the delivery ends the demonstration at once, without a word."""
    process = iletimerkezi.start("demo", "--seconds", "60")
    assert process.stdout
    while not process.stdout.readline().startswith("Order"):
        pass
    result = iletimerkezi.interrupt(process)
    assert (result.returncode, result.stderr) == (130, "")


@pytest.mark.parametrize("rows", [1, 3], ids=["one missing", "one twice"])
def test_a_report_that_does_not_add_up_is_an_error(rows: int) -> None:
    """A recipient that is missing or named twice fails the demonstration."""
    recipients = ["+905301234567", "+905301234568"]
    told = [Delivery(number, MessageStatus.DELIVERED) for number in (recipients * 2)[:rows]]
    order = OrderReport(1, OrderStatus.COMPLETED, total=2, delivered=2, undelivered=0)
    with pytest.raises(CommandError, match="does not add up: 2 recipients"):
        _reconcile(_Outcome(recipients, order, told, 1.0, 1.0))
