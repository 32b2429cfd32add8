"""send-sms: check an order, in the service's sequence, and accept it."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import chain, repeat
from types import NoneType
from typing import Any, Final, cast

import attrs

from iletimerkezi_async.sandbox.acceptance import accept
from iletimerkezi_async.sandbox.account import Account
from iletimerkezi_async.sandbox.bodies import Json, is_empty, read_object
from iletimerkezi_async.sandbox.codes import Refusal
from iletimerkezi_async.sandbox.dates import read_minute
from iletimerkezi_async.sandbox.lengths import MOST_PARTS, count_parts
from iletimerkezi_async.sandbox.phones import read_phone, read_phones

__all__ = ["TEST_SENDER", "Draft", "read_draft", "send_sms"]

MOST_RECIPIENTS: Final = 50_000
TEST_SENDER: Final = "APITEST"
TEST_TEXT: Final = "Bu bir deneme mesajidir."
"""Replaces every text of the test sender. The documents say that there is a fixed text, but not its words."""

_LONGEST_SENDER: Final = 11
_TURKISH_LETTERS: Final = frozenset("çÇğĞıİöÖşŞüÜ")
_IYS_LISTS: Final = ("BIREYSEL", "TACIR")
_WITH_SECONDS: Final = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}")


@attrs.frozen(repr=False)
class Draft:
    """A send-sms body with a correct structure; its values are not checked yet.

    Attributes:
        order: The order object.
        texts: Each message's text with the number of its recipients.
        numbers: All recipients as received, in order.
    """

    order: Json
    texts: list[tuple[str, int]]
    numbers: list[Any]


def read_draft(request: Json) -> Draft:
    """Read the structure of an order.

    Objects that are missing or of another type are refused with 400. Missing values have codes of their own.

    Raises:
        Refusal: 400.
    """
    order = read_object(request, "order")
    if not isinstance(order.get("sender"), (str, NoneType)):
        raise Refusal(400)
    message: Any = order.get("message")
    entries = cast("Sequence[Any]", message if isinstance(message, list) else [message])
    if not entries:
        raise Refusal(400)
    texts: list[tuple[str, int]] = []
    numbers: list[Any] = []
    for entry in entries:
        text, recipients = _read_message(entry)
        texts.append((text, len(recipients)))
        numbers += recipients
    return Draft(order, texts, numbers)


def _read_message(entry: Any) -> tuple[str, Sequence[Any]]:
    try:
        # The service spells it so.
        text, number = entry["text"], entry["receipents"]["number"]
    except (KeyError, TypeError):
        text, number = _read_incomplete_message(entry), None
    if number is None or number == "":
        number = []
    if not isinstance(text, str):
        if text is not None:
            raise Refusal(400)
        text = ""
    return text, cast("Sequence[Any]", number if isinstance(number, list) else [number])


def _read_incomplete_message(entry: Any) -> Any:
    if not isinstance(entry, dict):
        raise Refusal(400)
    # Recipients under another name or in another place count as missing: 452, when the values are checked.
    return cast("Json", entry).get("text")


def send_sms(account: Account, draft: Draft) -> Json:
    """Answer send-sms.

    Raises:
        Refusal: 459, 460, 450, 468, 469, 470, 454, 453, 457, 452, 451 and 402, whichever comes first.
    """
    sender = _check_sender(account, draft.order.get("sender") or "")
    iys, iys_list = _check_iys(account, sender, draft.order)
    parts = _check_texts(draft.texts)
    send_at = _check_schedule(account, draft.order.get("sendDateTime"))
    numbers = _check_recipients(draft)
    fingerprint = _fingerprint(draft.texts, numbers, account.duplicates)
    texts, numbers = _without_blocked(account, draft.texts, numbers)
    _check_duplicate(account, fingerprint)
    if sender == TEST_SENDER:
        texts, parts = [(TEST_TEXT, count) for _, count in texts], {TEST_TEXT: 1}
    cost, balance = sum(parts[text] * count for text, count in texts), account.ledger.balance(account.now)
    if cost > balance:
        raise Refusal(402, detail=f"{cost:,} SMS, {balance:,} left")
    order = accept(
        account,
        sender=sender,
        iys=iys,
        iys_list=iys_list,
        send_at=send_at,
        numbers=numbers,
        texts=texts,
        parts=parts,
        fingerprint=fingerprint,
    )
    return {"order": {"id": account.style.write_sent_id(order.id)}}


def _check_sender(account: Account, sender: str) -> str:
    if not sender:
        raise Refusal(459)
    if len(sender) > _LONGEST_SENDER or not _TURKISH_LETTERS.isdisjoint(sender):
        raise Refusal(460)
    if sender not in account.senders:
        raise Refusal(450, detail=f"approved: {', '.join(account.senders)}")
    return sender


def _check_iys(account: Account, sender: str, order: Json) -> tuple[str, str | None]:
    """Return ``"1"`` if the consent registry is checked, else ``"0"``; and which of its lists."""
    iys, iys_list = order.get("iys"), order.get("iysList")
    if account.take_missing_iys and is_empty(iys):
        iys = "0"
    if isinstance(iys, bool) or not isinstance(iys, (str, int)) or str(iys) not in ("0", "1"):
        raise Refusal(468)
    # The provider's sample has the test sender with "1"; the documents say that the registry is never asked for it.
    if str(iys) == "0" or sender == TEST_SENDER:
        return "0", None
    if iys_list not in _IYS_LISTS:
        raise Refusal(469)
    if not account.brands:
        raise Refusal(470)
    return "1", str(iys_list)


def _check_texts(texts: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Return the number of SMS for each text."""
    parts = dict.fromkeys(text for text, _ in texts)
    if any(not text or text.isspace() for text in parts):
        raise Refusal(454)
    counted = {text: count_parts(text) for text in parts}
    if max(counted.values()) > MOST_PARTS:
        raise Refusal(453, detail=f"{max(counted.values()):,} parts")
    return counted


