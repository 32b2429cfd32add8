"""What became of a campaign, and what to do about it."""

import shlex
import sys
from collections import Counter

from attrs import frozen

from iletimerkezi_async import BulkResult, DuplicateOrderError, OutcomeUnknownError

from .display import show_table
from .output import complain, write_json
from .plan import Plan

__all__ = ["Summary", "tell_failures", "tell_how_to_go_on"]

_MOST_REASONS = 5


@frozen
class Summary:
    """A campaign at its end, whichever way it ended.

    Attributes:
        result: What became of everybody.
        plan: What it was to be.
        seconds: How long it took.
        stopped: Why it ended early; `None` where it did not.
    """

    result: BulkResult
    plan: Plan
    seconds: float
    stopped: str | None

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
        result = self.result
        write_json(
            {
                "read": result.read,
                "accepted": result.accepted,
                "orders": [order.id for order in result.orders],
                "unidentified": result.unidentified,
                "refused": len(result.refused),
                "duplicates": result.duplicates,
                "failed": result.failures,
                "empty_fields": self.plan.notes.empty,
                "seconds": round(self.seconds, 3),
                "recipients_a_second": round(self.rate, 1),
                "stopped": self.stopped,
                "list": self.plan.recipients.describe(),
            }
        )


def tell_failures(result: BulkResult) -> None:
    """Say why recipients failed, a line for each reason."""
    reasons: Counter[str] = Counter()
    for failure in result.failed:
        # What to do is told once, at the end.
        reasons[failure.error.reason] += failure.count
    for reason, count in reasons.most_common(_MOST_REASONS):
        complain(f"{count:,} failed: {reason}")
    if len(reasons) > _MOST_REASONS:
        complain(f"{len(reasons) - _MOST_REASONS} more reasons")


def tell_how_to_go_on(result: BulkResult, typed: str, *, has_journal: bool) -> None:
    """Say what to do about a campaign that did not reach everybody.

    Args:
        result: How far it came.
        typed: The text as it was typed, which is not shown: what is written here may be kept.
        has_journal: Whether it was written down.
    """
    kinds = {type(failure.error) for failure in result.failed}
    if DuplicateOrderError in kinds:
        complain("451: the same texts went to the same numbers less than 10 minutes ago, by another run")
    if has_journal:
        if kinds != {DuplicateOrderError}:
            settles = "settles what is not known, and " if OutcomeUnknownError in kinds else ""
            complain(f"the same command again {settles}sends what is missing, and nothing twice: {_command(typed)}")
        return
    if not result.accepted and not kinds & {OutcomeUnknownError, DuplicateOrderError}:
        complain("nobody was texted: the same command tries again")
        return
    complain(
        "without --journal nothing was written down: the same command again sends to everybody again, except to orders "
        "that are cut the very same way and were taken less than 10 minutes ago, which are refused (451)"
    )
    # No command to copy: with a new journal it would send to everybody again, too.
    complain("a campaign goes on where it stopped if it has --journal from its first run on; added now, it begins anew")


def _command(typed: str) -> str:
    words = ["TEXT" if word == typed != "-" else shlex.quote(word) for word in sys.argv[1:]]
    return " ".join(["iletimerkezi", *words])
