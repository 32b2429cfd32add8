"""The content of one `send-sms`, after all checks that need no request.

A refusal here has the class of error that the service's own refusal would raise.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from iletimerkezi_async.errors import (
    ApiError,
    ConfigurationError,
    EmptyTextError,
    RecipientError,
    ScheduleError,
    SenderError,
    TextTooLongError,
)
from iletimerkezi_async.models import TURKISH_TIME, Iys, Message
from iletimerkezi_async.numbers import mask
from iletimerkezi_async.results import Refusal
from iletimerkezi_async.text import MAX_PARTS, TURKISH_LETTERS, find_complaint, surely_too_long

from .arguments import find_moment_flaw, name_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SENDER_VARIABLE = "ILETIMERKEZI_SENDER"
_OPERATION = "send-sms"
_LONGEST_SENDER = 11
# Characters, in whatever alphabet.
_SURELY_FITS = 400


@frozen(eq=False, repr=False)
class Draft:
    """An order that can be sent. Its `repr` shows only counts.

    Attributes:
        sender: The approved header.
        iys: The choice about the consent registry.
        messages: The recipients of each text; numbers in E.164, sorted, each once for each text.
        send_at: When to send, in Turkish time and whole minutes; `None` for now.
        recipients: How many messages it has.
    """

    sender: str
    iys: Iys
    messages: Mapping[str, tuple[str, ...]]
    send_at: datetime | None
    recipients: int

    @property
    def about(self) -> str:
        """Its recipients, safe for a log."""
        if self.recipients > 1:
            return f"to {self.recipients} recipients"
        return f"to {mask(next(iter(self.messages.values()))[0])}"

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each number, and the text that it gets."""
        for text, numbers in self.messages.items():
            for number in numbers:
                yield number, text

    def __repr__(self) -> str:
        return f"<Draft of {len(self.messages)} texts to {self.recipients} recipients>"


def write_template(*, sender: str | None, iys: Iys | None, send_at: datetime | None, may_be_past: bool) -> Draft:
    """Make a draft without messages, after checking its settings.

    Args:
        sender: The approved header.
        iys: The choice about the consent registry.
        send_at: When to send.
        may_be_past: Whether `send_at` may be in the past.

    Raises:
        ConfigurationError: There is no sender, or no choice about the consent registry.
        SenderError: The sender is invalid.
        ScheduleError: The time is invalid, or in the past.
    """
    return Draft(check_sender(sender), check_iys(iys), {}, round_schedule(send_at, may_be_past=may_be_past), 0)


def check_sender(sender: object) -> str:
    """Check a sender.

    Raises:
        ConfigurationError: It is missing.
        SenderError: It is invalid.
    """
    if sender is None:
        message = (
            f"no sender: give `sender` to the client or the call, or set the environment variable {SENDER_VARIABLE}"
        )
        raise ConfigurationError(message)
    if not isinstance(sender, str):
        raise SenderError(460, f"the sender must be text, as it is approved, not {name_type(sender)}", _OPERATION)
    if not sender.strip():
        raise SenderError(459, "the sender is empty", _OPERATION)
    flaw = _find_sender_flaw(sender)
    if flaw is not None:
        raise SenderError(460, f"the sender {flaw}", _OPERATION)
    return sender


def default_sender() -> str | None:
    """The environment's sender, if there is one.

    Raises:
        ConfigurationError: It is invalid.
    """
    sender = os.environ.get(SENDER_VARIABLE)
    if not sender:
        return None
    if sender != sender.strip("\"'`"):
        raise ConfigurationError(f"the environment variable {SENDER_VARIABLE} has quotation marks around it")
    try:
        return check_sender(sender)
    except SenderError as error:
        flaw = error.message
    raise ConfigurationError(f"the environment variable {SENDER_VARIABLE} cannot be used: {flaw}")


def _find_sender_flaw(sender: str) -> str | None:
    if sender != sender.strip():
        return "has white space or a line end around it"
    if len(sender) > _LONGEST_SENDER:
        return f"is longer than {_LONGEST_SENDER} characters"
    if TURKISH_LETTERS.intersection(sender):
        return "has Turkish letters"
    return None if sender.isprintable() else "has characters that cannot be printed"


def check_iys(iys: object) -> Iys:
    """Read the choice about the consent registry, given as a member or its word.

    Raises:
        ConfigurationError: It is missing or invalid.
    """
    if iys is None:
        raise ConfigurationError(
            "no choice about the consent registry: give `iys` to the client or the call; commercial messages must by "
            "law be checked (Iys.BIREYSEL: individuals, Iys.TACIR: merchants), Iys.OFF is for one-time passwords, "
            "notices about an order and the like"
        )
    if not isinstance(iys, str) or iys not in tuple(Iys):
        raise ConfigurationError("`iys` must be Iys.OFF, Iys.BIREYSEL or Iys.TACIR")
    return Iys(iys)


def round_schedule(send_at: object, *, may_be_past: bool) -> datetime | None:
    """The scheduled time in Turkish time, rounded up to the minute, as the service takes no seconds.

    Args:
        send_at: When to send.
        may_be_past: Whether it may be in the past.

    Raises:
        ScheduleError: It is not an aware time, or in the past.
    """
    if send_at is None:
        return None
    flaw = find_moment_flaw(send_at)
    if flaw is not None or not isinstance(send_at, datetime):
        raise ScheduleError(457, f"the scheduled time {flaw}", _OPERATION)
    obstacle = None if may_be_past else find_obstacle(send_at)
    if obstacle is not None:
        raise obstacle
    # pandas' own error is a `ValueError`.
    with suppress(OverflowError, ValueError):
        turkish = send_at.astimezone(TURKISH_TIME)
        whole = turkish.replace(second=0, microsecond=0)
        return whole if whole == turkish else whole + timedelta(minutes=1)
    raise ScheduleError(457, "the scheduled time is out of range", _OPERATION)


def find_obstacle(send_at: datetime | None) -> ScheduleError | None:
    """The error if the scheduled time is past now, as the service would then send at once."""
    if send_at is None or send_at.timestamp() >= time.time():
        return None
    return ScheduleError(457, "the scheduled time is in the past", _OPERATION)


def check_text(message: Message) -> None:
    """Check a message's text. It takes the message, whose `repr` does not show the text.

    Raises:
        EmptyTextError: It is empty or blank.
        TextTooLongError: It is longer than seven SMS by any count.
    """
    complaint = text_complaint(message.text)
    if complaint is not None:
        raise complaint


def message_complaint(message: object) -> ApiError | None:
    """The error for a message that would surely be refused, apart from its numbers; `None` if there is none."""
    if isinstance(message, Message):
        return text_complaint(message.text)
    if isinstance(message, Refusal):
        # A row that `fill_template` could not make a message from.
        return RecipientError(452, message.reason, _OPERATION, numbers=(message.number,))
    return ApiError(422, f"a Message is expected, not {type(message).__name__}", _OPERATION)


def text_complaint(text: object) -> ApiError | None:
    """The error for a text that would surely be refused; `None` if there is none."""
    if not isinstance(text, str):
        return find_complaint(text)
    if not text or text.isspace():
        return EmptyTextError(454, "the text is empty", _OPERATION)
    if len(text) > _SURELY_FITS and surely_too_long(text):
        return TextTooLongError(453, f"the text is longer than {MAX_PARTS} SMS", _OPERATION)
    if not text.isascii() and _has_half(text):
        return ApiError(400, "the text holds half a character (a lone surrogate), which JSON cannot carry", _OPERATION)
    return None


def _has_half(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