def _check_schedule(account: Account, value: object) -> datetime | None:
    """Return the scheduled time of an order; None means now.

    Code 457 is only for a wrong format (documented by the provider, 2026). A time in the current minute or in the past
    is accepted, as in the samples of the documents: the order is sent at once.
    """
    value = _unwrap(value)
    if is_empty(value):
        return None
    if not isinstance(value, str):
        raise Refusal(457)
    if _WITH_SECONDS.fullmatch(value):
        # The service ignores such a schedule and sends at once. Documented by the provider, 2026.
        return None
    moment = read_minute(value)
    if moment is None or (account.refuse_past and moment < account.now):
        raise Refusal(457)
    return moment if moment > account.now else None


def _unwrap(value: object) -> object:
    """Return the value in a list with one value, as JSON writes a schedule; return any other list unchanged."""
    if not isinstance(value, list):
        return value
    entries = cast("list[object]", value)
    return entries[0] if len(entries) == 1 and not isinstance(entries[0], (list, dict)) else entries


def _check_recipients(draft: Draft) -> list[str]:
    if not all(count for _, count in draft.texts):
        raise Refusal(452, detail="a text without recipients")
    # The limit of 50,000 is documented by the provider, 2026; the code for more is not.
    if len(draft.numbers) > MOST_RECIPIENTS:
        raise Refusal(452, detail=f"more than {MOST_RECIPIENTS:,}")
    numbers = read_phones(draft.numbers)
    if numbers is None:
        wrong = sum(read_phone(number) is None for number in draft.numbers)
        raise Refusal(452, detail=f"{wrong:,} of {len(draft.numbers):,} are no Turkish mobile numbers")
    return numbers


def _fingerprint(texts: Sequence[tuple[str, int]], numbers: Sequence[str], duplicates: str) -> int:
    """Return a hash that is equal for the same texts to the same recipients, in the same sequence or in any.

    Only the 64-bit hash is stored, because the set itself would double the memory of every order.
    """
    each = chain.from_iterable(repeat(text, count) for text, count in texts)
    pairs = zip(each, numbers, strict=True)
    return hash(tuple(pairs) if duplicates == "sequence" else frozenset(pairs))


def _without_blocked(
    account: Account, texts: list[tuple[str, int]], numbers: list[str]
) -> tuple[list[tuple[str, int]], list[str]]:
    if account.blocked.keys().isdisjoint(numbers):
        return texts, numbers
    if not account.skip_blocked:
        blocked = sum(number in account.blocked for number in numbers)
        raise Refusal(452, detail=f"{blocked:,} of {len(numbers):,} are blocked")
    kept_texts: list[tuple[str, int]] = []
    kept: list[str] = []
    start = 0
    for text, count in texts:
        allowed = [number for number in numbers[start : start + count] if number not in account.blocked]
        start += count
        if allowed:
            kept_texts.append((text, len(allowed)))
            kept += allowed
    if not kept:
        raise Refusal(452, detail="all are blocked")
    return kept_texts, kept


def _check_duplicate(account: Account, fingerprint: int) -> None:
    accepted_at = account.orders.accepted_at(fingerprint)
    if accepted_at is not None and account.now - accepted_at < account.duplicate_window:
        raise Refusal(451, detail=f"taken {(account.now - accepted_at).total_seconds():.0f} s ago")
