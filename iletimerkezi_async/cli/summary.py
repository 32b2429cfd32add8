"""What became of a campaign, and what to do about it."""

import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator

from attrs import frozen

from iletimerkezi_async import (
    BulkError,
    BulkResult,
    DuplicateOrderError,
    Failure,
    IletimerkeziError,
    JournalError,
    OutcomeUnknownError,
    TransportError,
)

from .books import Book
from .command import signal_code
from .display import show_table
from .messages import FAILED, UNKNOWN, CommandError, describe, explain
from .output import complain, one_line, write, write_json
from .plan import Plan

__all__ = ["End", "Summary"]

_MOST_REASONS = 5
_MOST_IDS = 20
_WIDTH = 80
# What the library calls the option.
_NEW_TEXTS = "`allow_new_texts`"
_IN_VAIN = "nobody was texted: every number was refused"


@frozen
class End:
    """How a campaign ended.

    Attributes:
        stopped: Why it ended early; `None` where it did not.
        error: The error to tell of it, if there is one.
        exit_code: How the command ends.
    """

    stopped: str | None
    error: BaseException | None
    exit_code: int

    @property
    def is_in_vain(self) -> bool:
        """Whether it came to its end without reaching anybody, as where another column has the numbers."""
        return isinstance(self.error, CommandError) and self.stopped is None

    @property
    def is_of_other_texts(self) -> bool:
        """Whether it was stopped as others were texted than it would text now."""
        return isinstance(self.error, JournalError) and _NEW_TEXTS in str(self.error)

    @classmethod
    def of(cls, result: BulkResult, ended: BaseException | None) -> "End":
        """The end of a campaign with this result.

        Args:
            result: What became of everybody.
            ended: What ended it early, if anything did.
        """
        stop = ended.error if isinstance(ended, BulkError) and ended.error else ended
        failed = [failure.error for failure in (*result.unknown, *result.not_sent)]
        error = stop or next(iter(failed), None)
        if error is None and result.refused and not result.accepted:
            return cls(None, CommandError(_IN_VAIN), FAILED)
        if isinstance(stop, KeyboardInterrupt):
            return cls("interrupted", stop, signal_code())
        is_done = stop is None and all(isinstance(each, DuplicateOrderError) for each in failed)
        code = UNKNOWN if result.unknown else 0 if is_done else FAILED
        return cls(_reason(stop) if stop else None, error, code)


def _count(failures: tuple[Failure, ...]) -> int:
    return sum(failure.count for failure in failures)


def _reason(stop: BaseException) -> str:
    # What to do about these in a campaign is told behind it.
    if isinstance(stop, (OutcomeUnknownError, TransportError)):
        return stop.reason
    return describe(stop).replace(_NEW_TEXTS, "--allow-new-texts")


