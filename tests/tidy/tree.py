"""The files of this checkout, less what `.gitignore` leaves out. Git may be missing where tests run."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tieout"
CORE = (
    "kernel",
    "table",
    "contract",
    "ingest",
    "aggregate",
    "balance",
    "ledger",
    "notice",
    "rate",
    "invoice",
    "correction",
    "close",
    "evidence",
    "trigger",
    "dispute",
    "replay",
    "readiness",
)
"""The packages that hold the rules and touch no world."""


@cache
def ignored() -> tuple[str, ...]:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return (".git", *(line.rstrip("/") for line in lines if line and not line.startswith("#")))


def walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in ignored()):
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


@cache
def files() -> tuple[Path, ...]:
    return tuple(walk(ROOT))


def named(path: Path) -> str:
    """The path as the findings write it: from the root of the checkout, with slashes."""
    return path.relative_to(ROOT).as_posix()


def sources() -> list[Path]:
    """Every Python file of the product."""
    return [path for path in files() if path.suffix == ".py" and path.is_relative_to(PACKAGE)]


def python_files() -> list[Path]:
    """Every Python file of the checkout: the product, its tests and its benchmark."""
    return [path for path in files() if path.suffix == ".py"]


def core_sources() -> list[Path]:
    return [path for path in sources() if path.relative_to(PACKAGE).parts[0] in CORE]


def packages() -> list[str]:
    """The names directly under the package: its folders, and its modules beside `__init__`."""
    return sorted(
        path.stem
        for path in PACKAGE.iterdir()
        if (path.is_dir() and any(path.rglob("*.py"))) or (path.suffix == ".py" and path.stem != "__init__")
    )


def text_of(path: Path) -> str | None:
    """The text of a file, or nothing for one that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
