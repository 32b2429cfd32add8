"""Keeps what a new edition of the stores' tables looks like, and the version of the library that made it.

    .venv/bin/python tests/stores/keep_edition.py

Run once for each new edition, on the commit that adds it; `test_editions` has every later version read what it keeps.
"""

from __future__ import annotations

import sys
import zipfile
from itertools import chain
from pathlib import Path

import iletimerkezi_async
from iletimerkezi_async.stores import postgres, sqlite
from iletimerkezi_async.stores.sql import EDITIONS, spell

FOLDER = Path(__file__).parent / "editions"
#: What no store needs.
LEFT_OUT = {"cli", "sandbox", "__pycache__"}


def main() -> None:
    """Write the statements of each engine, and the package without the command and the sandbox."""
    edition = len(EDITIONS)
    for name, dialect in (("sqlite", sqlite.DIALECT), ("postgres", postgres.DIALECT)):
        statements = [f"{spell(statement, dialect)};\n" for statement in chain(*EDITIONS)]
        (FOLDER / f"{edition}.{name}.sql").write_text("".join(statements))
    package = Path(iletimerkezi_async.__file__).parent
    with zipfile.ZipFile(FOLDER / f"{edition}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(package.rglob("*.py")):
            inside = path.relative_to(package.parent)
            if not LEFT_OUT & set(inside.parts):
                archive.write(path, inside)
    sys.stdout.write(f"kept edition {edition}\n")


if __name__ == "__main__":
    main()
