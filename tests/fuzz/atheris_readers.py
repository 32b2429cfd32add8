"""Every reader of foreign bytes under atheris, which looks for bytes that reach new places in the code.

    python tests/fuzz/atheris_readers.py --seconds 10 answers webhook journal csv

Each target runs in a process of its own, as libFuzzer ends the one that it runs in.
"""

from __future__ import annotations

import argparse
import logging
import re
import subprocess
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]


def _fuzz(target: str, seconds: int, folder: Path) -> None:
    logging.disable()
    warnings.simplefilter("error")
    with atheris.instrument_imports(include=["iletimerkezi_async"]):
        import targets
    work, corpus = folder / "work", folder / "corpus"
    work.mkdir()
    corpus.mkdir()
    for number, seed in enumerate(targets.seeds(target)):
        (corpus / str(number)).write_bytes(seed)
    test = partial(getattr(targets, target), work)
    options = [
        f"-max_total_time={seconds}",
        "-timeout=20",
        "-rss_limit_mb=1024",
        "-max_len=4096",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={tempfile.gettempdir()}/", str(corpus)], test)
    atheris.Fuzz()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("targets", nargs="*", default=["answers", "webhook", "journal", "csv"])
    parser.add_argument("--seconds", type=int, default=10, help="for each target")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        _fuzz(given.targets[0], given.seconds, given.here)
        return
    for target in given.targets:
        _run(target, given.seconds)


def _run(target: str, seconds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, target, "--seconds", str(seconds), "--here", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{target}:\n{done.stdout}{done.stderr}")
    runs = re.search(r"number_of_executed_units: *([0-9]+)", done.stderr)
    sys.stdout.write(f"{target}: {runs[1] if runs else '?'} inputs in {seconds} s\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
