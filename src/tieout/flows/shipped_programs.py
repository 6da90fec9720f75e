"""The fee programs that are shipped as TOML with this package, and how a home takes one up.

A shipped document is in force nowhere by itself: adding it goes through the same check as any catalog, and
stores it whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from tieout.contract.document import Document, DocumentKind, in_force_from, parse_documents, record_of
from tieout.contract.event_contract import EventContract
from tieout.contract.meter import Meter
from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.flows.apply_catalog import CatalogApplied, apply_documents
from tieout.flows.home import Home
from tieout.kernel.errors import NotFound, shown
from tieout.kernel.instant import Instant

SHIPPED = files("tieout.contract") / "shipped"


class NoSuchProgram(NotFound):
    """No program of that name is shipped."""

    code = "no-such-program"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        meant = get_close_matches(name, known, n=1)
        hint = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(known)}."
        super().__init__(f"No program {shown(name)} is shipped; {hint}")


@dataclass(frozen=True, slots=True)
class ShippedProgram:
    """All versions of one program, with every document that they rest on: event contracts, meters, prices.

    `text` is the TOML of these documents as it is shipped; `program` the latest version.
    """

    program: Program
    prices: tuple[Price, ...]
    meters: tuple[Meter, ...]
    contracts: tuple[EventContract, ...]
    documents: tuple[Document, ...]
    text: str


def list_programs() -> tuple[ShippedProgram, ...]:
    """Every shipped program, by key."""
    documents = [document for document, _ in _shipped()]
    keys = sorted({document.key for document in documents if document.kind is DocumentKind.PROGRAM})
    return tuple(_program(key) for key in keys)


def find_program(name: str) -> ShippedProgram:
    """The shipped program of that key. Raises `NoSuchProgram`."""
    known = [shipped.program.key for shipped in list_programs()]
    if name not in known:
        raise NoSuchProgram(name, known)
    return _program(name)


def add_program(home: Home, name: str, *, since: Instant | None = None) -> CatalogApplied:
    """Applies the program's documents to the home. Raises `NoSuchProgram` and `CatalogRefused`.

    `since`: from when this home holds them (None: from their own instants). What the home has already, maybe
    from another instant, stays as it is.
    """
    applied = {(each.kind, each.key, each.version): each for each in home.books.documents.all()}
    coming = []
    for document in find_program(name).documents:
        mine = document if since is None else in_force_from(document, since)
        before = applied.get((document.kind, document.key, document.version))
        if before is not None and in_force_from(mine, before.effective_from).digest == before.digest:
            mine = before
        coming.append(mine)
    return apply_documents(home, coming)


@cache
def _shipped() -> tuple[tuple[Document, str], ...]:
    """Each document with its own lines of the file, in order of file and place."""
    found: list[tuple[Document, str]] = []
    for file in sorted(SHIPPED.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            found += _documents(file.name, file.read_text(encoding="utf-8"))
    return tuple(found)


def _documents(name: str, text: str) -> Iterator[tuple[Document, str]]:
    documents, problems = parse_documents(name, text)
    assert not problems, problems
    ordered = sorted(documents, key=lambda document: document.line or 0)
    lines = text.split("\n")
    ends = [(document.line or 1) - 1 for document in ordered[1:]] + [len(lines)]
    for document, end in zip(ordered, ends, strict=True):
        own = lines[(document.line or 1) - 1 : end]
        while own and (not own[-1].strip() or own[-1].startswith("#")):
            own.pop()  # what stands before the next document is the next one's
        yield document, "\n".join(own)


@cache
def _program(key: str) -> ShippedProgram:
    shipped = _shipped()
    records = {document.digest: record_of(document) for document, _ in shipped}
    programs = [each for each in records.values() if isinstance(each, Program) and each.key == key]
    priced = {name for program in programs for name in program.prices}
    prices = [each for each in records.values() if isinstance(each, Price) and each.key in priced]
    metered = {price.meter for price in prices}
    meters = [each for each in records.values() if isinstance(each, Meter) and each.key in metered]
    types = {meter.event for meter in meters}
    contracts = [each for each in records.values() if isinstance(each, EventContract) and each.type in types]
    wanted = {each.digest for each in programs} | {each.digest for each in prices}
    wanted |= {each.digest for each in meters} | {each.digest for each in contracts}
    chosen = [(document, text) for document, text in shipped if document.digest in wanted]
    return ShippedProgram(
        program=max(programs, key=lambda program: program.version),
        prices=tuple(prices),
        meters=tuple(meters),
        contracts=tuple(contracts),
        documents=tuple(document for document, _ in chosen),
        text="\n\n".join(text for _, text in chosen) + "\n",
    )
