"""The second billing system and the script of the replay sets are a proof only while they share nothing with
the first."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.tidy.tree import ROOT, named

OWN = ("tests.independent", "tests.real_usage")


def foreign_imports(text: str) -> list[str]:
    """Imports of anything but the standard library and the second system itself, wherever they stand."""
    found = []
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "" if node.level == 0 else "."]
        elif isinstance(node, ast.Name) and node.id in {"__import__", "import_module", "eval", "exec"}:
            names = [node.id]
        found += [
            f"line {node.lineno}: {name}"
            for name in names
            if not name.startswith(OWN) and name.split(".")[0] not in sys.stdlib_module_names - {"importlib"}
        ]
    return found


def test_the_second_system_shares_nothing() -> None:
    for folder, least in (("tests/independent", 10), ("tests/real_usage", 8)):
        sources = [file for file in (ROOT / folder).glob("*.py") if not file.name.startswith("test_")]
        assert len(sources) > least
        found = [f"{named(file)}: {what}" for file in sources for what in foreign_imports(file.read_text())]
        assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "sample",
    [
        "import tieout",
        "from tieout.rate import rate",
        "from tests.records import price",
        "from . import play",
        "def f():\n    import numpy",
        "__import__('tieout')",
        "import importlib",
    ],
)
def test_a_foreign_import_is_found(sample: str) -> None:
    assert foreign_imports(sample)


@pytest.mark.parametrize(
    "sample", ["from fractions import Fraction", "from tests.independent.log import Log"]
)
def test_its_own_and_the_standard_library_pass(sample: str) -> None:
    assert foreign_imports(sample) == []
