"""A catalog that corrects prices of sealed periods: each of its new documents is a price version that names
the one it supersedes. It is only looked at here; the approval of its delta report applies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tieout.close.fees import in_advance
from tieout.contract.catalog import Catalog
from tieout.contract.document import Document, DocumentKind
from tieout.contract.problem import Problem
from tieout.flows.apply_catalog import CatalogRefused, check_documents, load_catalog, read_documents
from tieout.flows.home import Home
from tieout.flows.sealed_changes import sealed_hits
from tieout.kernel.ids import CustomerId
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class CorrectedCatalog:
    """The catalog with the `fresh` documents, and the sealed periods that they change."""

    catalog: Catalog
    fresh: tuple[Document, ...]
    repriced: Mapping[CustomerId, frozenset[Period]]


def corrected_catalog(home: Home, folder: Path) -> CorrectedCatalog:
    """Of a folder, or one file. Raises `CatalogRefused` with everything that is wrong with it."""
    documents, problems = read_documents(folder)
    return _corrected(home, documents, problems)


def recorrected_catalog(home: Home, documents: Sequence[Document]) -> CorrectedCatalog:
    """The same of documents that were previewed, as things are now. Raises `CatalogRefused`."""
    return _corrected(home, documents, [])


def _corrected(home: Home, documents: Sequence[Document], problems: Sequence[Problem]) -> CorrectedCatalog:
    checked = check_documents(documents, problems, against=home.books.documents.all())
    if checked.catalog is None:
        raise CatalogRefused(checked.problems)
    catalog = checked.catalog
    hits = sealed_hits(home, load_catalog(home), catalog, checked.fresh)
    wrong = [
        document.problem(*found)
        for document in checked.fresh
        if (found := _misfit(catalog, document, hits=len(hits.get(document.digest, ())))) is not None
    ]
    if not checked.fresh:
        wrong = [Problem("", "", "", "every document is applied already: there is nothing to correct")]
    if wrong:
        raise CatalogRefused(tuple(wrong))
    repriced: dict[CustomerId, set[Period]] = {}
    for found_hits in hits.values():
        for hit in found_hits:
            repriced.setdefault(hit.customer, set()).add(hit.period)
    return CorrectedCatalog(
        catalog, checked.fresh, {customer: frozenset(periods) for customer, periods in repriced.items()}
    )


def _misfit(catalog: Catalog, document: Document, *, hits: int) -> tuple[str, str] | None:
    """Why the document has no place in a correction: member and message."""
    price = (
        catalog.prices.version(document.key, document.version)
        if document.kind is DocumentKind.PRICE
        else None
    )
    if price is None or price.supersedes is None:
        return (
            "supersedes" if price is not None else "",
            "is not a corrected price: a correction holds price versions that say which one they supersede; "
            "apply what begins later with `tieout catalog apply`",
        )
    if hits == 0:
        return "supersedes", "changes no sealed period: apply it with `tieout catalog apply`"
    wrong = catalog.prices.version(price.key, price.supersedes)
    if wrong is not None and in_advance(wrong) != in_advance(price):
        return (
            "timing",
            f"is not that of v{wrong.version}: when a fee is asked for is agreed, not corrected; let a new "
            "version take effect with `tieout catalog apply`",
        )
    return None
