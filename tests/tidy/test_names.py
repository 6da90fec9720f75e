"""A name says what a thing is. These say nothing, so no file, folder or class is called so."""

from __future__ import annotations

import ast
import re
from pathlib import PurePath

import pytest

from tests.tidy.tree import ROOT, files

EMPTY_WORDS = {"util", "helper", "common", "manager", "service", "misc", "base"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def empty_words(name: str) -> list[str]:
    """The words of a snake_case, kebab-case or CamelCase name that say nothing."""
    return [word for word in WORD.findall(name) if word.lower().removesuffix("s") in EMPTY_WORDS]


def badly_named(path: PurePath, text: str) -> list[str]:
    found = [f"the path part {part}" for part in path.parts if empty_words(PurePath(part).stem)]
    if path.suffix == ".py":
        found += [
            f"line {node.lineno}: class {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ClassDef) and empty_words(node.name)
        ]
    return found


def test_names_say_something() -> None:
    found = []
    for path in files():
        place = path.relative_to(ROOT)
        text = path.read_text() if path.suffix == ".py" else ""
        found += [f"{place}: {what}" for what in badly_named(place, text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/tieout/utils.py", ""),
        ("src/tieout/common/money.py", ""),
        ("docs/misc-notes.md", ""),
        ("src/tieout/close/run.py", "class CloseManager: ..."),
        ("src/tieout/close/run.py", "class BillingServices: ..."),
    ],
)
def test_an_empty_name_is_found(path: str, text: str) -> None:
    assert badly_named(PurePath(path), text)


def test_telling_names_pass() -> None:
    assert badly_named(PurePath("src/tieout/store/database.py"), "class ServicedRoute: ...") == []
