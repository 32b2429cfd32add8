"""Runs the real command, as a process of its own, against a sandbox behind a real socket."""

import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest
from forked import python
from waiting import PATIENCE

from iletimerkezi_async import Iys, Order
from iletimerkezi_async.cli import app
from iletimerkezi_async.sandbox import Sandbox

FIRST_NUMBER = 5301234567
KEY = "sahte-anahtar-4711"
HASH = "sahte-hash-0815"
# How far it has come, which a command tells each second where it takes longer, as on a busy machine.
_PROGRESS = re.compile(r"^\w+  [0-9,]+( of [0-9,]+)?(, [0-9,]+ a second.*)?\n", re.MULTILINE)


class Command:
    """The command `iletimerkezi` of somebody whose environment names an account.

    Whatever it is used for, it checks that no credential is shown and that there is no traceback.
    """

    def __init__(self, url: str, home: Path) -> None:
        self._home = home
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("ILETIMERKEZI_")} | {
            "ILETIMERKEZI_API_KEY": KEY,
            "ILETIMERKEZI_API_HASH": HASH,
            "ILETIMERKEZI_SENDER": "FIRMA",
            "ILETIMERKEZI_BASE_URL": url,
            "PYTHONWARNINGS": "error",
            "TERM": "xterm-256color",
        }

    def start(self, *arguments: str, **streams: int) -> subprocess.Popen[str]:
        """Start it; every stream is a pipe unless `streams` names another."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [*python(), "-m", "iletimerkezi_async", *arguments],
            env=self.env,
            cwd=self._home,
            text=True,
            encoding="utf-8",
            **(pipes | streams),
        )

    def end(self, process: subprocess.Popen[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        out, err = process.communicate(stdin or None, timeout=PATIENCE)
        self.check(out + err)
        return subprocess.CompletedProcess([], process.returncode, out, _PROGRESS.sub("", err))

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it without a terminal."""
        return self.end(self.start(*arguments), stdin)

    def interrupt(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Press Ctrl-C, and check that it stops without waiting for an answer, which it would do for 30 seconds."""
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        result = self.end(process)
        assert time.monotonic() - began < 30
        return result

    def in_terminal(self, *arguments: str, typed: str = "") -> tuple[int, str]:
        """Run it in a terminal; the exit code, and everything that the terminal got."""
        with _terminal() as (master, slave):
            process = self.start(*arguments, stdin=slave, stdout=slave, stderr=slave)
            os.close(slave)
            os.write(master, typed.encode())
            screen = b"".join(iter(lambda: _read(master), b"")).decode()
        self.check(screen)
        return process.wait(PATIENCE), screen

    @staticmethod
    def check(output: str) -> None:
        """See that it shows no credential and no traceback."""
        assert KEY not in output
        assert HASH not in output
        assert "Traceback" not in output


@contextmanager
def _terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    try:
        yield master, slave
    finally:
        os.close(master)


def _read(master: int) -> bytes:
    # Linux answers the end of the other side with an error.
    with suppress(OSError):
        return os.read(master, 65_536)
    return b""


@pytest.fixture
def sandbox() -> Sandbox:
    """A sandbox whose orders are delivered at once, one in ten in vain."""
    return Sandbox(KEY, HASH, first_id=42_800_001, delivery_seconds=0, undelivered=lambda number: number.endswith("0"))


@pytest.fixture
def iletimerkezi(sandbox: Sandbox, tmp_path: Path) -> Iterator[Command]:
    """The command, pointed at the sandbox."""
    with sandbox.serve() as url:
        yield Command(url, tmp_path)


@pytest.fixture
def place(sandbox: Sandbox) -> Callable[[int], Order]:
    """Have an order for so many recipients in the sandbox."""

    async def send(recipients: int) -> Order:
        async with sandbox.client(sender="FIRMA", iys=Iys.OFF) as client:
            return await client.send_sms("Merhaba", [FIRST_NUMBER + n for n in range(recipients)])

    return lambda recipients: anyio.run(send, recipients)


@pytest.fixture
def in_process(
    iletimerkezi: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The same command without a process of its own, which is quick where it does not get to its work."""
    for name, value in iletimerkezi.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        with pytest.raises(SystemExit) as end:
            app(arguments, prog_name="iletimerkezi")
        code = end.value.code
        assert isinstance(code, int)
        out, err = capsys.readouterr()
        iletimerkezi.check(out + err)
        return subprocess.CompletedProcess([], code, out, _PROGRESS.sub("", err))

    return run
