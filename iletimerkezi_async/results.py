"""Results of campaigns. No `repr` here shows a whole phone number or a text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, overload

from attrs import field, frozen

from .errors import IletimerkeziError, OutcomeUnknownError
from .numbers import mask

if TYPE_CHECKING:
    from .models import Message, Order

__all__ = ["BulkError", "BulkResult", "Failure", "JournalError", "OnProgress", "Progress", "Refusal"]


class Refusal(NamedTuple):
    """A recipient that a campaign left out.

    Attributes:
        number: The number as it was given.
        reason: The reason, in a few words.
    """

    number: str
    reason: str

    def __repr__(self) -> str:
        return f"Refusal(number={mask(self.number)!r}, reason={self.reason!r})"


class Refusals(Sequence[Refusal]):
    """The recipients that a campaign left out; equal to a tuple of the same ones.

    Each `Refusal` is created on access: hundreds of thousands of objects would slow every run of the garbage collector,
    and so block the event loop.
    """

    def __init__(self, refusals: Iterable[Refusal] = ()) -> None:
        # Plain tuples of text: the garbage collector soon leaves them out.
        self._told: list[tuple[str, str]] = []
        self.extend(refusals)

    def extend(self, refusals: Iterable[Refusal]) -> None:
        """Add some at the end."""
        self._told += [(number, reason) for number, reason in refusals]

    def __len__(self) -> int:
        return len(self._told)

    @overload
    def __getitem__(self, index: int) -> Refusal: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Refusal, ...]: ...
    def __getitem__(self, index: int | slice) -> Refusal | tuple[Refusal, ...]:
        if isinstance(index, slice):
            return tuple(Refusal(*told) for told in self._told[index])
        return Refusal(*self._told[index])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Refusals):
            return self._told == other._told
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


@frozen(repr=False)
class Failure:
    """Recipients of a campaign who were not texted, or may not have been, all for one reason.

    Attributes:
        messages: Their texts and numbers, ready for `AsyncClient.send_messages`.
        error: The reason. With `OutcomeUnknownError` they may have been texted; otherwise they were not.
        count: The number of recipients.
    """

    messages: tuple[Message, ...]
    error: IletimerkeziError
    count: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "count", sum(len(message.to) for message in self.messages))

    @property
    def recipients(self) -> tuple[str, ...]:
        """The numbers, in E.164."""
        return tuple(str(number) for message in self.messages for number in message.to)

    def __repr__(self) -> str:
        return f"<Failure of {self.count} recipients: {self.error}>"


@frozen(repr=False)
class BulkResult:
    """The result of a campaign: `accepted + len(refused) + duplicates + failures == read`. Its `repr` has counts only.

    Attributes:
        orders: The orders that the service took, by their ids.
        accepted: How many messages the service took.
        refused: The numbers that were left out: badly written, or refused by the service.
        duplicates: How many were left out as repetitions.
        failed: The recipients who were not texted, or may not have been, by reason.
        read: How many recipients were read.
        unidentified: How many of `accepted` belong to orders whose id could not be found.
        accepted_before: How many of `accepted` are from earlier runs, by the journal.
    """

    orders: tuple[Order, ...]
    accepted: int
    refused: Sequence[Refusal]
    duplicates: int
    failed: tuple[Failure, ...]
    read: int
    unidentified: int = 0
    # Not compared: a result is the same however many runs it took.
    accepted_before: int = field(default=0, eq=False)

    @property
    def failures(self) -> int:
        """The number of recipients in `failed`."""
        return sum(failure.count for failure in self.failed)

    @property
    def unknown(self) -> tuple[Failure, ...]:
        """Those of `failed` who may have been texted."""
        return tuple(failure for failure in self.failed if isinstance(failure.error, OutcomeUnknownError))

    @property
    def not_sent(self) -> tuple[Failure, ...]:
        """Those of `failed` who surely were not texted by this campaign."""
        return tuple(failure for failure in self.failed if not isinstance(failure.error, OutcomeUnknownError))

    def __repr__(self) -> str:
        before = f" ({self.accepted_before} by earlier runs)" if self.accepted_before else ""
        return (
            f"<BulkResult: {self.read} read, {self.accepted} accepted in {len(self.orders)} orders{before}, "
            f"{len(self.refused)} refused, {self.duplicates} duplicates, {self.failures} failed>"
        )


@frozen
class Progress:
    """The progress of a campaign.

    Attributes:
        read: Recipients read so far.
        accepted: … of these, taken by the service.
        refused: … left out as bad numbers.
        duplicates: … left out as repeated.
        failed: … not texted, or with an unknown outcome.
        elapsed: Seconds since the campaign began.
        total: How many recipients the input has, if it has a length.
        accepted_before: How many of `accepted` are from earlier runs, by the journal.
    """

    read: int
    accepted: int
    refused: int
    duplicates: int
    failed: int
    elapsed: float
    total: int | None = None
    accepted_before: int = 0


OnProgress: TypeAlias = Callable[[Progress], Awaitable[object] | None]
"""A function that a campaign calls after each order, and awaits if it is async."""


class JournalError(IletimerkeziError):
    """The journal of a campaign belongs to another campaign, is damaged, in use, or cannot be written.

    Attributes:
        result: The result so far, if writing failed in the middle of a campaign. The next run settles orders that were
            sent and could no longer be recorded, as after a crash.
    """

    result: BulkResult | None = None


class BulkError(IletimerkeziError):
    """A campaign had to stop before its end.

    Attributes:
        result: The result so far: the orders taken, and in its lists every number that was read. An error rebuilt from
            the `args` of another one has none, as `args` holds no recipients.
        error: The reason; `None` if the campaign was cancelled, or stopped by an exception of the caller's code.
    """

    result: BulkResult
    error: IletimerkeziError | None = None

    def __init__(self, result: BulkResult | str, error: IletimerkeziError | None = None) -> None:
        if isinstance(result, str):
            # Rebuilt from the `args` of another error, which hold its text.
            super().__init__(result)
            return
        super().__init__(f"the campaign stopped: {error}; {result!r}" if error else f"the campaign stopped: {result!r}")
        self.result = result
        self.error = error
