"""What a campaign would come to: everything is read as it would be, and nothing sent."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any
from unicodedata import name as name_of

from attrs import define, evolve, field

from iletimerkezi_async import IletimerkeziError, Refusal, TransportError, UnavailableError
from iletimerkezi_async.campaigns.intake import Intake, MessageIntake, NumberIntake, Recipients
from iletimerkezi_async.http.retry import Retry
from iletimerkezi_async.models import Balance, Message
from iletimerkezi_async.text import Encoding, measure
from iletimerkezi_async.wire.draft import Draft

from .command import run_async
from .messages import CommandError
from .output import note
from .plan import Notes, Plan
from .settings import has_credentials, open_client

__all__ = ["Cost", "Forecast", "ask_balance", "describe_costly", "describe_encodings", "forecast"]

_MOST_CHARACTERS = 10
_PATIENCE = 5.0


@define
class Cost:
    """What the orders would come to.

    Attributes:
        orders: How many there would be.
        recipients: Who would get a message.
        sms: All parts of all messages.
        fewest: Parts of the shortest text.
        most: Parts of the longest.
        encodings: How many recipients get a text in each alphabet.
        costly: The characters that make texts Unicode.
    """

    orders: int = 0
    recipients: int = 0
    sms: int = 0
    fewest: int = 0
    most: int = 0
    encodings: Counter[str] = field(factory=Counter[str])
    costly: dict[str, None] = field(factory=dict[str, None])

    def add(self, draft: Draft) -> None:
        """Count an order in."""
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

    def lacks(self, balance: Balance) -> int:
        """How many SMS are missing. Of lira it is not known here how many make one."""
        return 0 if balance.amount else max(0, self.sms - balance.sms)


@define
class Forecast:
    """What was found out.

    Attributes:
        notes: What was seen in the list.
        cost: What the orders would come to.
        read: How many recipients the list has.
        duplicates: How many of them are repeated.
        refused: Whom the list alone rules out.
    """

    notes: Notes = field(factory=Notes)
    cost: Cost = field(factory=Cost)
    read: int = 0
    duplicates: int = 0
    refused: Sequence[Refusal] = ()


def forecast(plan: Plan) -> Forecast:
    """Read everything as a campaign would. What is seen is not kept with the plan, which may be read again."""
    return run_async(partial(_forecast, evolve(plan, notes=Notes())))


async def _forecast(plan: Plan) -> Forecast:
    found = Forecast(plan.notes)
    intake = _intake(plan)
    while await intake.fill():
        found.cost.add(intake.take())
    found.read, found.duplicates, found.refused = intake.read, intake.duplicates, intake.refused
    return found


def _intake(plan: Plan) -> Intake[Any]:
    text = plan.template.text
    if text is None:
        return MessageIntake(Recipients(plan.messages()), plan.terms, plan.wanted.batch_size, b"")
    return NumberIntake(Recipients(plan.numbers()), plan.terms, plan.wanted.batch_size, Message(text, ()))


def ask_balance() -> tuple[Balance | None, Exception | None]:
    """The balance, where it can be asked for; and why a campaign would be refused, if it would."""
    if not has_credentials():
        return None, None
    try:
        return run_async(_get_balance), None
    except (TransportError, UnavailableError) as error:
        note(f"the balance is not known: {error.reason}")
    except (CommandError, IletimerkeziError) as error:
        # All the rest is worth showing.
        return None, error
    return None, None


async def _get_balance() -> Balance:
    async with open_client() as client:
        # There is more to show than this; a network that is not there is not waited for.
        return await client.with_options(timeout=_PATIENCE, retry=Retry(attempts=1)).get_balance()


def describe_costly(cost: Cost) -> str | None:
    """What makes texts dear, if anything does."""
    if not cost.costly:
        return None
    return f"Unicode, and so 65 characters instead of 155 in an SMS, by: {', '.join(map(_name, cost.costly))}"


def describe_encodings(cost: Cost) -> str:
    """How many texts there are in each alphabet."""
    if len(cost.encodings) == 1:
        return next(iter(cost.encodings))
    return ", ".join(f"{count:,} {encoding}" for encoding, count in cost.encodings.most_common())


def _name(letter: str) -> str:
    """A character that may look like another one, or like nothing."""
    name = name_of(letter, f"U+{ord(letter):04X}")
    return f"{letter} ({name})" if letter.isprintable() and not letter.isspace() else name
