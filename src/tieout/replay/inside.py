"""Names of files inside a replay set: relative, with slashes, and never out of its folder."""

from __future__ import annotations

from pathlib import PurePosixPath


def inside_problem(name: str) -> str | None:
    """What is wrong with the name of a file of the set; None where nothing is."""
    path = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or path.is_absolute() or ".." in path.parts:
        return f"{name!r} is not the name of a file inside the set, such as events/0001.ndjson"
    return None
