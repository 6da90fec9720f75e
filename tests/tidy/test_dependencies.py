"""Each dependency has a job here and a pinned version: the declared are imported, the imported declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

from tests.tidy.tree import ROOT, sources

BY_NAME_ONLY = {
    "tzdata": "read by zoneinfo",
    "httptools": "uvicorn parses with it",
    "uvloop": "uvicorn loops with it",
    "psycopg": "named in a database URL",
    "pysqlite3": "looked for before the standard library's module, which may be too old",
}
"""Declared without being imported, and why."""

COMES_WITH = {"click": "typer"}
"""Imported beside the distribution that brings it."""


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def imported(text: str) -> set[str]:
    """The top-level modules that a source imports, its own package and the standard library left out."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                found |= {name.name.split(".")[0] for name in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"tieout"}


def mismatches(declared: list[str], used: set[str]) -> list[str]:
    modules = {name.replace("-", "_"): name for name in map(name_of, declared)}
    found = [
        f"{module} is imported and not declared" for module in sorted(used - set(modules) - set(COMES_WITH))
    ]
    return found + [
        f"{name} is declared and never imported"
        for module, name in modules.items()
        if module not in used and name not in BY_NAME_ONLY
    ]


def test_declared_and_imported_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    used = {module for path in sources() for module in imported(path.read_text())}
    found = mismatches(declared, used)
    assert not found, "\n".join(found)


def test_everything_declared_is_pinned() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = whole["project"]
    declared = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    pinned = {name_of(line) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {name_of(one) for one in declared} - pinned == set()
    assert set(whole["build-system"]["requires"]) <= set((ROOT / "constraints.txt").read_text().splitlines())


def test_an_undeclared_and_an_idle_dependency_are_found() -> None:
    used = imported("import os\nimport requests.sessions\nfrom tieout.kernel import money\nimport rich\n")
    assert mismatches(["rich", "Babel>=2"], used) == [
        "requests is imported and not declared",
        "babel is declared and never imported",
    ]
