"""Counts what a process holds."""

from __future__ import annotations

import gc
import os
from pathlib import Path


def open_descriptors() -> int:
    """How many; zero where the system does not tell."""
    own = Path("/proc/self/fd")
    # libuv opens the null device once, and keeps it.
    return sum(_target(entry) not in {"", os.devnull} for entry in own.iterdir()) if own.exists() else 0


def _target(descriptor: Path) -> str:
    # The one that lists the folder is gone when its turn comes.
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def resident_bytes() -> int:
    """Memory; zero where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def live_objects() -> int:
    """Those that the garbage collector knows and cannot free."""
    gc.collect()
    return len(gc.get_objects())
