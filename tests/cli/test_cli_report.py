import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from waiting import PATIENCE

from iletimerkezi_async import Order

if TYPE_CHECKING:
    from conftest import Command

Place = Callable[[int], Order]


def test_the_rows(iletimerkezi: "Command", place: Place) -> None:
    """Without a terminal there is one line a message and nothing else: plain, or as JSON."""
    order = str(place(2001).id)
    plain = iletimerkezi("report", order)
    assert (plain.returncode, plain.stderr) == (0, "")
    rows = [line.split("\t") for line in plain.stdout.splitlines()]
    assert len(rows) == len({number for number, _ in rows}) == 2001
    assert rows[:4:3] == [["+905301234567", "DELIVERED"], ["+905301234570", "UNDELIVERED"]]
    lines = iletimerkezi("report", order, "--json").stdout.splitlines()
    assert json.loads(lines[0]) == {"number": "+905301234567", "status": "DELIVERED", "code": 111}
    assert [json.loads(line)["number"] for line in lines] == [number for number, _ in rows]


def test_in_a_terminal_a_summary_follows(iletimerkezi: "Command", place: Place) -> None:
    """Who looks at the rows in a terminal gets their sums in the end."""
    order = place(20)
    code, screen = iletimerkezi.in_terminal("report", str(order.id))
    assert code == 0
    assert screen.splitlines()[-1] == f"order {order.id} is COMPLETED: 20 in all, 18 DELIVERED, 2 UNDELIVERED"


def test_an_unknown_order(iletimerkezi: "Command") -> None:
    """The error is one line, with what a 455 can mean."""
    result = iletimerkezi("report", "99")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("iletimerkezi: get-report: 455 ")
    assert "there is no such order" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_closed_pipe_ends_it_quietly(iletimerkezi: "Command", place: Place) -> None:
    """`| head` has seen enough: no error, no noise."""
    with iletimerkezi.start("report", str(place(20_000).id)) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "+905301234567\tDELIVERED\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE) == 0


def test_a_full_disk_is_one_line(iletimerkezi: "Command", place: Place) -> None:
    """What cannot be written is an error, and is said once."""
    with open("/dev/full", "w", encoding="ascii") as full:  # noqa: PTH123 - a device
        process = iletimerkezi.start("report", str(place(1).id), stdout=full.fileno(), stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (1, "iletimerkezi: No space left on device\n")


def test_ctrl_c_stops_it_though_nobody_reads(iletimerkezi: "Command", place: Place) -> None:
    """Ctrl-C works while the reader, a pager for example, stands still and the pipe is full."""
    process = iletimerkezi.start("report", str(place(20_000).id))
    assert process.stdout
    process.stdout.readline()
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    assert iletimerkezi.end(process).stderr == ""
