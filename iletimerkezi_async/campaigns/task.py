"""An order of a campaign on its way: to be sent, or to be settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, frozen

from iletimerkezi_async.errors import OutcomeUnknownError, TransportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iletimerkezi_async.http.retry import Stopwatch
    from iletimerkezi_async.orders.enquiry import Earlier
    from iletimerkezi_async.stores.records import Journal, Moment
    from iletimerkezi_async.wire.draft import Draft

__all__ = ["Entry", "Task", "unknown"]

_OPERATION = "send-sms"


@frozen(eq=False, repr=False)
class Task:
    """An order to be sent, or to be settled.

    Attributes:
        draft: What it carries.
        record: Its number in the journal, if an earlier run wrote it down.
        began: When that run began to send it; `None` where it was surely not taken.
        lost: Runs since then, where it is to be sent again and the service would refuse it as a duplicate.
        doubted: Whether an earlier run sent it again, at a time that nobody knows.
        earlier: That attempt, where it is to be sent again and the service would not refuse it for certain.
    """

    draft: Draft
    record: int | None = None
    began: Moment | None = None
    lost: Stopwatch | None = None
    earlier: Earlier | None = None
    doubted: bool = False

    @property
    def in_doubt(self) -> bool:
        """Whether a refusal of this attempt leaves open what became of an earlier one."""
        return self.earlier is not None and not self.earlier.is_certain

    @property
    def was_repeated(self) -> bool:
        """Whether it has been, or is to be, sent at times that the journal does not tell."""
        return self.doubted or self.in_doubt

    @property
    def has_texts(self) -> bool:
        """Whether all texts are known, and not only whom they go to."""
        return "" not in self.draft.messages

    def not_sent(self) -> TransportError | OutcomeUnknownError:
        """What to say of it where this run does not send it."""
        if self.began is None:
            return TransportError("not sent, as the campaign had stopped", _OPERATION)
        return unknown("an earlier run may have sent it")


@define(eq=False, repr=False)
class Entry:
    """What is to be written into the journal of an order, and its number once it was.

    Attributes:
        begun: Whether it may have been sent.
    """

    journal: Journal | None
    entries: Sequence[int]
    record: int | None
    begun: bool = False


def unknown(reason: str, http_status: int | None = None) -> OutcomeUnknownError:
    """The error of an order that may or may not have been taken."""
    return OutcomeUnknownError(reason, _OPERATION, http_status)
