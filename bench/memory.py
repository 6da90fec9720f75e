"""How much memory a process has in use."""

from __future__ import annotations

from pathlib import Path


def resident_bytes(process: int | str = "self") -> int:
    """Pages in memory now, those of mapped files included."""
    return _kibibytes(process, "VmRSS:") * 1_024


def peak_bytes(process: int | str = "self") -> int:
    """The most that was in memory at once since the process began."""
    return _kibibytes(process, "VmHWM:") * 1_024


def _kibibytes(process: int | str, name: str) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0
