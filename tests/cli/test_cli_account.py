import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Command

    from iletimerkezi_async.sandbox import Sandbox


def test_the_balance(iletimerkezi: "Command") -> None:
    """It is two plain lines, or one JSON object with the amount as text."""
    assert iletimerkezi("balance").stdout == "sms   1000000\nlira  0\n"
    assert json.loads(iletimerkezi("balance", "--json").stdout) == {"amount": "0", "sms": 1_000_000}


@pytest.mark.parametrize("arguments", [("--verbose", "balance"), ("balance", "--verbose")], ids=" ".join)
def test_verbose_tells_about_each_request(iletimerkezi: "Command", arguments: tuple[str, str]) -> None:
    """With `--verbose`, before or after the command, each request is a line on standard error."""
    result = iletimerkezi(*arguments)
    assert result.stdout.startswith("sms")
    assert result.stderr.startswith("iletimerkezi: get-balance: 200 in ")


def test_a_repeated_attempt_is_one_line(iletimerkezi: "Command", sandbox: "Sandbox") -> None:
    """The library's warning about an attempt that must be repeated is shown; the result is not disturbed."""
    sandbox.fail("get-balance", "drop-answer")
    result = iletimerkezi("balance")
    assert (result.returncode, result.stdout) == (0, "sms   1000000\nlira  0\n")
    assert result.stderr.startswith("iletimerkezi: get-balance: ")
    assert result.stderr.count("\n") == 1


def test_missing_credentials_are_named(iletimerkezi: "Command") -> None:
    """Without credentials the error names both variables; an empty one counts as missing."""
    del iletimerkezi.env["ILETIMERKEZI_API_KEY"]
    iletimerkezi.env["ILETIMERKEZI_API_HASH"] = ""
    result = iletimerkezi("balance")
    assert result.returncode == 1
    assert result.stderr.startswith("iletimerkezi: set ILETIMERKEZI_API_KEY and ILETIMERKEZI_API_HASH")
    assert result.stderr.count("\n") == 1


def test_wrong_credentials_tell_where_to_look(iletimerkezi: "Command") -> None:
    """A 401 names the switch in the panel, and does not show the credentials even with `--verbose`."""
    iletimerkezi.env["ILETIMERKEZI_API_KEY"] = "yanlis-anahtar"
    result = iletimerkezi("--verbose", "balance")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("iletimerkezi: get-balance: 401 ")
    assert "Allow API access" in result.stderr
    assert "yanlis-anahtar" not in result.stderr


def test_a_bad_base_url_is_named_as_the_user_knows_it(iletimerkezi: "Command") -> None:
    """The credentials go to no plain `http://` address; the error names the variable, not an argument."""
    iletimerkezi.env["ILETIMERKEZI_BASE_URL"] = "http://example.com/v1"
    result = iletimerkezi("balance")
    assert result.returncode == 1
    assert result.stderr.startswith("iletimerkezi: the environment variable ILETIMERKEZI_BASE_URL must be https://")
