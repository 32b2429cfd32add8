"""Which changes a source yields, and that the list of equivalents is about what there is."""

from __future__ import annotations

import json
from textwrap import dedent

import changes
import pytest
from measuring import PACKAGE
from mutants import EQUIVALENTS, is_listed


def made(source: str) -> list[str]:
    source = dedent(source)
    return [" ".join(change.applied(source).split()) for change in changes.changes(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["(a <= b)", "(a >= b)"]),
        ("a <= b < c", ["(a < b < c)", "(a <= b <= c)", "(a <= b >= c)", "(a > b < c)"]),
        ("a is not b", ["(a is b)"]),
        ("a and b or c", ["(b) or c", "(a) or c", "(c)", "(a and b)"]),
        ("not a", ["(a)"]),
        ("a + 3", ["(a - 3)", "a + (4)"]),
        ("LIMIT = 50", ["LIMIT = (100)"]),
        ("f(x, flag=True)", ["pass", "f(x, flag=(False))"]),
        ("'İzin' + f'{a + 1}'", []),
        ("assert a < b", []),
        (
            "def f(a: int = 1) -> int | None: return",
            ["def f(a: int = (2)) -> int | None: return", "def f(a: int = 1) -> int | None: pass"],
        ),
    ],
)
def test_each_slip_is_made_once(source: str, expected: list[str]) -> None:
    """Each by itself, and nothing in what is only read: annotations, assertions, words."""
    assert sorted(made(source)) == sorted(expected)


def test_equivalents_are_changes_that_there_are() -> None:
    """Each with its reason; one that no source yields any more would hide what comes in its place."""
    listed = json.loads(EQUIVALENTS.read_text("utf-8"))
    there = {name: changes.changes((PACKAGE / name).read_text("utf-8")) for name in {each["file"] for each in listed}}
    for each in listed:
        assert set(each) == {"file", "scope", "before", "after", "reason"}
        assert each["reason"]
        assert any(is_listed(name, change, [each]) for name, found in there.items() for change in found), each
