"""A failure never becomes a zero: everything is caught by name, except at the entry points listed here."""

from __future__ import annotations

import ast

import pytest

from tests.tidy.tree import ROOT, named, sources

ENTRY_POINTS = {
    "src/tieout/flows/draft_accounts.py": "L15: whatever fails for one account parks it, visibly",
    "src/tieout/flows/seal_accounts.py": "L15: the same at the seal",
    "src/tieout/flows/shared_drafts.py": "L15: what fails in a worker is raised again at the seal",
    "src/tieout/flows/rerate_periods.py": "L15: the same for one period's correction",
    "src/tieout/api/beside.py": "what the storage refuses is told, and tried again; all else is raised",
    "src/tieout/api/entitlements.py": "what one look-up dies of is told to who asked, in the answer",
    "src/tieout/api/group_commit.py": "whatever a thread dies of fails all that waits and ends the process",
    "src/tieout/api/serving.py": "upkeep is told, and tried again",
    "src/tieout/api/supervisor.py": "what a child process dies of is told; its parent sees the code",
}
"""File -> why it may catch what it cannot name."""

BROAD = {"Exception", "BaseException"}


def broad_excepts(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = (
            {inner.id for inner in ast.walk(node.type) if isinstance(inner, ast.Name)} if node.type else BROAD
        )
        passes_on = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in node.body)
        if caught & BROAD and not passes_on:
            found.append(f"line {node.lineno}: a broad except that does not raise again")
    return found


def test_failures_are_caught_by_name() -> None:
    found = [
        f"{named(path)}: {what}"
        for path in sources()
        if named(path) not in ENTRY_POINTS
        for what in broad_excepts(path.read_text())
    ]
    assert not found, "\n".join(found)


def test_every_entry_point_still_needs_its_exception() -> None:
    assert [name for name in ENTRY_POINTS if not broad_excepts((ROOT / name).read_text())] == []


@pytest.mark.parametrize("caught", ["", " Exception", " (ValueError, Exception) as error", " BaseException"])
def test_a_broad_except_is_found(caught: str) -> None:
    assert broad_excepts(f"try:\n    f()\nexcept{caught}:\n    pass\n")


@pytest.mark.parametrize(
    "body", ["except ValueError:\n    pass\n", "except BaseException:\n    undo()\n    raise\n"]
)
def test_a_named_except_and_one_that_raises_again_pass(body: str) -> None:
    assert broad_excepts(f"try:\n    f()\n{body}") == []
