"""What a campaign is about to do, shown before the question whether it may."""

from collections.abc import Iterator

from iletimerkezi_async.models import Balance
from iletimerkezi_async.text import measure

from .books import Book
from .forecast import Forecast, ask_balance, describe_costly, describe_encodings, forecast
from .output import one_line, say
from .plan import Plan
from .terms import ask, describe_time

__all__ = ["propose"]

_WIDTH = 10


def propose(plan: Plan, book: Book) -> None:
    """Show a campaign in a terminal, and ask whether to send it.

    Args:
        plan: The campaign.
        book: Where it is written down.

    Raises:
        CommandError: The answer is not a yes.
        IletimerkeziError: The service refuses even to tell the balance.
    """
    # A pipe can be read once.
    found = None if plan.total is None else forecast(plan)
    for name, value in _rows(plan, book, found):
        say(one_line(value), f"{name:<{_WIDTH}}")
    ask(_what(plan, found), plan.terms, book.sent_before())


def _rows(plan: Plan, book: Book, found: Forecast | None) -> Iterator[tuple[str, str]]:
    layout = ", ".join(f"{name} {value}" for name, value in plan.recipients.describe().items())
    yield "list", f"{plan.recipients.name}: {layout}"
    if found is not None:
        yield from _costs(found)
    elif plan.template.text is not None:
        yield "text", plan.template.text
    checked = plan.terms.iys.name.lower()
    yield "sender", f"{plan.terms.sender}, consent list {checked}, {describe_time(plan.terms)}"
    balance, problem = ask_balance()
    if problem is not None:
        raise problem
    if balance is not None:
        yield "balance", _tell_balance(balance, found)
    yield "journal", _tell_journal(book)


def _costs(found: Forecast) -> Iterator[tuple[str, str]]:
    cost, notes = found.cost, found.notes
    for number, text in notes.examples[:1]:
        yield "first", f"to {number}: {text}"
    parts = cost.most if cost.fewest == cost.most else f"{cost.fewest} to {cost.most}"
    encodings = f", {describe_encodings(cost)}" if cost.encodings else ""
    yield "cost", f"{cost.sms:,} SMS, {parts} a recipient{encodings}"
    if dear := describe_costly(cost):
        yield "dear", dear
    left_out = {"refused": len(found.refused), "duplicates": found.duplicates, "empty fields": notes.empty}
    if told := ", ".join(f"{count:,} {name}" for name, count in left_out.items() if count):
        yield "besides", told


def _tell_balance(balance: Balance, found: Forecast | None) -> str:
    if balance.amount and not balance.sms:
        return f"{balance.amount:,} lira"
    missing = found.cost.lacks(balance) if found else 0
    return f"{balance.sms:,} SMS{f': {missing:,} are missing' if missing else ''}"


def _tell_journal(book: Book) -> str:
    if book.journal is None:
        return "none: after a stop nobody could tell who was texted"
    name = book.path or str(book.journal)
    if book.is_begun:
        return f"{name}: goes on from it; who was texted is not texted again"
    return f"{name}: after a stop the same command goes on"


def _what(plan: Plan, found: Forecast | None) -> str:
    text = plan.template.text
    if found is None:
        what = "a text of its own" if text is None else f"{measure(text).parts} SMS"
        return f"{what} to everybody in {plan.recipients.name}"
    people = found.cost.recipients
    return f"{found.cost.sms:,} SMS to {people:,} recipient{'' if people == 1 else 's'}"
