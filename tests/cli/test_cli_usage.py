import os
import subprocess
import sys

import pytest

from iletimerkezi_async import __version__
from iletimerkezi_async.cli import app

_COMMANDS = (
    "demo", "sandbox", "balance", "send", "bulk", "report", "orders", "wait", "cancel", "senders", "webhook",
    "blacklist", "consent",
)  # fmt: skip


def _run(*arguments: str) -> int | str | None:
    """Run it within this process, which is quick where it does not get to its work."""
    with pytest.raises(SystemExit) as end:
        app(arguments, prog_name="iletimerkezi")
    return end.value.code


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` is one line."""
    assert _run("--version") == 0
    assert capsys.readouterr().out == f"iletimerkezi {__version__}\n"


def test_help_names_every_command_and_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The help says what there is, in lines that are not cut, and what the environment can say."""
    monkeypatch.setenv("COLUMNS", "80")
    assert _run("--help") == 0
    text = capsys.readouterr().out
    for word in (*_COMMANDS, "ILETIMERKEZI_API_KEY", "ILETIMERKEZI_IYS", "ILETIMERKEZI_BASE_URL"):
        assert f"  {word} " in text
    assert "...\n" not in text[text.index("Commands:") :]
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", _COMMANDS)
def test_each_command_has_help(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command tells its usage in words that fit a terminal, without control codes."""
    monkeypatch.setenv("COLUMNS", "80")
    assert _run(command, "--help") == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: iletimerkezi {command} [OPTIONS]")
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["sned"], "sned"),
        (["report", "abc"], "ID"),
        (["send", "Merhaba", "--iys", "off"], "NUMBER"),
        (["send", "Merhaba", "5301234567", "--iys", "maybe"], "--iys"),
        (["demo", "--recipients", "0"], "--recipients"),
        (["bulk", "Merhaba"], "--to"),
        (["bulk", "Merhaba", "--to", "list.txt", "--batch-size", "50001"], "--batch-size"),
        (["balance", "--key", "x"], "--key"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_2(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was typed wrongly is named, shortly and without boxes."""
    assert _run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert named in err.splitlines()[-1]
    assert err.isascii()
    assert err.count("\n") <= 5


def test_without_the_extra_one_line_says_what_to_install() -> None:
    """A plain installation has the command, which names the extra it needs."""
    result = _python("import sys; sys.modules['typer'] = None; from iletimerkezi_async.__main__ import main; main()")
    assert result.returncode == 1
    assert "pip install 'iletimerkezi-async[cli]'" in result.stderr
    assert result.stderr.count("\n") == 1


def test_ctrl_c_before_the_command_begins() -> None:
    """Whoever presses Ctrl-C while the arguments are not even read gets no traceback."""
    interrupt = "def interrupt(*_, **__):\n    raise KeyboardInterrupt\n"
    result = _python(
        f"import typer.main\n{interrupt}typer.main.get_group = interrupt\n"
        "from iletimerkezi_async.__main__ import main; main()"
    )
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_output_that_cannot_be_written_is_no_traceback() -> None:
    """A full disk is one line, and a stream that is closed from the start is nobody's loss."""
    command = f"{sys.executable} -m iletimerkezi_async --version"
    full = subprocess.run(f"{command} > /dev/full", shell=True, capture_output=True, text=True, check=False)
    assert (full.returncode, full.stderr) == (1, "iletimerkezi: No space left on device\n")
    closed = subprocess.run(f"{command} <&- >&-", shell=True, capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, "")


def test_help_fits_every_encoding() -> None:
    """Letters that the output has no code for are written as escapes."""
    result = subprocess.run(
        [sys.executable, "-m", "iletimerkezi_async", "bulk", "--help"],
        env=os.environ | {"PYTHONIOENCODING": "iso-8859-1", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "Say\\u0131n {ad}" in result.stdout


def test_it_imports_little() -> None:
    """What only some commands need is not imported for all of them."""
    result = _python("import sys, iletimerkezi_async.cli; print({'uvicorn', 'starlette'} & set(sys.modules))")
    assert result.stdout == "set()\n"
