"""A law that is cited by its number is stated in ARCHITECTURE.md, with the tests that hold it."""

from __future__ import annotations

import re

from tests.tidy.test_documents import section
from tests.tidy.tree import ROOT, files, named

CITATION = re.compile(r"\bL[0-9]+\b")
ROW = re.compile(r"^\| (L[0-9]+) \| .+ \| (.+) \|$", re.MULTILINE)


def stated(architecture: str) -> dict[str, list[str]]:
    """The tests that hold each law of the table."""
    rows = ROW.findall(section(architecture, "The laws"))
    return {law: re.findall(r"`(tests/[\w/]+\.py)`", tests) for law, tests in rows}


def unstated(text: str, laws: dict[str, list[str]]) -> list[str]:
    return [
        f"line {number}: {law}"
        for number, line in enumerate(text.splitlines(), 1)
        for law in CITATION.findall(line)
        if law not in laws
    ]


def test_every_cited_law_is_stated() -> None:
    laws = stated((ROOT / "ARCHITECTURE.md").read_text())
    found = [
        f"{named(path)}: {what}"
        for path in files()
        if path.suffix in {".py", ".md"}
        for what in unstated(path.read_text(), laws)
    ]
    assert not found, "\n".join(found)


def test_every_law_names_tests_that_are_there() -> None:
    laws = stated((ROOT / "ARCHITECTURE.md").read_text())
    assert laws
    assert [law for law, tests in laws.items() if not tests] == []
    assert [test for tests in laws.values() for test in tests if not (ROOT / test).is_file()] == []


def test_a_law_that_is_not_stated_is_found() -> None:
    laws = stated(
        "## The laws\n\n| law | holds | by |\n|---|---|---|\n| L1 | sums | `tests/a.py`, `tests/b/c.py` |\n"
    )
    assert laws == {"L1": ["tests/a.py", "tests/b/c.py"]}
    law = "L" + "99"
    assert unstated(f"as L1 says\nand {law}\n", laws) == [f"line 2: {law}"]
