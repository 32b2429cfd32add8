"""A campaign without sending: whom it would reach, and what it would cost."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any
from unicodedata import name as name_of

import typer
from attrs import define, field

from iletimerkezi_async import IletimerkeziError, Refusal, TransportError, UnavailableError
from iletimerkezi_async.campaigns.intake import Intake, MessageIntake, NumberIntake, Recipients
from iletimerkezi_async.http.retry import Retry
from iletimerkezi_async.models import Balance, Message
from iletimerkezi_async.text import Encoding, measure
from iletimerkezi_async.wire.draft import Draft

from .command import run_async
from .display import show_table
from .messages import CommandError, describe, exit_code_of, explain
from .output import complain, note, write_json
from .plan import Plan
from .refusals import RefusalFile
from .settings import has_credentials, open_client

__all__ = ["rehearse"]

_MOST_SHOWN = 10
_MOST_CHARACTERS = 10
_PATIENCE = 5.0


@define
class _Cost:
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


@define
class _Rehearsal:
    """What was found out."""

    cost: _Cost = field(factory=_Cost)
    read: int = 0
    duplicates: int = 0
    refused: Sequence[Refusal] = ()


def rehearse(plan: Plan, refusals: RefusalFile, *, as_json: bool) -> None:
    """Read everything as a campaign would, send nothing, and show what it would come to.

    Raises:
        typer.Exit: The campaign would fail.
    """
    found = run_async(partial(_rehearse, plan))
    refusals.write(found.refused)
    balance, problem = _ask_balance()
    if problem is None and balance is not None and _lacks(balance, found.cost):
        missing = found.cost.sms - balance.sms
        problem = CommandError(f"the balance would not suffice: {missing:,} SMS are missing")
    if problem is None and found.refused and not found.cost.recipients:
        problem = CommandError("nobody would be texted: every number is refused")
    code = exit_code_of(problem) if problem else 0
    if as_json:
        write_json({**_fields(found, balance, plan), **explain(problem, code)})
    else:
        _show(found, balance, plan)
    if problem is not None:
        complain(describe(problem))
        raise typer.Exit(code)


def _ask_balance() -> tuple[Balance | None, Exception | None]:
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


async def _rehearse(plan: Plan) -> _Rehearsal:
    found = _Rehearsal()
    intake = _intake(plan)
    while (draft := await intake.next()) is not None:
        found.cost.add(draft)
    found.read, found.duplicates, found.refused = intake.read, intake.duplicates, intake.refused
    return found


def _intake(plan: Plan) -> Intake[Any]:
    text = plan.template.text
    if text is None:
        return MessageIntake(Recipients(plan.messages()), plan.terms, plan.batch_size, b"")
    return NumberIntake(Recipients(plan.numbers()), plan.terms, plan.batch_size, Message(text, ()))


def _lacks(balance: Balance, cost: _Cost) -> bool:
    # An account that works with lira has no SMS, and what one costs is not known here.
    return balance.sms < cost.sms and not balance.amount


def _show(found: _Rehearsal, balance: Balance | None, plan: Plan) -> None:
    cost = found.cost
    show_table(
        {
            "read": f"{found.read:,}",
            "recipients": f"{cost.recipients:,}",
            "refused": f"{len(found.refused):,}",
            "duplicates": f"{found.duplicates:,}",
            **({"empty fields": f"{plan.notes.empty:,}"} if plan.notes.empty else {}),
            "orders": f"{cost.orders:,}",
            "parts": str(cost.most) if cost.fewest == cost.most else f"{cost.fewest} to {cost.most}",
            "SMS": f"{cost.sms:,}",
            **({"encoding of the texts": _describe_encodings(cost)} if cost.encodings else {}),
            **_balance_rows(balance, cost),
            **plan.recipients.describe(),
        }
    )
    for number, text in plan.notes.examples:
        note(f"to {number}: {text}")
    if cost.costly:
        note(f"Unicode, and so 65 characters instead of 155 in an SMS, by: {', '.join(map(_name, cost.costly))}")
    for refusal in found.refused[:_MOST_SHOWN]:
        note(f"refused: {refusal.number!r}: {refusal.reason}")
    if len(found.refused) > _MOST_SHOWN:
        note(f"refused: {len(found.refused) - _MOST_SHOWN:,} more")
    note("a dry run: nothing was sent")


def _describe_encodings(cost: _Cost) -> str:
    if len(cost.encodings) == 1:
        return next(iter(cost.encodings))
    return ", ".join(f"{count:,} {encoding}" for encoding, count in cost.encodings.most_common())


def _name(letter: str) -> str:
    """A character that may look like another one, or like nothing."""
    name = name_of(letter, f"U+{ord(letter):04X}")
    return f"{letter} ({name})" if letter.isprintable() and not letter.isspace() else name


def _balance_rows(balance: Balance | None, cost: _Cost) -> dict[str, str]:
    if balance is None:
        return {}
    if balance.amount and not balance.sms:
        return {"balance": f"{balance.amount:,} lira"}
    left = balance.sms - cost.sms
    return {"balance": f"{balance.sms:,}", **({"left": f"{left:,}"} if left >= 0 else {})}


def _fields(found: _Rehearsal, balance: Balance | None, plan: Plan) -> dict[str, object]:
    cost = found.cost
    return {
        "read": found.read,
        "recipients": cost.recipients,
        "refused": len(found.refused),
        "refused_examples": [refusal._asdict() for refusal in found.refused[:_MOST_SHOWN]],
        "duplicates": found.duplicates,
        "empty_fields": plan.notes.empty,
        "orders": cost.orders,
        "parts": {"min": cost.fewest, "max": cost.most},
        "sms": cost.sms,
        "encodings": dict(cost.encodings),
        "costly_characters": list(cost.costly),
        "examples": [{"number": number, "text": text} for number, text in plan.notes.examples],
        # The amount as text: a JSON number would lose its decimals.
        "balance": balance and {"amount": str(balance.amount), "sms": balance.sms},
        "list": plan.recipients.describe(),
    }
