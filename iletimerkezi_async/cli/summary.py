"""The end of a campaign: its result, and advice."""

import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping

from attrs import frozen

from iletimerkezi_async.errors import (
    ApiError,
    DuplicateOrderError,
    IletimerkeziError,
    OutcomeUnknownError,
    SenderError,
    UnavailableError,
)  # fmt: skip
from iletimerkezi_async.results import BulkError, BulkResult, JournalError

from .books import Book
from .command import signal_code
from .display import show_table
from .messages import FAILED, UNKNOWN, CommandError, describe, explain
from .output import complain, one_line, write, write_json, write_pairs
from .plan import Plan

__all__ = ["End", "Summary"]

_LABELS = {
    "accepted_before": "by earlier runs",
    "unidentified": "in unknown orders",
    "unknown": "of these, may have been sent",
}
# Counts that are shown even if they are 0.
_ALWAYS = frozenset({"read", "accepted", "orders", "refused", "duplicates", "failed"})
_ABOUT = {"note": " (that it was sent, without numbers)"}
_MOST_REASONS = 5
_MOST_IDS = 20
_WIDTH = 80
# The library's name for the option.
_NEW_TEXTS = "`allow_new_texts`"
_IN_VAIN = "no recipient was texted: every number was refused"


@frozen
class End:
    """The end of a campaign.

    Attributes:
        stopped: The reason for an early end; `None` if the campaign was not stopped.
        error: The error to show, if there is one.
        exit_code: The command's exit code.
    """

    stopped: str | None
    error: BaseException | None
    exit_code: int

    @property
    def is_of_other_texts(self) -> bool:
        """Whether it stopped because recipients had another text before."""
        return isinstance(self.error, JournalError) and _NEW_TEXTS in str(self.error)

    @property
    def is_refused(self) -> bool:
        """Whether the user has to fix something before the campaign can go on."""
        return isinstance(self.error, ApiError) and not isinstance(self.error, (UnavailableError, DuplicateOrderError))

    @classmethod
    def of(cls, result: BulkResult, ended: BaseException | None) -> "End":
        """The end of a campaign with this result.

        Args:
            result: The result.
            ended: The error that ended it early, if one did.
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
        reason = describe(stop, advice=False).replace(_NEW_TEXTS, "--allow-new-texts") if stop else None
        return cls(reason, error, code)


@frozen
class Summary:
    """A campaign at its end.

    Attributes:
        result: The result.
        plan: The campaign.
        book: Its journal.
        seconds: Its duration.
        end: Its end.
        typed: The text argument. It is not shown, as output may be logged.
        files: Its files, if they exist: `refused_file`, `failed_file`, `journal` and `note`.
    """

    result: BulkResult
    plan: Plan
    book: Book
    seconds: float
    end: End
    typed: str
    files: Mapping[str, str | None]

    @property
    def rate(self) -> float:
        """Recipients a second, by this run."""
        return (self.result.read - self.result.accepted_before) / self.seconds if self.seconds else 0.0

    @property
    def is_open(self) -> bool:
        """Whether there is something left to do."""
        return self.end.stopped is not None or bool(self.result.failed)

    @property
    def not_reached(self) -> int:
        """Rows of the list that were not read before it stopped, if the number is known."""
        total = self.plan.recipients.total
        return max(0, total - self.result.read) if total is not None and self.end.stopped else 0

    @property
    def counts(self) -> dict[str, int]:
        """The counts, by their names in JSON."""
        return {
            "read": self.result.read,
            "accepted": self.result.accepted,
            "accepted_before": self.result.accepted_before,
            "orders": len(self.result.orders),
            "unidentified": self.result.unidentified,
            "refused": len(self.result.refused),
            "duplicates": self.result.duplicates,
            "failed": self.result.failures,
            "unknown": sum(failure.count for failure in self.result.unknown),
            "not_reached": self.not_reached,
            "empty_fields": self.plan.notes.empty,
        }

    def show(self) -> None:
        """Show it as a table."""
        counts = {name: f"{count:,}" for name, count in self.counts.items() if count or name in _ALWAYS}
        counts = {_LABELS.get(name, name.replace("_", " ")): count for name, count in counts.items()}
        show_table(counts | {"seconds": f"{self.seconds:.2f}", "recipients a second": f"{self.rate:,.0f}"})
        write_pairs(self.plan.recipients.describe())
        write("".join(f"{line}\n" for line in self._last_lines()))

    def _last_lines(self) -> Iterator[str]:
        """The files, the orders, and the next command."""
        for name, file in self.files.items():
            if file is not None:
                yield f"{name.removesuffix('_file')}: {file}{_ABOUT.get(name, '')}"
        if self.result.refused and not self.files["refused_file"]:
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
        told = explain(self.end.error, self.end.exit_code)
        if self.is_open:
            told["advice"] = ". ".join(filter(None, [str(told["advice"]), *self.how_to_go_on()]))
            told["next"] = self.next_command
        write_json(
            {
                **self.counts,
                "orders": [order.id for order in self.result.orders],
                "reasons": [
                    {"reason": reason, "recipients": count} for reason, count in self.count_failures().most_common()
                ],
                "seconds": round(self.seconds, 3),
                "recipients_a_second": round(self.rate, 1),
                **self.files,
                "stopped": self.end.stopped,
                **told,
                "list": self.plan.recipients.describe(),
            }
        )

    def tell(self) -> None:
        """Write the failures, and advice, to standard error."""
        reasons, end = self.count_failures(), self.end
        for reason, count in reasons.most_common(_MOST_REASONS):
            complain(f"{count:,} failed: {reason}")
        if len(reasons) > _MOST_REASONS:
            complain(f"{len(reasons) - _MOST_REASONS} more reasons")
        if end.stopped:
            left = f"{self.not_reached:,} rows of the list were not reached" if self.not_reached else ""
            advice = end.error.advice if isinstance(end.error, ApiError) else ""
            complain(f"stopped: {'; '.join(filter(None, [end.stopped, advice, left]))}")
        elif isinstance(end.error, CommandError):
            complain(_IN_VAIN)
        if not self.is_open:
            return
        for line in self.how_to_go_on():
            complain(line)
        if command := self.next_command:
            # Not broken into lines, so that it can be copied.
            sys.stderr.write(f"{one_line(command)}\n")

    def count_failures(self) -> Counter[str]:
        """Failed recipients by reason."""
        reasons: Counter[str] = Counter()
        for failure in self.result.failed:
            # Advice follows once, at the end.
            reasons[failure.error.reason] += failure.count
        return reasons

    @property
    def next_command(self) -> str | None:
        """The command that continues; `None` if it must be another one, or would send to the whole list again."""
        if (
            self.book.journal is None
            or self.end.is_of_other_texts
            or isinstance(self.end.error, SenderError)
            or {type(failure.error) for failure in self.result.failed} == {DuplicateOrderError}
        ):
            return None
        # A placeholder that is refused as a text: any other would be sent if the user pastes it without editing.
        words = ["'{TEXT}'" if word == self.typed != "-" else shlex.quote(word) for word in sys.argv[1:]]
        return " ".join(["iletimerkezi", *words])

    def how_to_go_on(self) -> list[str]:
        """Advice for a campaign that did not reach its whole list."""
        kinds: set[type[IletimerkeziError]] = {type(failure.error) for failure in self.result.failed}
        first = "once that is put right, " if self.end.is_refused else ""
        lines: list[str] = []
        if DuplicateOrderError in kinds:
            lines.append("451: the same texts went to the same numbers less than 10 minutes ago, by another run")
        if self.end.is_of_other_texts:
            # The same command would stop again.
            return lines
        if isinstance(self.end.error, SenderError):
            lines.append("`iletimerkezi senders` lists the approved senders: give one with --sender")
        if not self.result.accepted and not kinds & {OutcomeUnknownError, DuplicateOrderError}:
            return [*lines, f"no recipient was texted: {first}the same command tries again"]
        if self.book.journal is not None:
            if kinds != {DuplicateOrderError}:
                settles = "settles what is not known, and " if OutcomeUnknownError in kinds else ""
                lines.append(f"{first}the same command again {settles}sends what is missing, and nothing twice")
            if OutcomeUnknownError in kinds and not self.end.stopped:
                lines.append(
                    "if an order stays unknown, look into the panel, and decide: --unknown sent or --unknown not-sent"
                )
            return lines
        lines.append(
            "without a journal there is no record of this run: the same command sends to the whole list again; the "
            "service refuses (451) only orders with the same recipients that it accepted less than 10 minutes ago"
        )
        return lines
