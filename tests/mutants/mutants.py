"""Changes lines that decide, one at a time, and tells which changes no test notices.

    python tests/mutants/mutants.py --minutes 60
    python tests/mutants/mutants.py --only 'orders/e*' --seed 7 --kept /tmp/measured

First the tests run once to see which of them comes through which line, which takes minutes; with `--kept` this is done
once for several runs, as long as neither the code nor the tests are others than then. Stores that need a server are
judged where the tests are told of one, as `.ci/run` does. `equivalents.json` lists, each with its reason, the changes
that alter nothing that anyone could see.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import measuring
from changes import Change, changes
from judging import Bench
from measuring import FOLDERS, PACKAGE, Measured

EQUIVALENTS = Path(__file__).with_name("equivalents.json")
_MOST_TESTS = 1500
# Seconds of a test that costs next to nothing.
_QUICK = 0.05


class Mutant(NamedTuple):
    """A change of one file, named as within the package."""

    file: str
    change: Change

    def __str__(self) -> str:
        place = f"{self.file}:{self.change.lines[0]} ({self.change.scope or 'module'})"
        return f"{place}\n    {_line(self.change.before)}\n    {_line(self.change.after)}"


def mutants(only: Iterable[str], scope: str = "*") -> list[Mutant]:
    """All that there are in the files and functions that are asked for, but for the equivalents."""
    equivalents = json.loads(EQUIVALENTS.read_text("utf-8"))
    found = []
    for path in sorted(path for folder in FOLDERS for path in (PACKAGE / folder).glob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        if any(fnmatch(file, pattern) for pattern in only):
            found += [Mutant(file, change) for change in changes(path.read_text("utf-8"))]
    return [each for each in found if fnmatch(each.change.scope, scope) and not is_listed(*each, equivalents)]


def is_listed(file: str, change: Change, equivalents: list[dict[str, str]]) -> bool:
    """Whether a change is one of the equivalents, by the words of its source and not by its line."""
    sought = {"file": file, "scope": change.scope, "before": _line(change.before), "after": _line(change.after)}
    return any(sought.items() <= each.items() for each in equivalents)


def _line(text: str) -> str:
    return " ".join(text.split())


def _chosen(mutant: Mutant, measured: Measured, most: float) -> list[str]:
    """The tests to run, the likeliest to notice first: a case of each function, its own folder's, the quick ones."""
    cases: Counter[str] = Counter()
    own = f"tests/{mutant.file.partition('/')[0]}/"
    ranked = []
    for test in sorted(measured.tests_of(PACKAGE / mutant.file, mutant.change.lines), key=measured.seconds.__getitem__):
        function = test.partition("[")[0]
        needed = measured.seconds[test]
        # All cases of a quick table, which are its edges, cost less than one of another test.
        rank = min(cases[function], 1) if needed < _QUICK else cases[function]
        ranked.append((rank, not test.startswith(own), needed, test))
        cases[function] += 1
    chosen: list[str] = []
    seconds = 0.0
    for *_, needed, test in sorted(ranked):
        if not chosen or (seconds + needed <= most and len(chosen) < _MOST_TESTS):
            chosen.append(test)
            seconds += needed
    return chosen


def _judge(tried: list[Mutant], measured: Measured, given: argparse.Namespace) -> Iterator[tuple[Mutant, bool]]:
    """Each with whether it was noticed, until the time is over."""
    end, is_checked = time.monotonic() + 60 * given.minutes, False
    with closing(Bench()) as bench:
        for mutant in tried:
            if time.monotonic() > end:
                return
            path, tests = PACKAGE / mutant.file, _chosen(mutant, measured, given.seconds)
            source = path.read_text("utf-8")
            if tests and not is_checked and bench.is_noticed(path, source, tests, measured.seconds):
                sys.exit("the tests fail without a change")
            is_checked = is_checked or bool(tests)
            text = mutant.change.applied(source)
            yield mutant, bool(tests) and bench.is_noticed(path, text, tests, measured.seconds)


def _try_all(tried: list[Mutant], measured: Measured, given: argparse.Namespace) -> None:
    start, survivors = time.monotonic(), 0
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for count, (mutant, noticed) in enumerate(_judge(tried, measured, given), 1):
        for name in (mutant.file.partition("/")[0], "all"):
            sums[name][0] += noticed
            sums[name][1] += 1
        if not noticed:
            survivors += 1
            _tell(f"survived: {mutant}")
        _tell(f"{count} of {len(tried)}, {survivors} survived, {time.monotonic() - start:.0f} s: {mutant.file}")
    for name, (killed, count) in sums.items():
        _tell(f"{name}: {killed} of {count} noticed, {killed / count:.0%}")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop trying after so long")
    parser.add_argument("--seconds", type=float, default=30.0, help="of tests for one change, as they were measured")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="GLOB", help="files, as orders/once.py")
    parser.add_argument("--scope", default="*", metavar="GLOB", help="functions, as Budget.*")
    parser.add_argument("--seed", type=int, default=0, help="another seed tries them in another order")
    parser.add_argument("--kept", type=Path, help="where the measurement is kept, and found again")
    parser.add_argument("--list", action="store_true", help="tell the changes without trying them")
    given = parser.parse_args()
    tried = mutants(given.only, given.scope)
    random.Random(given.seed).shuffle(tried)
    if given.list:
        _tell("\n".join(map(str, tried)))
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = given.kept or Path(folder)
        if not (kept / "seconds.json").exists():
            # Not in this process: the mutants' are forked from it, and would find the unchanged package imported.
            subprocess.run([sys.executable, measuring.__file__, kept], check=True)
        _try_all(tried, Measured(kept), given)


if __name__ == "__main__":
    _main()
