"""The forecast of a campaign: read the list as the campaign would, and send nothing."""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from itertools import islice
from typing import Any
from unicodedata import name as name_of

from attrs import define, evolve, field

from iletimerkezi_async import IletimerkeziError, JournalError, Refusal, TransportError, UnavailableError
from iletimerkezi_async.campaigns.intake import Intake, MessageIntake, NumberIntake, Reader
from iletimerkezi_async.campaigns.journal import DONE, open_journal
from iletimerkezi_async.campaigns.seen import Seen
from iletimerkezi_async.campaigns.tally import Tally
from iletimerkezi_async.http.retry import Retry
from iletimerkezi_async.models import Balance, Message
from iletimerkezi_async.stores.log import Row, State
from iletimerkezi_async.text import Encoding, measure
from iletimerkezi_async.wire.draft import Draft
from iletimerkezi_async.wire.packing import unfold

from .books import Book
from .command import run_async
from .display import working
from .messages import CommandError
from .output import note
from .plan import MOST_EXAMPLES, Notes, Plan
from .settings import call, has_credentials, read_credentials

__all__ = ["Forecast", "ask_balance", "forecast"]

_MOST_CHARACTERS = 10
_PATIENCE = 5.0


@define
class Forecast:
    """The recipients and the cost of a campaign.

    Attributes:
        notes: Findings in the list.
        read: Recipients in the list.
        duplicates: Repeated recipients in the list.
        refused: Recipients that are bad in the list, or that the service refused in an earlier run.
        recipients: Recipients to send to, or to settle.
        accepted_before: Recipients whose orders the service accepted in earlier runs.
        unsettled: Those of `recipients` whom an earlier run may have texted.
        changed: Recipients who had another text in an earlier run.
        second_texts: Texts to numbers that get an earlier text of this campaign, too.
        orders: Orders to be sent.
        sms: All parts of all messages.
        fewest: Parts of the shortest text.
        most: Parts of the longest.
        encodings: Recipients by the encoding of their texts.
        costly: The characters that make texts Unicode.
        examples: The first messages to be sent.
    """

    notes: Notes
    read: int = 0
    duplicates: int = 0
    refused: Sequence[Refusal] = ()
    recipients: int = 0
    accepted_before: int = 0
    unsettled: int = 0
    changed: int = 0
    second_texts: int = 0
    orders: int = 0
    sms: int = 0
    fewest: int = 0
    most: int = 0
    encodings: Counter[str] = field(factory=Counter[str])
    costly: dict[str, None] = field(factory=dict[str, None])
    examples: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    _texted: Seen = field(factory=Seen, init=False)

    def add(self, draft: Draft) -> None:
        """Add an order to the counts."""
        if len(self.examples) < MOST_EXAMPLES:
            self.examples += islice(draft.pairs(), MOST_EXAMPLES)
        self.orders += 1
        self.recipients += draft.recipients
        for text, numbers in draft.messages.items():
            length = measure(text)
            parts = length.parts
            self.encodings[length.encoding.value] += len(numbers)
            if length.encoding is Encoding.UNICODE:
                self.costly.update(dict.fromkeys(length.costly[:_MOST_CHARACTERS]))
            self.sms += parts * len(numbers)
            self.fewest = min(self.fewest or parts, parts)
            self.most = max(self.most, parts)
            self.second_texts += len(numbers) - len(self._texted.add(numbers))

    def lacks(self, balance: Balance) -> int:
        """How many SMS the balance lacks; 0 for a balance in lira, as the price of an SMS is unknown."""
        return 0 if balance.amount else max(0, self.sms - balance.sms)

    @property
    def parts(self) -> str:
        """The parts of a text, as a number or a range."""
        return str(self.most) if self.fewest == self.most else f"{self.fewest} to {self.most}"

    @property
    def alphabets(self) -> str:
        """The encoding of the texts; if there are several, with their counts."""
        if len(self.encodings) == 1:
            return next(iter(self.encodings))
        return ", ".join(f"{count:,} {encoding}" for encoding, count in self.encodings.most_common())

    @property
    def why_dear(self) -> str | None:
        """The characters that make texts cost more, if there are any."""
        if not self.costly:
            return None
        return f"Unicode: 65 characters instead of 155 in an SMS, because of: {', '.join(map(_name, self.costly))}"

    @property
    def besides(self) -> dict[str, int]:
        """Other counts of the list; zeros are left out."""
        counts = {
            "refused": len(self.refused),
            "repeated": self.duplicates,
            "to a number that gets another text, too": self.second_texts,
            "empty fields": self.notes.empty,
        }
        return {name: count for name, count in counts.items() if count}

    @property
    def progress(self) -> str | None:
        """How many recipients earlier runs reached, and how many are left; `None` without earlier runs."""
        if not self.accepted_before and not self.unsettled:
            return None
        before = f"{self.accepted_before:,} of these were accepted by an earlier run"
        doubt = f", {self.unsettled:,} of whom the earlier run may have texted" if self.unsettled else ""
        return f"{before}; this run continues with {self.recipients:,}{doubt}"


