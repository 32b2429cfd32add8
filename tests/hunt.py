"""Search for a second SMS, for a lost recipient, for a wrong id: at random, until the time is up.

    .venv/bin/python tests/hunt.py --minutes 60

The suite makes the same few examples each time; here each round has new ones. What is found is printed with what makes
it again, and ends the search with 1.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
SEARCHES = [
    "tests/stores/test_keys_interrupted.py",
    "tests/stores/test_paused.py",
    "tests/stores/test_journal.py::test_cancelled_at_random_moments_and_resumed",
    "tests/orders/test_searching_in_worlds.py",
    "tests/model/test_model.py",
]
#: Seeds of a round for the owners of `interleavings`: keys and campaigns, with and without power cuts.
TRACES = 2000


def search(name: str, seed: int) -> int:
    """Make one search with new examples."""
    command = [
        sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-profile=hunt",
        f"--hypothesis-seed={seed}", name,
    ]  # fmt: skip
    return report(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False))


def interleave(seed: int) -> int:
    """Let owners of keys and runs of campaigns overtake each other on a log in memory."""
    code = f"""
import sys
sys.path[:0] = ["tests", "tests/stores"]
from test_life_model import InMemory, begin_campaign, begin_key, trace
for seed in range({seed}, {seed} + {TRACES}):
    for begin in begin_key, begin_campaign:
        trace(InMemory(), begin, seed, power_cuts=seed % 2 == 0)
"""
    return report(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False))


def tell(line: str) -> None:
    """Print at once, also into a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def report(ended: subprocess.CompletedProcess[str]) -> int:
    """Print what was found; how the search ended."""
    if ended.returncode:
        tell(f"{ended.stdout}\n{ended.stderr}")
    return ended.returncode


def main() -> int:
    """Go round the searches, each with a seed of its own, until the time is up; what has begun is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    end = time.monotonic() + 60 * parser.parse_args().minutes
    rounds: Counter[str] = Counter()
    while time.monotonic() < end:
        for name in [*SEARCHES, "interleavings"]:
            seed = random.SystemRandom().randrange(2**31)
            if interleave(seed) if name == "interleavings" else search(name, seed):
                tell(f"found by {name} with seed {seed}, after {dict(rounds)}")
                return 1
            rounds[name] += 1
            if time.monotonic() > end:
                break
    tell(f"nothing was found; rounds: {dict(rounds)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
