"""Phone numbers as lists hold them, and how fast they are cleaned."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from iletimerkezi_async.numbers import clean_number, clean_numbers

from .harness import Findings, Goal, Panel, Row, in_turn

_COUNT = 500_000
# As many at a time as a campaign cleans.
_PIECE = 400


def spelled(count: int, seed: int = 1, bad: float = 0.001) -> Iterator[str]:
    """Numbers in mixed spellings, spread over all that there could be; a few are landlines."""
    draw = random.Random(seed)
    for _ in range(count):
        digits = f"5{draw.randrange(10**9):09}"
        choice = draw.random()
        if choice < bad:
            yield "0212" + digits[:7]
        elif choice < 0.3:
            yield "0" + digits
        elif choice < 0.5:
            yield digits
        elif choice < 0.65:
            yield f"0{digits[:3]} {digits[3:6]} {digits[6:8]} {digits[8:]}"
        elif choice < 0.75:
            yield f"+90 {digits[:3]} {digits[3:6]} {digits[6:8]} {digits[8:]}"
        elif choice < 0.85:
            yield "+90" + digits
        elif choice < 0.92:
            yield "90" + digits
        elif choice < 0.97:
            yield f"(0{digits[:3]}) {digits[3:6]}-{digits[6:]}"
        else:
            yield "0090" + digits


def cleaning() -> Findings:
    """Mixed spellings, some hundred at a time, as a campaign cleans them; and each by itself."""
    values = list(spelled(_COUNT))

    def together() -> float:
        began = time.perf_counter()
        for start in range(0, _COUNT, _PIECE):
            clean_numbers(values[start : start + _PIECE])
        return _COUNT / (time.perf_counter() - began)

    def one_by_one() -> float:
        began = time.perf_counter()
        for value in values:
            clean_number(value)
        return _COUNT / (time.perf_counter() - began)

    rates = in_turn({"together": together, "one by one": one_by_one})
    rows = [Row("numbers cleaned a second, mixed spellings", rates["together"], goal=Goal(2_500_000, at_least=True))]
    return Findings(rows, [Panel("cleaning of mixed spellings", "numbers a second", rates)])
