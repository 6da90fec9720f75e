"""What is written beside the code keeps step with it: docstrings, code map, package READMEs, decisions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.tidy.tree import PACKAGE, ROOT, named, packages, python_files

PACKAGE_HEADINGS = ["Purpose", "Owns", "Does not own", "Records in and out", "Invariants", "How to add one"]
DECISION_HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]
ARCHITECTURE_HEADINGS = [
    "What it is",
    "Goals, in order",
    "The laws",
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


def missing_files(text: str, folders: list[Path]) -> list[str]:
    """The Python files, and patterns of them, that a text names and that none of the folders holds."""
    named_files = re.findall(r"`([\w/*]+\.py)`", text)
    return [name for name in named_files if not any(any(folder.glob(name)) for folder in folders)]


def test_every_package_has_a_readme_under_six_headings() -> None:
    found = []
    folders = [PACKAGE / name for name in packages() if (PACKAGE / name).is_dir()]
    readmes = sorted({*PACKAGE.rglob("README.md"), *(folder / "README.md" for folder in folders)})
    for readme in readmes:
        if not readme.exists():
            found.append(f"{named(readme)} is missing")
        elif headings(readme.read_text()) != PACKAGE_HEADINGS:
            found.append(f"{named(readme)}: {headings(readme.read_text())}")
    assert not found, "\n".join(found)


def test_documents_name_files_that_are_there() -> None:
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    code_map = section(architecture, "Code map")
    rows = re.findall(r"^\| `([a-z]+)/` \|(.*)$", code_map, re.MULTILINE)
    texts = [(f"ARCHITECTURE.md, {name}", row, PACKAGE / name) for name, row in rows]
    texts += [("ARCHITECTURE.md", re.sub(r"^\|.*$", "", architecture, flags=re.MULTILINE), ROOT)]
    for document in [*(ROOT / "docs").rglob("*.md"), *PACKAGE.rglob("*.md")]:
        at = document.parent if document.is_relative_to(PACKAGE) else ROOT
        texts.append((named(document), document.read_text(), at))
    found = [
        f"{name}: {missing}"
        for name, text, at in texts
        for missing in missing_files(text, [at, PACKAGE, ROOT])
    ]
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


def test_a_file_that_is_not_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "rate.py").touch()
    (tmp_path / "shape_flat.py").touch()
    text = "`rate.py`, `shape_*.py`, `gone.py`, `rate/gone_*.py`, gone.py without ticks"
    assert missing_files(text, [tmp_path / "none", tmp_path]) == ["gone.py", "rate/gone_*.py"]


def test_a_missing_docstring_is_found() -> None:
    assert undocumented("x = 1\n")
    assert not undocumented('"""The rule."""\nx = 1\n')


def test_headings_and_sections_are_read() -> None:
    text = "# T\n\n## Purpose\nwhy\n\n### detail\n\n## Owns\nthat\n"
    assert headings(text) == ["Purpose", "Owns"]
    assert section(text, "Purpose").split() == ["why", "###", "detail"]
