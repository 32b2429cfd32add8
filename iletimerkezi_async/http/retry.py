"""The policy of repetitions. Pure: it neither sleeps nor sends."""

from __future__ import annotations

import random

from attrs import frozen

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.redaction import forgetful
from iletimerkezi_async.wire.arguments import check_whole, to_number
from iletimerkezi_async.wire.call import Answered, AttemptOutcome, Kind, Lost, NotSent, Refused, T


@forgetful
@frozen
class Retry:
    """The number of attempts, and the pauses between them.

    The pause before attempt *n + 1* is drawn evenly from the upper half of

        min(wait_max, wait_initial * 2 ** (n - 1))   seconds,

    or it is the service's `Retry-After`, if it sent one; if that is longer than `wait_max`, there is no further
    attempt. The effect of a second request decides whether a request may be repeated at all, and no setting changes
    that: a message is never sent twice. `Retry(attempts=1)` never repeats.

    Attributes:
        attempts: Attempts in all, the first included.
        wait_initial: The most seconds before the second attempt.
        wait_max: Seconds of the longest pause.

    Raises:
        ConfigurationError: `attempts` is not a whole number of at least 1, or a pause is not a number of seconds of at
            least 0.
    """

    attempts: int = 5
    wait_initial: float = 0.5
    wait_max: float = 30.0

    def __attrs_post_init__(self) -> None:
        # Without validators of attrs, as their messages show the value.
        check_whole("attempts", self.attempts, 1)
        for name in ("wait_initial", "wait_max"):
            if not to_number(getattr(self, name)) >= 0:
                raise ConfigurationError(f"`{name}` must be a number of seconds, at least 0")

    def pause(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt`, counted from 1; drawn anew each time."""
        # The exponent is bounded, as 2.0 ** 1024 overflows.
        longest = min(self.wait_max, self.wait_initial * 2.0 ** min(attempt - 1, 64))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret


def next_pause(retry: Retry, kind: Kind, outcome: AttemptOutcome[T], attempt: int) -> float | None:
    """Seconds to wait before the next attempt; `None` for no further attempt.

    Args:
        retry: The caller's setting.
        kind: The effect of a repetition.
        outcome: The attempt's outcome.
        attempt: Its number, from 1.
    """
    if attempt >= retry.attempts or not _may_repeat(kind, outcome):
        return None
    asked = outcome.retry_after if isinstance(outcome, (Refused, Lost)) else None
    if asked is None:
        return retry.pause(attempt)
    return asked if asked <= retry.wait_max else None


def _may_repeat(kind: Kind, outcome: AttemptOutcome[T]) -> bool:
    if isinstance(outcome, NotSent):
        # A `ConfigurationError` means that the client cannot be used, now or later.
        return not isinstance(outcome.error, ConfigurationError)
    if isinstance(outcome, Answered) or kind is Kind.ONCE:
        return False
    if isinstance(outcome, Lost):
        return True
    return outcome.later or (kind is Kind.REPEATABLE and outcome.broken)