@frozen
class Summary:
    """A campaign at its end, whichever way it ended.

    Attributes:
        result: What became of everybody.
        plan: What it was to be.
        seconds: How long it took.
        end: How it ended.
        typed: The text as it was typed, which is not shown: what is written here may be kept.
        book: Where it was written down.
        is_noted: Whether a note is left of that.
        refused_file: What names the refused, if anything does.
        failed_file: What names the failed, likewise.
    """

    result: BulkResult
    plan: Plan
    seconds: float
    end: End
    typed: str
    book: Book
    is_noted: bool
    refused_file: str | None
    failed_file: str | None

    @property
    def rate(self) -> float:
        """Recipients a second, by this run."""
        return (self.result.read - self.result.accepted_before) / self.seconds if self.seconds else 0.0

    @property
    def is_open(self) -> bool:
        """Whether there is something left to do."""
        return self.end.stopped is not None or bool(self.result.failed)

    def show(self) -> None:
        """Show it as a table."""
        result, empty = self.result, self.plan.notes.empty
        show_table(
            {
                "read": f"{result.read:,}",
                "accepted": f"{result.accepted:,}",
                **({"by earlier runs": f"{result.accepted_before:,}"} if result.accepted_before else {}),
                "orders": f"{len(result.orders):,}",
                **({"in unknown orders": f"{result.unidentified:,}"} if result.unidentified else {}),
                "refused": f"{len(result.refused):,}",
                "duplicates": f"{result.duplicates:,}",
                "failed": f"{result.failures:,}",
                **({"of these, may have been sent": f"{_count(result.unknown):,}"} if result.unknown else {}),
                **({"empty fields": f"{empty:,}"} if empty else {}),
                "seconds": f"{self.seconds:.2f}",
                "recipients a second": f"{self.rate:,.0f}",
                **self.plan.recipients.describe(),
            }
        )
        write("".join(f"{line}\n" for line in self._last_lines()))

    def _last_lines(self) -> Iterator[str]:
        """Where everything is, and what to type next."""
        journal = self.book.shown_path
        if self.is_noted:
            journal = f"{journal} (a note that it was sent, without numbers)"
        files = {"refused": self.refused_file, "failed": self.failed_file, "journal": journal}
        yield from (f"{name}: {file}" for name, file in files.items() if file is not None)
        if self.result.refused and not self.refused_file:
            yield "refused: --refused FILE names them"
        if not self.result.orders:
            return
        ids = [str(order.id) for order in self.result.orders]
        more = [f"and {len(ids) - _MOST_IDS:,} more"] if len(ids) > _MOST_IDS else []
        yield from textwrap.wrap(f"orders: {', '.join([*ids[:_MOST_IDS], *more])}", _WIDTH)
        if not self.is_open:
            yield f"next: iletimerkezi report {ids[0]}{', and so on' if len(ids) > 1 else ''}"

    def show_json(self) -> None:
        """Show it as one JSON object."""
        result, end = self.result, self.end
        told = explain(end.error, end.exit_code)
        if self.is_open:
            told["advice"] = ". ".join(filter(None, [str(told["advice"]), *self.how_to_go_on()]))
            told["next"] = self.next_command
        write_json(
            {
                "read": result.read,
                "accepted": result.accepted,
                "accepted_before": result.accepted_before,
                "unknown": sum(failure.count for failure in result.unknown),
                "orders": [order.id for order in result.orders],
                "unidentified": result.unidentified,
                "refused": len(result.refused),
                "duplicates": result.duplicates,
                "failed": result.failures,
                "reasons": [
                    {"reason": reason, "recipients": count} for reason, count in self.count_failures().most_common()
                ],
                "empty_fields": self.plan.notes.empty,
                "seconds": round(self.seconds, 3),
                "recipients_a_second": round(self.rate, 1),
                "refused_file": self.refused_file,
                "failed_file": self.failed_file,
                "journal": self.book.shown_path,
                "stopped": end.stopped,
                **told,
                "list": self.plan.recipients.describe(),
            }
        )

    def tell(self) -> None:
        """Say what went wrong, and what to do about it."""
        reasons = self.count_failures()
        for reason, count in reasons.most_common(_MOST_REASONS):
            complain(f"{count:,} failed: {reason}")
        if len(reasons) > _MOST_REASONS:
            complain(f"{len(reasons) - _MOST_REASONS} more reasons")
        if self.end.stopped:
            complain(f"stopped: {self.end.stopped}")
        elif self.end.is_in_vain:
            complain(_IN_VAIN)
        if not self.is_open:
            return
        for line in self.how_to_go_on():
            complain(line)
        if command := self.next_command:
            # Not broken into lines, so that it can be copied.
            sys.stderr.write(f"{one_line(command)}\n")

    def count_failures(self) -> Counter[str]:
        """How many recipients failed, by the reason."""
        reasons: Counter[str] = Counter()
        for failure in self.result.failed:
            # What to do is told once, at the end.
            reasons[failure.error.reason] += failure.count
        return reasons

    @property
    def next_command(self) -> str | None:
        """What to type to go on; nothing where it would send to everybody again."""
        if (
            self.book.journal is None
            or self.end.is_of_other_texts
            or {type(failure.error) for failure in self.result.failed} == {DuplicateOrderError}
        ):
            return None
        # As it stands it is refused: pasted without a look it would text the placeholder to everybody.
        words = ["'{TEXT}'" if word == self.typed != "-" else shlex.quote(word) for word in sys.argv[1:]]
        return " ".join(["iletimerkezi", *words])

    def how_to_go_on(self) -> list[str]:
        """What to do about a campaign that did not reach everybody."""
        kinds: set[type[IletimerkeziError]] = {type(failure.error) for failure in self.result.failed}
        lines: list[str] = []
        if DuplicateOrderError in kinds:
            lines.append("451: the same texts went to the same numbers less than 10 minutes ago, by another run")
        if self.end.is_of_other_texts:
            # The same again would stop again.
            return lines
        if not self.result.accepted and not kinds & {OutcomeUnknownError, DuplicateOrderError}:
            return [*lines, "nobody was texted: the same command tries again"]
        if self.book.journal is not None:
            if kinds != {DuplicateOrderError}:
                settles = "settles what is not known, and " if OutcomeUnknownError in kinds else ""
                lines.append(f"the same command again {settles}sends what is missing, and nothing twice")
            if OutcomeUnknownError in kinds and not self.end.stopped:
                lines.append(
                    "where nothing can tell, look into the panel: --unknown sent, or --unknown not-sent, decides"
                )
            return lines
        lines.append(
            "without a journal nothing was written down: the same command again sends to everybody again, except to "
            "orders that are cut the very same way and were taken less than 10 minutes ago, which are refused (451)"
        )
        return lines
