"""The rules in every small world, and in random large ones: what they conclude is true, and they conclude enough.

Each rule is broken as well, and the worlds must show it.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import pytest
from attrs import evolve
from small_world import (
    KNOWN_AFTER,
    World,
    find_flaw,
    sound_worlds,
    worlds_with_one_fault,
    worlds_with_two_faults,
)

from iletimerkezi_async import clocks
from iletimerkezi_async.orders import rules
from iletimerkezi_async.orders.rules import OpenOrder

#: The largest share of worlds that may stay unknown: of those that have, or lack, other orders with our numbers.
MOST_UNKNOWN = {True: 0.45, False: 0.07}


@functools.cache
def once(worlds: Callable[[], Iterator[World]]) -> tuple[World, ...]:
    return tuple(worlds())


@pytest.mark.parametrize("worlds", [worlds_with_one_fault, worlds_with_two_faults])
def test_no_conclusion_is_wrong_in_any_small_world(worlds: Callable[[], Iterator[World]]) -> None:
    """Nothing is surely not there that was taken, nor taken that was not, and no id is another order's."""
    flaws = [(flaw, world) for world in once(worlds) if (flaw := find_flaw(world))]
    assert flaws == []


def unsettled(worlds: Iterable[World]) -> Iterator[World]:
    """Sound worlds whose conclusion is unknown or without an id, although nothing in them is in doubt."""
    for world in worlds:
        if has_look_alikes(world) or (world.fault.shift and not has_calibration(world)):
            continue
        is_fresh = world.age > 60 or (world.age > 10 and KNOWN_AFTER in world.beside)
        if world.taken is None and not is_fresh:
            continue
        conclusion = world.conclude()[0]
        right = conclusion.taken is False if world.taken is None else conclusion.order_id is not None
        if not right and (world.taken is None or world.taken in {each.at for each in world.shown().values()}):
            yield world


def has_look_alikes(world: World) -> bool:
    return any(order.is_look_alike for order in world.beside)


def has_calibration(world: World) -> bool:
    """Whether the list surely has a known order, which shows by how much its times are off."""
    return any(order.whose == "known" and order.at > -1000 for order in world.beside)


def too_unknown() -> list[tuple[bool, float]]:
    """Tell whether too many sound worlds stay unknown after an hour."""
    counted: dict[bool, Counter[bool | None]] = {True: Counter(), False: Counter()}
    for world in once(sound_worlds):
        if world.age > 60:
            counted[has_look_alikes(world)][world.conclude()[0].taken] += 1
    shares = [(alike, counts[None] / counts.total()) for alike, counts in counted.items()]
    return [(alike, share) for alike, share in shares if share > MOST_UNKNOWN[alike]]


def test_sound_worlds_are_settled() -> None:
    """By the first look after ten minutes and a newer order, or after an hour; with other orders beside it, too."""
    assert list(unsettled(once(sound_worlds))) == []
    assert too_unknown() == []


def constant(name: str, value: float) -> Callable[[pytest.MonkeyPatch], None]:
    module = clocks if hasattr(clocks, name) else rules
    return lambda patch: patch.setattr(module, name, value)


