"""The preview of a campaign, for a dry run and for the question whether to send."""

from collections.abc import Iterator

import typer

from iletimerkezi_async.models import Balance, Iys
from iletimerkezi_async.text import measure

from .account import balance_fields
from .books import Book
from .forecast import Forecast, ask_balance, forecast
from .messages import CommandError, describe, exit_code_of, explain
from .named import NameFile
from .output import complain, note, one_line, say, write_json, write_pairs
from .plan import Plan
from .terms import ask, describe_time

__all__ = ["propose", "rehearse"]

_COUNTS = ("read", "accepted_before", "unsettled", "recipients", "duplicates", "second_texts", "orders", "sms")
_MOST_SHOWN = 10
_WIDTH = 10


def rehearse(plan: Plan, book: Book, refusals: NameFile, problem: Exception | None, *, as_json: bool) -> None:
    """Read everything as a campaign would, send nothing, and show the forecast.

    Args:
        plan: The campaign.
        book: Its journal.
        refusals: The file of recipients left out, if the option names one.
        problem: The reason why the campaign would not be sent, if it is known already.
        as_json: Whether to show it as JSON.

    Raises:
        typer.Exit: The campaign would fail.
    """
    found = forecast(plan, book)
    file = refusals.write(found.refused, len(found.refused))
    balance, refusal = ask_balance()
    problem = problem or refusal or _find_problem(found, balance)
    code = exit_code_of(problem) if problem else 0
    unchecked = [*_unchecked(plan, book, balance)]
    if as_json:
        told = {**_fields(found, balance, plan), "refused_file": file, "not_checked": unchecked}
        write_json({**told, **explain(problem, code)})
    else:
        write_pairs(dict(_rows(plan, book, found, balance)))
        _tell_more(found, file)
        note(f"a dry run: nothing was sent; not checked: {', '.join(unchecked)}")
    if problem is not None:
        complain(describe(problem))
        raise typer.Exit(code)


def _tell_more(found: Forecast, file: str | None) -> None:
    for number, text in found.notes.examples[1:]:
        note(f"to {number}: {text}")
    for refusal in found.refused[:_MOST_SHOWN]:
        note(f"refused: {refusal.number!r}: {refusal.reason}")
    if file:
        note(f"refused: {file} names them")
    elif len(found.refused) > _MOST_SHOWN:
        note(f"refused: {len(found.refused) - _MOST_SHOWN:,} more; --refused FILE names all")


def _unchecked(plan: Plan, book: Book, balance: Balance | None) -> Iterator[str]:
    """The points that a dry run cannot check, as they need the service or the API key."""
    yield f"whether the sender {plan.terms.sender} is approved"
    if plan.terms.iys is not Iys.OFF:
        yield "consents"
    yield "blocked numbers"
    if balance is None:
        yield "the balance"
    if book.is_begun and not book.is_readable:
        yield f"the earlier run in {book.journal}"


def _find_problem(found: Forecast, balance: Balance | None) -> CommandError | None:
    if found.changed:
        return CommandError(
            f"{found.changed:,} recipients had another text in an earlier run: check that TEXT and the list are still "
            "the same; --allow-new-texts sends the new texts, too"
        )
    if balance is not None and (missing := found.lacks(balance)):
        return CommandError(f"the balance would not suffice: {missing:,} SMS are missing")
    if found.refused and not found.recipients and not found.accepted_before:
        return CommandError("no recipient is left: every number is refused")
    return None


def _fields(found: Forecast, balance: Balance | None, plan: Plan) -> dict[str, object]:
    return {
        **{name: getattr(found, name) for name in _COUNTS},
        "refused": len(found.refused),
        "refused_examples": [refusal._asdict() for refusal in found.refused[:_MOST_SHOWN]],
        "empty_fields": found.notes.empty,
        "parts": {"min": found.fewest, "max": found.most},
        "encodings": dict(found.encodings),
        "costly_characters": list(found.costly),
        "examples": [{"number": number, "text": text} for number, text in found.notes.examples],
        "balance": balance and balance_fields(balance),
        "list": plan.recipients.describe(),
    }


def propose(plan: Plan, book: Book) -> None:
    """Show a campaign in a terminal, and ask whether to send it.

    Args:
        plan: The campaign.
        book: Its journal.

    Raises:
        CommandError: The answer is not a yes, or the campaign would stop at once.
        IletimerkeziError: The service refuses the request for the balance.
    """
    # A pipe can be read only once, so it has no forecast.
    found = None if plan.recipients.total is None else forecast(plan, book)
    balance, problem = ask_balance()
    if found and found.changed:
        problem = _find_problem(found, None)
    if problem is not None:
        raise problem
    for name, value in _rows(plan, book, found, balance):
        say(one_line(value), f"{name:<{_WIDTH}}")
    ask(_what(plan, found), plan.terms, book.sent_before)


def _rows(plan: Plan, book: Book, found: Forecast | None, balance: Balance | None) -> Iterator[tuple[str, str]]:
    """The rows of the preview: a name and a value each."""
    layout = ", ".join(f"{name} {value}" for name, value in plan.recipients.describe().items())
    yield "list", f"{plan.recipients.name}: {layout}"
    if found is not None:
        yield from _costs(found)
    elif plan.template.text is not None:
        yield "text", plan.template.text
    checked = plan.terms.iys.name.lower()
    yield "sender", f"{plan.terms.sender}, consent list {checked}, {describe_time(plan.terms)}"
    if balance is not None:
        yield "balance", _tell_balance(balance, found)
    yield "journal", _tell_journal(book, found)


def _costs(found: Forecast) -> Iterator[tuple[str, str]]:
    told = [f"{count:,} {name}" for name, count in found.besides.items()]
    yield "read", f"{found.read:,}{': ' if told else ''}{', '.join(told)}"
    for number, text in found.notes.examples[:1]:
        yield "first", f"to {number}: {text}"
    alphabets = f", {found.alphabets}" if found.encodings else ""
    orders = "1 order" if found.orders == 1 else f"{found.orders:,} orders"
    yield "cost", f"{found.sms:,} SMS to {found.recipients:,} in {orders}, {found.parts} a recipient{alphabets}"
    if found.why_dear:
        yield "costly", found.why_dear


def _tell_balance(balance: Balance, found: Forecast | None) -> str:
    if balance.amount and not balance.sms:
        return f"{balance.amount:,} lira"
    told = f"{balance.sms:,} SMS"
    if found is None:
        return told
    missing = found.lacks(balance)
    return f"{told}: {missing:,} are missing" if missing else f"{told}, {balance.sms - found.sms:,} left after it"


def _tell_journal(book: Book, found: Forecast | None) -> str:
    if book.journal is None:
        return "none: after a stop it is unknown who was texted"
    name = book.path or str(book.journal)
    if book.is_begun:
        progress = found and found.progress
        return f"{name}: {progress or 'continues; recipients who were texted are not texted again'}"
    return f"{name}: after a stop the same command goes on"


def _what(plan: Plan, found: Forecast | None) -> str:
    text = plan.template.text
    if found is None:
        what = "a text of its own" if text is None else f"{measure(text).parts} SMS"
        return f"{what} to each number of {plan.recipients.name}"
    people = found.recipients
    return f"{found.sms:,} SMS to {people:,} recipient{'' if people == 1 else 's'}"
