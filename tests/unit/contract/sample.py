"""The sample catalog of tests/scenarios/catalogs/llm_gateway, whole or with some of its text replaced."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tieout.contract.catalog import Catalog
from tieout.contract.check import check
from tieout.contract.document import Document, parse_documents
from tieout.contract.event_contract import EventContract
from tieout.contract.problem import Problem

FOLDER = Path(__file__).parents[2] / "scenarios" / "catalogs" / "llm_gateway"


@cache
def texts() -> dict[str, str]:
    """File name to text."""
    return {path.name: path.read_text() for path in sorted(FOLDER.glob("*.toml"))}


def documents_of(files: dict[str, str]) -> tuple[list[Document], list[Problem]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for name, text in files.items():
        found, wrong = parse_documents(name, text)
        documents += found
        problems += wrong
    return documents, problems


def sample_catalog() -> Catalog:
    documents, problems = documents_of(texts())
    catalog, more = check(documents)
    assert catalog is not None, [*problems, *more]
    return catalog


def with_changes(*changes: tuple[str, str, str]) -> dict[str, str]:
    """(file, old, new) each: the first `old` of the file becomes `new`; an empty `old` appends."""
    files = dict(texts())
    for name, old, new in changes:
        assert old in files[name], f"{name} has no {old!r}"
        files[name] = files[name].replace(old, new, 1) if old else f"{files[name]}\n{new}"
    return files


def problems_of(files: dict[str, str]) -> list[Problem]:
    """What a person is shown for these files, without the examples."""
    documents, problems = documents_of(files)
    _, more = check(documents)
    return problems + more


def accepts_everything(_contract: EventContract, _event: str) -> str | None:
    return None