def replaced(name: str, function: Callable[..., object]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(rules, name, function)


def judging(change: Callable[..., dict[str, object]]) -> Callable[[pytest.MonkeyPatch], None]:
    """`judge` with some of its arguments changed."""
    judge = rules.judge

    def broken(evidence: object, listed: object, rows: object) -> object:
        given = {"evidence": evidence, "listed": listed, "rows": rows}
        return judge(**(given | change(**given)))  # type: ignore[arg-type]  # what was given

    return replaced("judge", broken)


def concluding(change: Callable[..., dict[str, object]]) -> Callable[[pytest.MonkeyPatch], None]:
    """`conclude_earlier` with some of its arguments changed."""
    conclude = rules.conclude_earlier

    def broken(evidence: object, verdicts: object, alike: object) -> object:
        given = {"evidence": evidence, "verdicts": verdicts, "alike": alike}
        return conclude(**(given | change(**given)))  # type: ignore[arg-type]  # what was given

    return replaced("conclude_earlier", broken)


def days_by_one_clock(pick: Callable[[clocks.Moment], float]) -> Callable[[pytest.MonkeyPatch], None]:
    days = rules.days

    def by(moment: clocks.Moment) -> clocks.Moment:
        return clocks.Moment(pick(moment), pick(moment))

    return replaced("days", lambda span, now: days(clocks.Span(by(span.first), by(span.last)), by(now)))


#: Rules that are too bold: something is concluded that is not true.
BOLD = {
    "ten minutes": constant("LISTED_AFTER", 0),
    "an hour": constant("NEVER_BEHIND", 0),
    "a minute": constant("NEAR", 16 * 60),
    "four hours": constant("FAR", 2 * 3600),
    "an hour, as shown": constant("FAR_AS_SHOWN", 30),
    "steady": constant("STEADY", math.inf),
    "one in twenty": constant("ONE_SKIPPED_IN", 10),
    "contradiction": constant("CONTRADICTION", math.inf),
    "any list is whole": replaced("is_whole", lambda *_, **__: True),
    "the list's own count": concluding(lambda evidence, **_: {"evidence": evolve(evidence, whole=True)}),
    "any known order may be missing": replaced("_must_be_listed", lambda *_, **__: False),
    "any list is fresh": replaced("_is_fresh", lambda *_: True),
    "any number may be skipped": replaced("_may_be_skipped", lambda *_: True),
    "a known id may be it": judging(lambda evidence, **_: {"evidence": evolve(evidence, known={})}),
    "a report in part": judging(lambda rows, **_: {"rows": evolve(rows, whole=True)}),
    "all numbers are readable": lambda patch: patch.setattr(OpenOrder, "is_readable", lambda *_: True),
    "no number rules out an order": judging(lambda rows, evidence, **_: {
        "rows": evolve(rows, numbers=[number for number in rows.numbers if number in evidence.wanted.numbers]),
    }),
    "what is open is another": concluding(lambda verdicts, **_: {
        "verdicts": {
            id: each if each.identity is rules.Identity.IT else each._replace(identity=rules.Identity.ANOTHER)
            for id, each in verdicts.items()
        },
    }),
    "look-alikes": concluding(lambda **_: {"alike": 1}),
    "days by our clock": days_by_one_clock(lambda moment: moment.local),
    "days by the service's": days_by_one_clock(lambda moment: moment.service or moment.local),
    "the service's time now": concluding(lambda evidence, **_: {
        "evidence": evolve(evidence, at=evidence.at._replace(service=evidence.at.service or evidence.at.local)),
    }),
    "the first of several, live": replaced("conclude_live", lambda verdicts, _: next(
        (rules.Conclusion(True, "", id) for id, each in verdicts.items() if each.identity is rules.Identity.IT),
        rules.Conclusion(True, ""),
    )),
}  # fmt: skip
#: Rules that are too shy: too much stays unknown.
SHY = {
    "ten minutes": constant("LISTED_AFTER", 20 * 60),
    "an hour": constant("NEVER_BEHIND", math.inf),
    "a minute": constant("NEAR", 10),
    "four hours": constant("FAR", math.inf),
    "an hour, as shown": constant("FAR_AS_SHOWN", math.inf),
    "the days' edges": constant("EDGE", 0),
    "the longest range": constant("LONGEST", 1),
    "one in twenty": constant("ONE_SKIPPED_IN", 1000),
    "contradiction": constant("CONTRADICTION", 60),
    "known orders show nothing": replaced("_find_shown", lambda *_: []),
    "no list is whole": replaced("is_whole", lambda *_, **__: False),
    "no list is fresh": replaced("_is_fresh", lambda *_: False),
    "no number is readable": lambda patch: patch.setattr(OpenOrder, "is_readable", lambda *_: False),
    "known ids are looked at": judging(lambda evidence, **_: {"evidence": evolve(evidence, known={})}),
    "times rule out nothing": lambda patch: patch.setattr(rules.Place, "is_far", lambda *_: False),
}


@pytest.mark.parametrize("break_rule", BOLD.values(), ids=BOLD)
def test_a_rule_that_is_too_bold_is_noticed(
    break_rule: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some small world shows that it concludes what is not true."""
    break_rule(monkeypatch)
    worlds = once(worlds_with_one_fault) + once(worlds_with_two_faults)
    # One in eleven is mostly enough.
    assert any(map(find_flaw, chain(worlds[::11], worlds)))


@pytest.mark.parametrize("break_rule", SHY.values(), ids=SHY)
def test_a_rule_that_is_too_shy_is_noticed(
    break_rule: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound worlds stay unknown that need not, or too many."""
    break_rule(monkeypatch)
    worlds = once(sound_worlds)
    assert any(unsettled(chain(worlds[::11], worlds))) or too_unknown()
