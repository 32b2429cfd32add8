"""Good documents with something wrong in them, as strategies."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

# In characters: documents that are larger are not made many times as large.
_LARGE = 2_000
# Stand for what `json.dumps` would not write.
_DEEP, _LONG, _HUGE = "<deep>", "<long>", "<huge>"
_SPELT_OUT = {
    f'"{_DEEP}"': "[" * 3000 + "]" * 3000,
    _LONG: "5" * 200_000,
    f'"{_HUGE}"': "9" * 5000,
}

_ODD = [
    _DEEP, _LONG, _HUGE, 0, -1, 1, 2**31, 2**63, 2**64, 10**30, 200, "200", 114, 456, 1000, 10**15, "1" * 19,
    "", " ", "NaN", "Infinity", "-inf", "1e999999999", 1e308, "0x10", "1_000", "٣", "\ud800", "\x00",
    "9999-12-31 23:59:59", "0001-01-01T00:00:00+14:00", "31/12/9999 23:59", "0001-01-01", "24:00",
    "+90530123xxxx", "5301234567", "true",
]  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(_ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a document, as its container and its key."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], (dict, list)):
            yield from _places(node[key])


@st.composite
def mutated(draw: st.DrawFn, document: Any, most: int = 3) -> bytes:
    """The document with up to so many of its values replaced, deleted, doubled or wrapped, as JSON."""
    changed = {"": copy.deepcopy(document)}
    for _ in range(draw(st.integers(0, most))):
        places = list(_places(changed))
        container, key = places[draw(st.integers(0, len(places) - 1))]
        value = container[key]
        change = draw(st.sampled_from(["replace", "replace", "delete", "double", "wrap", "add", "many"]))
        if change == "delete" and container is not changed:
            del container[key]
        elif change == "double":
            container[key] = [value, value]
        elif change == "wrap":
            container[key] = {"x": value}
        elif change == "many" and len(json.dumps(changed)) < _LARGE:
            container[key] = [value] * draw(st.sampled_from([30, 1000]))
        elif change == "add" and isinstance(value, dict):
            value[draw(st.text(max_size=5))] = draw(VALUES)
        else:
            container[key] = draw(VALUES)
        # Doubled values must not share their insides, and many of them need none.
        changed = json.loads(json.dumps(changed))
    text = json.dumps(changed[""], ensure_ascii=draw(st.booleans()) or _has_half_letters(changed))
    for short, written in _SPELT_OUT.items():
        text = text.replace(short, written, 2)
    return text.encode()


def _has_half_letters(document: object) -> bool:
    text = json.dumps(document, ensure_ascii=False)
    return any("\ud800" <= letter <= "\udfff" for letter in text)
