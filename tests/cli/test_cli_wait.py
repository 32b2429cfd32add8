import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import anyio
import pytest
from forked import python
from waiting import wait_until

from iletimerkezi_async import Iys, Order
from iletimerkezi_async.sandbox import Sandbox

if TYPE_CHECKING:
    from conftest import Command

Place = Callable[[int], Order]


@pytest.fixture
def schedule(sandbox: Sandbox) -> Callable[[], str]:
    """Have an order in the sandbox that is sent in an hour; its ID."""

    async def send() -> str:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:
            in_an_hour = datetime.now(timezone.utc) + timedelta(hours=1)
            return str((await client.send_sms("Merhaba", "5301234567", send_at=in_an_hour)).id)

    return lambda: anyio.run(send)


def test_a_finished_order(iletimerkezi: "Command", place: Place) -> None:
    """It ends with 0 and the counters, in words or as JSON."""
    order = place(20)
    plain = iletimerkezi("wait", str(order.id))
    assert (plain.returncode, plain.stderr) == (0, "")
    words = dict(line.split() for line in plain.stdout.splitlines())
    assert (words["order"], words["status"], words["undelivered"]) == (str(order.id), "COMPLETED", "2")
    fields = json.loads(iletimerkezi("wait", str(order.id), "--json").stdout)
    assert (fields["id"], fields["status"], fields["delivered"]) == (order.id, "COMPLETED", 18)


def test_the_time_is_up(iletimerkezi: "Command", schedule: Callable[[], str]) -> None:
    """An order that is not finished in time is one line and a 1; nobody need wait for the next look."""
    order = schedule()
    began = time.monotonic()
    result = iletimerkezi("wait", order, "--timeout", "0.5", "--json")
    assert time.monotonic() - began < 30
    assert (result.returncode, json.loads(result.stdout)["exit_code"]) == (1, 1)
    assert result.stderr == f"iletimerkezi: order {order} is not finished after 0.5 s\n"


def test_cancelling(iletimerkezi: "Command", schedule: Callable[[], str], place: Place) -> None:
    """A scheduled order is cancelled, and waiting for it fails at once; an order that cannot be cancelled says why."""
    first, second = schedule(), str(place(2).id)
    assert iletimerkezi("cancel", first).stdout == f"order {first} is cancelled\n"
    result = iletimerkezi("wait", first, "--json")
    assert (result.returncode, json.loads(result.stdout)["status"]) == (1, "FAILED")
    assert result.stderr == f"iletimerkezi: order {first} could not be sent, or was cancelled\n"
    result = iletimerkezi("cancel", second, "--json")
    assert (result.returncode, json.loads(result.stdout)["exit_code"]) == (1, 1)
    assert re.fullmatch(
        r"iletimerkezi: cancel-order: 455 .*: there is no such order, its sending has begun, .*\n", result.stderr
    )


def test_cancelling_as_json(iletimerkezi: "Command", schedule: Callable[[], str]) -> None:
    """It is one object."""
    order = schedule()
    assert json.loads(iletimerkezi("cancel", order, "--json").stdout) == {"id": int(order), "cancelled": True}


def test_an_unknown_order(iletimerkezi: "Command") -> None:
    """It is one line."""
    result = iletimerkezi("wait", "99")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("iletimerkezi: get-report: 455 ")
    assert result.stderr.count("\n") == 1


class TestSlowly:
    """While an order is being delivered."""

    @pytest.fixture
    def sandbox(self) -> Iterator[Sandbox]:
        return Sandbox("sahte-anahtar-4711", "sahte-hash-0815", delivery_seconds=600)

    def test_in_a_terminal_one_line_follows_it(self, iletimerkezi: "Command", sandbox: Sandbox, place: Place) -> None:
        """It is drawn over itself, and gone in the end."""
        order = place(1000)

        def deliver() -> None:
            # What the first answer told is drawn by the time that the second one is asked for.
            wait_until(lambda: sandbox.request_counts["get-report"] >= 2)
            sandbox.advance(minutes=11)

        with ThreadPoolExecutor() as beside:
            delivered = beside.submit(deliver)
            code, screen = iletimerkezi.in_terminal("wait", str(order.id))
            delivered.result()
        assert code == 0
        assert re.search(rf"order {order.id}: SENDING, [0-9,]+ of 1,000 final", screen)
        assert re.match(r"order +", screen[screen.rindex("\x1b[2K") + len("\x1b[2K") :])

    def test_ctrl_c_ends_it(self, iletimerkezi: "Command", sandbox: Sandbox, place: Place) -> None:
        """It ends at once, without a word."""
        process = iletimerkezi.start("wait", str(place(1000).id))
        wait_until(lambda: sandbox.request_counts["get-report"])
        result = iletimerkezi.interrupt(process)
        assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_completion() -> None:
    """The shell's question is answered with the commands, also those of a group; the script for a shell is there."""

    def ask(**asked: str) -> str:
        command = [*python(), "-m", "iletimerkezi_async"]
        done = subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout

    complete = {"_ILETIMERKEZI_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    assert ask(COMP_WORDS="iletimerkezi se", **complete).split() == ["send", "sent", "senders"]
    complete["COMP_CWORD"] = "2"
    assert ask(COMP_WORDS="iletimerkezi blacklist ", **complete).split() == ["list", "add", "remove"]
    assert "complete -o" in ask(_ILETIMERKEZI_COMPLETE="source_bash")