def forecast(plan: Plan, book: Book) -> Forecast:
    """Read everything as a campaign would. The plan's notes do not change, as the list may be read again.

    Args:
        plan: The campaign.
        book: Its journal. Recipients of earlier runs are left out, if the API key to read the journal is known.

    Raises:
        CommandError: The journal cannot be used for this campaign.
    """
    try:
        with working(f"reading {plan.recipients.name}"):
            return run_async(partial(_forecast, evolve(plan, notes=Notes()), book))
    except JournalError as error:
        raise book.explain(error) from None


async def _forecast(plan: Plan, book: Book) -> Forecast:
    found = Forecast(plan.notes)
    text = plan.template.text
    message = None if text is None else Message(text, ())
    opened: Any = nullcontext()
    if book.is_readable:
        opened = open_journal(book.journal, plan.terms, message, read_credentials(), None)
    async with opened as journal:
        intake = _make_intake(plan, message, journal.salt if journal else b"")
        tally = Tally(intake, None)
        if journal is not None:
            await journal.read_orders(partial(_count_in, found, tally))
            found.accepted_before = tally.accepted
    while not intake.is_over:
        await intake.fill()
        for _, again in intake.take_earlier(unread=False):
            found.add(again)
        draft = intake.take()
        if draft is not None:
            found.add(draft)
    if found.progress:
        # The first recipients of the list may have been texted already: show those who are left.
        plan.notes.examples[:] = found.examples
    found.read, found.duplicates, found.refused = intake.read, intake.duplicates, intake.refused
    found.changed = intake.changed
    return found


def _make_intake(plan: Plan, message: Message | None, salt: bytes) -> Intake[Any]:
    if message is not None:
        return NumberIntake(Reader(plan.numbers()), plan.terms, plan.batch_size, message)
    reader = Reader(plan.messages(), unfold)
    return MessageIntake(reader, plan.terms, plan.batch_size, salt, allow_new_texts=plan.allow_new_texts)


def _count_in(found: Forecast, tally: Tally, row: Row) -> None:
    """Count in an order of an earlier run, and leave its recipients out of this one."""
    draft = tally.remember(row)
    if row.state in DONE or row.state is State.DUPLICATE:
        return
    found.unsettled += row.recipients
    if draft is not None:
        found.add(draft)


def ask_balance() -> tuple[Balance | None, Exception | None]:
    """The balance, if it is known, and the error that would stop a campaign, if there is one."""
    if not has_credentials():
        return None, None
    try:
        # One attempt only: the preview is useful without the balance.
        return call(lambda each: each.with_options(timeout=_PATIENCE, retry=Retry(attempts=1)).get_balance()), None
    except (TransportError, UnavailableError) as error:
        note(f"the balance is not known: {error.reason}")
    except (CommandError, IletimerkeziError) as error:
        # Return the error, so that the preview is shown before it.
        return None, error
    return None, None


def _name(letter: str) -> str:
    """A character with its Unicode name, as it may look like another one or be invisible."""
    name = name_of(letter, f"U+{ord(letter):04X}")
    return f"{letter} ({name})" if letter.isprintable() and not letter.isspace() else name
