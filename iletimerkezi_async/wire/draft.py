"""What one `send-sms` is to carry, after every check that needs no question to the service.

What is refused here is refused by the class of error that the service's own refusal would raise. The functions that
see texts and numbers return their complaint; it is raised where no variable holds them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from iletimerkezi_async.errors import (
    ApiError,
    ConfigurationError,
    EmptyTextError,
    ScheduleError,
    SenderError,
    TextTooLongError,
)
from iletimerkezi_async.models import TURKISH_TIME, Iys, Message
from iletimerkezi_async.numbers import mask
from iletimerkezi_async.text import MAX_PARTS, TURKISH_LETTERS, surely_too_long

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "MAX_RECIPIENTS",
    "SENDER_VARIABLE",
    "Draft",
    "check_text",
    "choose_iys",
    "choose_sender",
    "message_complaint",
    "round_schedule",
    "text_complaint",
    "write_template",
]

SENDER_VARIABLE = "ILETIMERKEZI_SENDER"
#: The most that the service takes in one order (source: its announcement of limits, in force since 2026-05-05).
MAX_RECIPIENTS = 50_000
_OPERATION = "send-sms"
_LONGEST_SENDER = 11
# Characters, in whatever alphabet.
_SURELY_FITS = 400


@frozen(eq=False, repr=False)
class Draft:
    """An order that can be sent. Its `repr` shows counts alone.

    Attributes:
        sender: The approved header.
        iys: The choice about the consent registry.
        messages: Who gets which text; numbers in E.164, each once for each text.
        send_at: When to send, in Turkish time and whole minutes; `None` for now.
        recipients: How many messages that makes.
    """

    sender: str
    iys: Iys
    messages: Mapping[str, tuple[str, ...]]
    send_at: datetime | None
    recipients: int

    @property
    def about(self) -> str:
        """Whom it goes to, fit for a log."""
        if self.recipients > 1:
            return f"to {self.recipients} recipients"
        return f"to {mask(next(iter(self.messages.values()))[0])}"

    def is_overdue(self, now: datetime) -> bool:
        """Whether the time to send at is past; `now` is an aware time."""
        return self.send_at is not None and self.send_at < now

    def check_due(self, now: datetime) -> None:
        """See that it is not too late to send it as scheduled; `now` is an aware time.

        Raises:
            ScheduleError: The time to send at is past.
        """
        if self.is_overdue(now):
            raise _past()

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each text and number."""
        for text, numbers in self.messages.items():
            for number in numbers:
                yield text, number

    def __repr__(self) -> str:
        return f"<Draft of {len(self.messages)} texts to {self.recipients} recipients>"


def write_template(*, sender: str | None, iys: Iys | None, send_at: datetime | None, now: datetime | None) -> Draft:
    """A draft without messages, its terms checked.

    Args:
        sender: The approved header.
        iys: The choice about the consent registry.
        send_at: When to send.
        now: An aware time, against which `send_at` is checked; `None` where it may be past.

    Raises:
        ConfigurationError: No sender or no choice about the consent registry was made.
        SenderError: The sender is empty, too long, or has Turkish letters.
        ScheduleError: `send_at` is naive or past.
    """
    return Draft(choose_sender(sender), choose_iys(iys), {}, round_schedule(send_at, now), 0)


def choose_sender(sender: str | None) -> str:
    """The sender, checked.

    Raises:
        ConfigurationError: There is none.
        SenderError: It is empty, longer than 11 characters, or has Turkish letters.
    """
    if sender is None:
        message = (
            f"no sender: give `sender` to the client or the call, or set the environment variable {SENDER_VARIABLE}"
        )
        raise ConfigurationError(message)
    if not sender:
        raise SenderError(459, "the sender is empty", _OPERATION)
    if len(sender) > _LONGEST_SENDER:
        raise SenderError(460, f"the sender is longer than {_LONGEST_SENDER} characters", _OPERATION)
    if TURKISH_LETTERS.intersection(sender):
        raise SenderError(460, "the sender has Turkish letters", _OPERATION)
    return sender


def choose_iys(iys: Iys | None) -> Iys:
    """The choice about the consent registry, which has no default.

    Raises:
        ConfigurationError: None was made.
    """
    if iys is None:
        raise ConfigurationError(
            "no choice about the consent registry: give `iys` to the client or the call; commercial messages must by "
            "law be checked (Iys.BIREYSEL: individuals, Iys.TACIR: merchants), Iys.OFF is for one-time passwords, "
            "notices about an order and the like"
        )
    if iys not in tuple(Iys):
        raise ConfigurationError("`iys` must be Iys.OFF, Iys.BIREYSEL or Iys.TACIR")
    return Iys(iys)


def round_schedule(send_at: datetime | None, now: datetime | None) -> datetime | None:
    """The time to send at in Turkish time, rounded up to the minute that the wire can carry.

    Args:
        send_at: When to send.
        now: As for `write_template`.

    Raises:
        ScheduleError: It is naive or past.
    """
    if send_at is None:
        return None
    if send_at.utcoffset() is None:
        raise ScheduleError(457, "the time to send at has no time zone", _OPERATION)
    if now is not None and send_at < now:
        raise _past()
    try:
        turkish = send_at.astimezone(TURKISH_TIME)
        whole = turkish.replace(second=0, microsecond=0)
        return whole if whole == turkish else whole + timedelta(minutes=1)
    except OverflowError:
        pass
    raise ScheduleError(457, "the time to send at is out of range", _OPERATION)


def _past() -> ScheduleError:
    return ScheduleError(457, "the time to send at is past", _OPERATION)


def check_text(message: Message) -> None:
    """See that a message's text can be sent; the message stands in for it, as it shows nothing.

    Raises:
        EmptyTextError: It is empty or blank.
        TextTooLongError: It is longer than seven SMS by any count.
    """
    complaint = text_complaint(message.text)
    if complaint is not None:
        raise complaint


def message_complaint(message: object) -> ApiError | None:
    """What is wrong with a message apart from its numbers, for certain and whatever the service says."""
    if isinstance(message, Message):
        return text_complaint(message.text)
    return ApiError(422, f"a Message is expected, not {type(message).__name__}", _OPERATION)


def text_complaint(text: object) -> ApiError | None:
    """What is wrong with a text, for certain and whatever the service says."""
    if not isinstance(text, str):
        return ApiError(422, f"the text must be a str, not {type(text).__name__}", _OPERATION)
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
