import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Command


def test_what_it_prints_can_be_pasted(iletimerkezi: "Command") -> None:
    """The exports that it prints make the command talk to it; Ctrl-C ends it without a word."""
    process = iletimerkezi.start("sandbox", "--port", "0", "--balance", "77", "--delivery-seconds", "0")
    assert process.stdout
    printed = ""
    while "AsyncClient(" not in printed:
        printed += process.stdout.readline()
    assert "nothing real is sent" in printed
    iletimerkezi.env |= dict(re.findall(r"^  export (\w+)=(\S+)$", printed, re.MULTILINE))
    assert iletimerkezi("balance").stdout.split() == ["sms", "77", "lira", "0"]
    assert iletimerkezi("send", "Kodunuz 1234", "5301234567").returncode == 0
    result = iletimerkezi.interrupt(process)
    assert (result.returncode, result.stderr) == (130, "")


def test_a_port_in_use_is_one_line(iletimerkezi: "Command") -> None:
    """A port that somebody else has is named in the error."""
    port = re.findall(r":([0-9]+)", iletimerkezi.env["ILETIMERKEZI_BASE_URL"])[0]
    result = iletimerkezi("sandbox", "--port", port)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(rf"iletimerkezi: .*127\.0\.0\.1:{port}.*\n", result.stderr)
