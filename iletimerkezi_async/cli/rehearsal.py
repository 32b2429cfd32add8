"""A campaign without sending: whom it would reach, and what it would cost."""

import typer

from iletimerkezi_async.models import Balance

from .display import show_table
from .forecast import Cost, Forecast, ask_balance, describe_costly, describe_encodings, forecast
from .messages import CommandError, describe, exit_code_of, explain
from .named import NameFile
from .output import complain, note, write_json
from .plan import Plan

__all__ = ["rehearse"]

_MOST_SHOWN = 10


def rehearse(plan: Plan, refusals: NameFile, problem: Exception | None, *, as_json: bool) -> None:
    """Read everything as a campaign would, send nothing, and show what it would come to.

    Args:
        plan: The campaign.
        refusals: Where those left out are written.
        problem: Why it would not be sent, where that is known already.
        as_json: How to show it.

    Raises:
        typer.Exit: The campaign would fail.
    """
    found = forecast(plan)
    refusals.write(found.refused, len(found.refused))
    balance, refusal = ask_balance()
    problem = problem or refusal or _find_problem(found, balance)
    code = exit_code_of(problem) if problem else 0
    if as_json:
        write_json({**_fields(found, balance, plan), **explain(problem, code)})
    else:
        _show(found, balance, plan)
    if problem is not None:
        complain(describe(problem))
        raise typer.Exit(code)


def _find_problem(found: Forecast, balance: Balance | None) -> CommandError | None:
    if balance is not None and (missing := found.cost.lacks(balance)):
        return CommandError(f"the balance would not suffice: {missing:,} SMS are missing")
    if found.refused and not found.cost.recipients:
        return CommandError("nobody would be texted: every number is refused")
    return None


def _show(found: Forecast, balance: Balance | None, plan: Plan) -> None:
    cost = found.cost
    show_table(
        {
            "read": f"{found.read:,}",
            "recipients": f"{cost.recipients:,}",
            "refused": f"{len(found.refused):,}",
            "duplicates": f"{found.duplicates:,}",
            **({"empty fields": f"{found.notes.empty:,}"} if found.notes.empty else {}),
            "orders": f"{cost.orders:,}",
            "parts": str(cost.most) if cost.fewest == cost.most else f"{cost.fewest} to {cost.most}",
            "SMS": f"{cost.sms:,}",
            **({"encoding of the texts": describe_encodings(cost)} if cost.encodings else {}),
            **_balance_rows(balance, cost),
            **plan.recipients.describe(),
        }
    )
    for number, text in found.notes.examples:
        note(f"to {number}: {text}")
    if dear := describe_costly(cost):
        note(dear)
    for refusal in found.refused[:_MOST_SHOWN]:
        note(f"refused: {refusal.number!r}: {refusal.reason}")
    if len(found.refused) > _MOST_SHOWN:
        note(f"refused: {len(found.refused) - _MOST_SHOWN:,} more")
    note("a dry run: nothing was sent")


def _balance_rows(balance: Balance | None, cost: Cost) -> dict[str, str]:
    if balance is None:
        return {}
    if balance.amount and not balance.sms:
        return {"balance": f"{balance.amount:,} lira"}
    left = balance.sms - cost.sms
    return {"balance": f"{balance.sms:,}", **({"left": f"{left:,}"} if left >= 0 else {})}


def _fields(found: Forecast, balance: Balance | None, plan: Plan) -> dict[str, object]:
    cost = found.cost
    return {
        "read": found.read,
        "recipients": cost.recipients,
        "refused": len(found.refused),
        "refused_examples": [refusal._asdict() for refusal in found.refused[:_MOST_SHOWN]],
        "duplicates": found.duplicates,
        "empty_fields": found.notes.empty,
        "orders": cost.orders,
        "parts": {"min": cost.fewest, "max": cost.most},
        "sms": cost.sms,
        "encodings": dict(cost.encodings),
        "costly_characters": list(cost.costly),
        "examples": [{"number": number, "text": text} for number, text in found.notes.examples],
        # The amount as text: a JSON number would lose its decimals.
        "balance": balance and {"amount": str(balance.amount), "sms": balance.sms},
        "list": plan.recipients.describe(),
    }
