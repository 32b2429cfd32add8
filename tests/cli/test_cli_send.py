import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from waiting import wait_until

from iletimerkezi_async.cli.messages import WrongUsageError
from iletimerkezi_async.cli.terms import _read_moment

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox

_TURKISH_TIME = timezone(timedelta(hours=3))


def test_it_sends_one_order(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """A text goes to each number once, however they are spelt; the order and its parts are printed."""
    iletimerkezi.env["ILETIMERKEZI_IYS"] = "tacir"
    result = iletimerkezi("send", "Merhaba", "5301234567", "0530 123 45 68", "+90 530 123 45 67")
    (order,) = sandbox.orders
    assert result.stdout.split() == ["order", str(order.id), "recipients", "2", "parts", "1"]
    assert (result.returncode, result.stderr) == (0, "")
    assert (order.iys, order.iys_list) == ("1", "TACIR")
    assert set(sandbox.deliveries.values()) == {1}


def test_the_text_from_standard_input_and_json(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """With `-` the text is read, without the line's end; `--json` tells the same and more."""
    result = iletimerkezi("send", "-", "5301234567", "--iys", "OFF", "--json", stdin="Şok indirim " * 20 + "\n")
    (order,) = sandbox.orders
    assert order.texts[0][0] == "Şok indirim " * 20
    assert json.loads(result.stdout) == {
        "id": order.id,
        "recipients": 1,
        "parts": 2,
        "encoding": "turkish",
        "units": 260,
        "send_at": None,
    }


def test_it_sends_later(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """A time without an offset is Turkish; it is rounded up to the minute."""
    result = iletimerkezi("send", "Merhaba", "5301234567", "--iys", "off", "--at", "2099-12-01 09:00:30")
    assert sandbox.orders[0].send_at == datetime(2099, 12, 1, 9, 1, tzinfo=_TURKISH_TIME)
    assert "send at     2099-12-01 09:01\n" in result.stdout


@pytest.mark.parametrize(
    "when",
    ["2099-12-01 09:00", "2099-12-01T09:00+03:00", "2099-12-01 06:00Z", "01.12.2099 09:00", "1.12.2099 09:00:00"],
)
def test_a_time_may_have_an_offset(when: str) -> None:
    """The same moment may be written in several ways."""
    assert _read_moment(when) == datetime(2099, 12, 1, 9, tzinfo=_TURKISH_TIME)


@pytest.mark.parametrize(
    "when", ["tomorrow", "2099-12-01", "2099-13-01 09:00", "01.12.2099", "31.11.2099 09:00", "01.12.99 09:00"]
)
def test_what_is_no_time_is_refused(when: str) -> None:
    """A time that cannot be read, or a day alone, is an error: nothing is sent at another time than meant."""
    with pytest.raises(WrongUsageError, match="is not a time such as"):
        _read_moment(when)


def test_a_bad_time_is_wrong_usage(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """A time that cannot be read ends the command before it asks the service anything."""
    result = iletimerkezi("send", "Merhaba", "5301234567", "--iys", "off", "--at", "tomorrow")
    assert result.returncode == 2
    assert result.stderr.startswith("iletimerkezi: --at 'tomorrow' is not a time such as")
    assert not sandbox.requests


def test_the_choice_about_consent_has_no_default(iletimerkezi: "Command") -> None:
    """Without `--iys` nothing is sent; one line says what there is to choose."""
    result = iletimerkezi("send", "Merhaba", "5301234567")
    assert result.returncode == 2
    assert result.stderr.startswith("iletimerkezi: say --iys (or set ILETIMERKEZI_IYS)")
    assert result.stderr.count("\n") == 1


def test_the_sender_has_no_default(iletimerkezi: "Command") -> None:
    """Without a sender nothing is sent."""
    del iletimerkezi.env["ILETIMERKEZI_SENDER"]
    result = iletimerkezi("send", "Merhaba", "5301234567", "--iys", "off")
    assert (result.returncode, result.stderr) == (2, "iletimerkezi: say --sender, or set ILETIMERKEZI_SENDER\n")


def test_bad_numbers_are_named(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """All numbers that are none are named, harmless to a terminal, and nothing is sent to the others."""
    result = iletimerkezi("send", "Merhaba", "530123", "5301234567", "\x1b[31m", "--iys", "off")
    assert result.returncode == 1
    assert result.stderr == "iletimerkezi: '530123', '\\x1b[31m' are not phone numbers; nothing was sent\n"
    assert not sandbox.requests


def test_a_piped_text_is_utf_8(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """A text on standard input is read as UTF-8 in every locale, without the mark that some programs put in front."""
    iletimerkezi.env["PYTHONIOENCODING"] = "iso-8859-9"
    result = iletimerkezi("send", "-", "5301234567", "--iys", "off", stdin="\ufeffIşıklı\n")
    assert (result.returncode, result.stderr) == (0, "")
    assert sandbox.orders[0].texts == (("Işıklı", 1),)


def test_in_a_terminal_it_asks(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """In a terminal it says what it is about to do and asks; only a yes, or `--yes`, sends."""
    order = ("send", "Merhaba", "5301234567", "5301234568", "--iys", "off")
    code, screen = iletimerkezi.in_terminal(*order, typed="\n")
    assert (code, len(sandbox.orders)) == (1, 0)
    assert "Send 1 SMS to each of 2 recipients as FIRMA, now? [y/N]" in screen
    assert "iletimerkezi: nothing was sent" in screen
    code, screen = iletimerkezi.in_terminal(*order, typed="y\n")
    assert (code, len(sandbox.orders)) == (0, 1)
    code, screen = iletimerkezi.in_terminal(*order[:3], "--iys", "off", "--yes")
    assert (code, len(sandbox.orders)) == (0, 2)
    assert "[y/N]" not in screen


def test_ctrl_c_tells_that_the_order_may_have_been_taken(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """Interrupted on its way, an order may have been taken; the same command again sends nothing, and that is well."""
    order = ("send", "Merhaba", "5301234567", "--iys", "off")
    sandbox.fail("send-sms", "stall")
    process = iletimerkezi.start(*order)
    wait_until(lambda: sandbox.requests)
    result = iletimerkezi.interrupt(process)
    assert (result.returncode, result.stdout) == (130, "")
    assert "it may have been taken; the same command within 10 minutes cannot send twice" in result.stderr
    result = iletimerkezi(*order)
    assert result.returncode == 0
    assert "nothing was sent now" in result.stderr
    assert set(sandbox.deliveries.values()) == {1}
