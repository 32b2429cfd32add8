"""The entry point of the command `iletimerkezi`, also as `python -m iletimerkezi_async`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, or say what must be installed for it."""
    try:
        from .cli import run  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("iletimerkezi_async"):
            raise
        sys.exit(f"iletimerkezi: {error.name} is missing; the command needs: pip install 'iletimerkezi-async[cli]'")
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
