"""What atheris is to call with its bytes, and the good input that it begins with."""

from __future__ import annotations

from pathlib import Path

import orjson
from files import read_file
from journals import Campaign
from readers import CALLS, DOCUMENTS, OPERATIONS_OF, Answer, read_answers, read_webhook

_NAMES = list(CALLS)


def answers(folder: Path, data: bytes) -> None:
    """The first byte chooses the call; each later line is an answer to every operation of it."""
    call = _NAMES[(data[0] if data else 0) % len(_NAMES)]
    bodies = [Answer(200, {}, body) for body in data[1:].split(b"\n")]
    read_answers(call, {operation: [*bodies, Answer(None, {}, b"")] for operation in OPERATIONS_OF[call]})


def webhook(folder: Path, data: bytes) -> None:
    """A delivery report."""
    read_webhook(data)


def csv(folder: Path, data: bytes) -> None:
    """A list of recipients."""
    path = str(folder / "list")
    read_file(Path(path), data, "bulk", "Merhaba", "--to", path, "--iys", "off", "--sender", "FIRMA", "--dry-run")


def journal(folder: Path, data: bytes) -> None:
    """A journal that is overwritten at a place, before the campaign goes on."""
    campaign = Campaign(folder / "journal", several=False)
    campaign.put_back({})
    files = campaign.break_off(5)
    kept = bytearray(files[""])
    at = int.from_bytes(data[:2], "big") % len(kept)
    kept[at : at + len(data) - 2] = data[2:]
    campaign.put_back({"": bytes(kept[: len(files[""])])})
    campaign.resume(0)


def seeds(target: str) -> list[bytes]:
    """Good input, to begin with."""
    if target == "answers":
        return [
            bytes([number]) + orjson.dumps(DOCUMENTS[operation])
            for number, call in enumerate(_NAMES)
            for operation in OPERATIONS_OF[call]
        ]
    if target == "webhook":
        return [b'{"report": {"id": 1, "packet_id": "2", "status": "accepted", "to": "+905301234567", "body": "x"}}']
    if target == "csv":
        return [b"telefon;ad\n5301234567;Ali\n", b'"a","b"\n"0530 123 45 67",x\n', b"5301234567\n05301234568\n"]
    return [b"\x00\x10\xff", b"\x10\x00\x00\x00"]
