"""Catalog as code: check a folder of TOML documents, and apply it. Applied versions are stored whole and
never change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tieout.contract.catalog import Catalog
from tieout.contract.check import check, read_applied, warnings
from tieout.contract.document import Document, DocumentKind, parse_documents
from tieout.contract.problem import Problem, problem_count, problem_lines
from tieout.flows.home import Home
from tieout.flows.rarely_collected import KEPT_BEFORE_LEFT_ALONE, leave_alone
from tieout.flows.sealed_changes import sealed_problems
from tieout.ingest.example import run_example
from tieout.kernel.errors import IntegrityViolation, NotFound, Refusal, shown

DOCUMENT_FILE_BYTES_MAX = 64 * 1024 * 1024
PROBLEMS_SHOWN_MAX = 20

DocumentKey = tuple[DocumentKind, str, int]


class CatalogRefused(Refusal):
    """The catalog has problems; nothing was applied. `problems` lists all of them."""

    code = "catalog-refused"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        listed = problem_lines(problems, shown_max=PROBLEMS_SHOWN_MAX)
        super().__init__(f"The catalog has {problem_count(problems)}; nothing was applied.\n{listed}")


class CatalogFolderMissing(NotFound):
    """There is no such folder or file."""

    code = "catalog-folder-missing"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"There is no catalog at {folder}.")


class NoSuchCustomer(NotFound):
    """The catalog has no such customer."""

    code = "no-such-customer"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no customer {shown(key)} in the catalog.")


class UnknownKind(Refusal):
    """There is no such kind of document."""

    code = "unknown-kind"

    def __init__(self, kind: str) -> None:
        super().__init__(f"{shown(kind)} is no kind of document; there are {', '.join(DocumentKind)}.")


class CatalogDamaged(IntegrityViolation):
    """The applied documents no longer say what they said when they were applied."""

    code = "catalog-damaged"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        first = "; ".join(str(problem) for problem in problems[:3])
        super().__init__(f"The stored catalog does not hold together any more: {first}")


@dataclass(frozen=True, slots=True)
class CatalogCheck:
    """`catalog` is None where there are problems, and then there are no warnings.

    `documents` are those of the folder, in file order, `fresh` those of them that were not applied before;
    warnings are about them alone, and refuse nothing.
    """

    catalog: Catalog | None
    problems: tuple[Problem, ...]
    documents: tuple[Document, ...]
    fresh: tuple[Document, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogApplied:
    """What an apply added, as (kind, key, version), and how many documents it had seen before."""

    added: tuple[tuple[str, str, int], ...]
    unchanged: int
    warnings: tuple[Problem, ...] = ()


def check_catalog(folder: Path, *, against: Iterable[Document] | None = None) -> CatalogCheck:
    """Every problem of the folder's documents (recursively, `*.toml`), together with those applied before.

    An applied version may be repeated unchanged; repeated with other content it is a problem.
    Raises `CatalogFolderMissing`.
    """
    documents, problems = read_documents(folder)
    return check_documents(documents, problems, against=against)


def check_documents(
    documents: Sequence[Document], problems: Iterable[Problem] = (), *, against: Iterable[Document] | None
) -> CatalogCheck:
    """The same for documents that were read already, with the problems that reading found."""
    problems = list(problems)
    known = {_key(document): document for document in against or ()}
    fresh = []
    for document in documents:
        before = known.get(_key(document))
        if before is None:
            fresh.append(document)
        elif before.digest != document.digest:
            message = (
                f"version {document.version} was applied with other content; give the change a new version"
            )
            problems.append(document.problem("version", message))
    together = [*known.values(), *fresh]
    catalog, found = check(together, run_example=run_example)
    problems += found
    if problems or catalog is None:
        return CatalogCheck(None, tuple(problems), tuple(documents))
    names = {document.name for document in documents}
    warned = [warning for warning in warnings(catalog, together) if warning.key in names]
    return CatalogCheck(catalog, (), tuple(documents), tuple(fresh), tuple(warned))


def check_at_home(home: Home, folder: Path) -> CatalogCheck:
    """The same together with what the home has applied and sealed: a sealed period is not changed here."""
    return _check_at_home(home, *read_documents(folder))


def _check_at_home(home: Home, documents: Sequence[Document], problems: Iterable[Problem]) -> CatalogCheck:
    checked = check_documents(documents, problems, against=home.books.documents.all())
    if checked.catalog is None:
        return checked
    refused = sealed_problems(home, load_catalog(home), checked.catalog, checked.fresh)
    return replace(checked, catalog=None, problems=tuple(refused)) if refused else checked


def apply_catalog(home: Home, folder: Path) -> CatalogApplied:
    """Checks the folder together with what is applied and sealed, then stores what is new. Raises
    `CatalogRefused`, and `ReadinessOpen` where an open item of readiness refuses it.
    """
    documents, problems = read_documents(folder)
    return apply_documents(home, documents, problems)


def apply_documents(
    home: Home, documents: Sequence[Document], problems: Iterable[Problem] = ()
) -> CatalogApplied:
    """The same for documents that were read already."""
    checked = _check_at_home(home, documents, problems)
    if checked.catalog is None:
        raise CatalogRefused(checked.problems)
    fresh = checked.fresh
    home.refuse_change(home, frozenset(document.kind for document in fresh), fresh=fresh)
    home.books.documents.add(fresh, applied_at=home.clock.now())
    added = tuple((document.kind.value, document.key, document.version) for document in fresh)
    return CatalogApplied(added, len(checked.documents) - len(fresh), checked.warnings)


def load_catalog(home: Home) -> Catalog:
    """The applied catalog; read again only when something was applied since. Raises `CatalogDamaged`."""
    store = home.books.documents
    revision = store.revision()
    if home.memory.catalog is not None and home.memory.revision == revision:
        return home.memory.catalog
    documents = store.all()
    catalog, problems = read_applied(documents)
    if catalog is None or problems:
        raise CatalogDamaged(tuple(problems))
    home.memory.revision, home.memory.catalog = revision, catalog
    if len(documents) >= KEPT_BEFORE_LEFT_ALONE:
        leave_alone()
    return catalog


def stored_documents(home: Home, *, kind: str | None = None, key: str | None = None) -> tuple[Document, ...]:
    """Applied documents by kind, key and version. Raises `UnknownKind`."""
    if kind is not None and kind not in tuple(DocumentKind):
        raise UnknownKind(kind)
    found = [
        document
        for document in home.books.documents.all()
        if kind in (None, document.kind.value) and key in (None, document.key)
    ]
    return tuple(sorted(found, key=lambda document: (document.kind.value, document.key, document.version)))


def read_documents(folder: Path) -> tuple[list[Document], list[Problem]]:
    """All documents of a folder, or of one file, in order of path. Raises `CatalogFolderMissing`."""
    if not folder.exists():
        raise CatalogFolderMissing(folder)
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.toml"))
    documents: list[Document] = []
    problems: list[Problem] = []
    if not files:
        problems.append(Problem(str(folder), "", "", "holds no .toml file"))
    for file in files:
        text = _text_of(file)
        if isinstance(text, Problem):
            problems.append(text)
            continue
        found, wrong = parse_documents(str(file), text)
        documents += found
        problems += wrong
    return documents, problems


def _text_of(file: Path) -> str | Problem:
    try:
        if file.stat().st_size > DOCUMENT_FILE_BYTES_MAX:
            return Problem(str(file), "", "", f"is larger than {DOCUMENT_FILE_BYTES_MAX} bytes")
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return Problem(str(file), "", "", f"is not UTF-8 at byte {error.start}")
    except OSError as error:
        return Problem(str(file), "", "", f"cannot be read: {error.strerror}")


def _key(document: Document) -> DocumentKey:
    return (document.kind, document.key, document.version)
