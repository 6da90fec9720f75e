"""What is written beside the code keeps step with it: docstrings, code map, package READMEs, decisions."""

from __future__ import annotations

import ast
import re

from tests.tidy.tree import PACKAGE, PATH, ROOT, named, packages, python_files

PACKAGE_HEADINGS = ["Purpose", "Owns", "Does not own", "Records in and out", "Invariants", "How to add one"]
DECISION_HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]
ARCHITECTURE_HEADINGS = [
    "What it is",
    "Goals, in order",
    "The path",
    "Ground and derived state",
    "Code map",
    "Identity and digests",
    "The named times",
    "Money",
    "What a crash can leave",
    "What evidence proves, and what it does not",
    "Testing map",
    "Decisions",
    "References",
]


def headings(text: str) -> list[str]:
    """The second-level headings of a Markdown text."""
    return re.findall(r"^## (.+?)\s*$", text, re.MULTILINE)


def section(text: str, heading: str) -> str:
    """What stands under a second-level heading, up to the next one."""
    found = re.search(rf"^## {re.escape(heading)}\s*$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def unmapped(code_map: str, present: list[str]) -> list[str]:
    """The packages that a code map leaves out, and those it names that are not there."""
    rows = re.findall(r"^\| `([a-z_]+)(?:/|\.py)?` \|", code_map, re.MULTILINE)
    return [f"{name} is left out" for name in present if name not in rows] + [
        f"{name} is not there" for name in rows if name not in present
    ]


def undocumented(text: str) -> bool:
    return not ast.get_docstring(ast.parse(text))


def test_every_module_states_its_rule() -> None:
    found = [named(path) for path in python_files() if undocumented(path.read_text())]
    assert not found, "\n".join(found)


def test_every_package_has_a_docstring() -> None:
    folders = {path for path in PACKAGE.rglob("*") if path.is_dir() and any(path.glob("*.py"))}
    found = [named(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()]
    assert not found, "\n".join(found)


def test_the_code_map_names_every_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    found = unmapped(section(text, "Code map"), packages())
    assert not found, "\n".join(found)


def test_architecture_has_its_headings() -> None:
    assert headings((ROOT / "ARCHITECTURE.md").read_text()) == ARCHITECTURE_HEADINGS


def test_packages_of_the_path_have_a_readme_under_six_headings() -> None:
    found = []
    readmes = sorted({*PACKAGE.rglob("README.md"), *(PACKAGE / name / "README.md" for name in PATH)})
    for readme in readmes:
        if not readme.exists():
            found.append(f"{named(readme)} is missing")
        elif headings(readme.read_text()) != PACKAGE_HEADINGS:
            found.append(f"{named(readme)}: {headings(readme.read_text())}")
    assert not found, "\n".join(found)


def test_decision_records_are_numbered_without_gaps_and_complete() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [
        f"{number:04}" for number in range(1, len(records) + 1)
    ]
    architecture = section((ROOT / "ARCHITECTURE.md").read_text(), "Decisions")
    for record in records:
        text = record.read_text()
        assert text.startswith(f"# {record.name[:4]} "), record.name
        assert headings(text) == DECISION_HEADINGS, record.name
        assert f"docs/decisions/{record.name}" in architecture, f"ARCHITECTURE does not list {record.name}"


def test_links_between_documents_lead_somewhere() -> None:
    found = []
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *PACKAGE.rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text()):
            if not (document.parent / target).exists():
                found.append(f"{named(document)}: {target}")
    assert not found, "\n".join(found)


def test_a_package_left_out_of_the_map_is_found() -> None:
    code_map = "| `kernel/` | words |\n| `ports.py` | ports |\n| `gone/` | was here |\n"
    assert unmapped(code_map, ["kernel", "ports", "rate"]) == ["rate is left out", "gone is not there"]


def test_a_missing_docstring_is_found() -> None:
    assert undocumented("x = 1\n")
    assert not undocumented('"""The rule."""\nx = 1\n')


def test_headings_and_sections_are_read() -> None:
    text = "# T\n\n## Purpose\nwhy\n\n### detail\n\n## Owns\nthat\n"
    assert headings(text) == ["Purpose", "Owns"]
    assert section(text, "Purpose").split() == ["why", "###", "detail"]
