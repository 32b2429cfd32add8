"""What became of a campaign, and what to do about it."""

import shlex
import sys
from collections import Counter

from attrs import frozen

from iletimerkezi_async import (
    BulkError,
    BulkResult,
    DuplicateOrderError,
    IletimerkeziError,
    OutcomeUnknownError,
    TransportError,
)

from .command import signal_code
from .display import show_table
from .messages import FAILED, UNKNOWN, CommandError, describe, explain
from .output import complain, write_json
from .plan import Plan

__all__ = ["End", "Summary"]

_MOST_REASONS = 5
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

    @classmethod
    def of(cls, result: BulkResult, ended: BaseException | None) -> "End":
        """The end of a campaign with this result.

        Args:
            result: What became of everybody.
            ended: What ended it early, if anything did.
        """
        stop = ended.error if isinstance(ended, BulkError) and ended.error else ended
        unknown = [failure.error for failure in result.failed if isinstance(failure.error, OutcomeUnknownError)]
        failed = [failure.error for failure in result.failed if not isinstance(failure.error, DuplicateOrderError)]
        error = next(iter([*([stop] if stop else []), *unknown, *(failure.error for failure in result.failed)]), None)
        if error is None and result.refused and not result.accepted:
            # As where another column has the numbers.
            error = CommandError(_IN_VAIN)
            return cls(None, error, FAILED)
        if isinstance(stop, KeyboardInterrupt):
            return cls("interrupted", stop, signal_code())
        code = UNKNOWN if unknown else FAILED if stop or failed else 0
        return cls(_reason(stop) if stop else None, error, code)


def _reason(stop: BaseException) -> str:
    # What to do about these in a campaign is told behind it.
    return stop.reason if isinstance(stop, (OutcomeUnknownError, TransportError)) else describe(stop)


@frozen
class Summary:
    """A campaign at its end, whichever way it ended.

    Attributes:
        result: What became of everybody.
        plan: What it was to be.
        seconds: How long it took.
        end: How it ended.
        typed: The text as it was typed, which is not shown: what is written here may be kept.
        has_journal: Whether it was written down.
    """

    result: BulkResult
    plan: Plan
    seconds: float
    end: End
    typed: str
    has_journal: bool

    @property
    def rate(self) -> float:
        """Recipients a second."""
        return self.result.read / self.seconds if self.seconds else 0.0

    def show(self) -> None:
        """Show it as a table."""
        result, empty = self.result, self.plan.notes.empty
        show_table(
            {
                "read": f"{result.read:,}",
                "accepted": f"{result.accepted:,}",
                "orders": f"{len(result.orders):,}",
                **({"in unknown orders": f"{result.unidentified:,}"} if result.unidentified else {}),
                "refused": f"{len(result.refused):,}",
                "duplicates": f"{result.duplicates:,}",
                "failed": f"{result.failures:,}",
                **({"empty fields": f"{empty:,}"} if empty else {}),
                "seconds": f"{self.seconds:.2f}",
                "recipients a second": f"{self.rate:,.0f}",
                **self.plan.recipients.describe(),
            }
        )

    def show_json(self) -> None:
        """Show it as one JSON object."""
        result, end = self.result, self.end
        told = explain(end.error, end.exit_code)
        if end.stopped or result.failed:
            told["advice"] = ". ".join(filter(None, [str(told["advice"]), *self.how_to_go_on()]))
        write_json(
            {
                "read": result.read,
                "accepted": result.accepted,
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
        elif isinstance(self.end.error, CommandError):
            complain(str(self.end.error))
        if self.end.stopped or self.result.failed:
            for line in self.how_to_go_on():
                complain(line)

    def count_failures(self) -> Counter[str]:
        """How many recipients failed, by the reason."""
        reasons: Counter[str] = Counter()
        for failure in self.result.failed:
            # What to do is told once, at the end.
            reasons[failure.error.reason] += failure.count
        return reasons

    def how_to_go_on(self) -> list[str]:
        """What to do about a campaign that did not reach everybody."""
        kinds: set[type[IletimerkeziError]] = {type(failure.error) for failure in self.result.failed}
        lines: list[str] = []
        if DuplicateOrderError in kinds:
            lines.append("451: the same texts went to the same numbers less than 10 minutes ago, by another run")
        if self.has_journal:
            if kinds != {DuplicateOrderError}:
                settles = "settles what is not known, and " if OutcomeUnknownError in kinds else ""
                again = _command(self.typed)
                lines.append(f"the same command again {settles}sends what is missing, and nothing twice: {again}")
            return lines
        if not self.result.accepted and not kinds & {OutcomeUnknownError, DuplicateOrderError}:
            return [*lines, "nobody was texted: the same command tries again"]
        again = (
            "without a journal nothing was written down: the same command again sends to everybody again, except to "
            "orders that are cut the very same way and were taken less than 10 minutes ago, which are refused (451)"
        )
        # No command to copy: with a new journal it would send to everybody again, too.
        return [
            *lines,
            again,
            "a campaign goes on where it stopped if it has a journal from its first run on; added now, it begins anew",
        ]


def _command(typed: str) -> str:
    words = ["TEXT" if word == typed != "-" else shlex.quote(word) for word in sys.argv[1:]]
    return " ".join(["iletimerkezi", *words])
