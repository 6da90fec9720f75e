"""What is here is finished: no marks of work to come, no silenced type error without its code."""

from __future__ import annotations

import re

import pytest

from tests.tidy.tree import named, python_files

MARKS = re.compile(
    "|".join(["TO" + "DO", "FIX" + "ME", "Not" + "ImplementedError", r"#\s*type:\s*ignore(?!\[)"])
)
BARE_NOQA = re.compile(r"#\s*noqa(?!:)", re.IGNORECASE)


def leftovers(text: str) -> list[str]:
    return [
        f"line {number}: {line.strip()}"
        for number, line in enumerate(text.splitlines(), 1)
        if MARKS.search(line) or BARE_NOQA.search(line)
    ]


def test_nothing_is_left_over() -> None:
    found = [
        f"{named(path)}: {what}"
        for path in python_files()
        if path.name != "test_leftovers.py"
        for what in leftovers(path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "sample", ["# TO" + "DO: tax", "raise Not" + "ImplementedError", "x = y  # type: ignore", "x = y  # noqa"]
)
def test_a_leftover_is_found(sample: str) -> None:
    assert leftovers(sample)


@pytest.mark.parametrize(
    "sample", ["x = y  # type: ignore[attr-defined]", "x = y  # noqa: S608 constants only"]
)
def test_a_reasoned_exception_passes(sample: str) -> None:
    assert leftovers(sample) == []
