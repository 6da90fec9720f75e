"""A catalog that is only looked at: documents of a folder laid over those that are applied, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tieout.contract.catalog import Catalog
from tieout.contract.check import check
from tieout.contract.document import Document
from tieout.flows.apply_catalog import CatalogRefused, read_documents
from tieout.ingest.example import run_example


def candidate_catalog(folder: Path, applied: Iterable[Document] = ()) -> Catalog:
    """A document of the folder takes the place of the applied one of the same kind, key and version.

    Raises `CatalogRefused` with every problem, and `CatalogFolderMissing`. Nothing is stored.
    """
    documents, problems = read_documents(folder)
    replaced = {(each.kind, each.key, each.version) for each in documents}
    kept = [each for each in applied if (each.kind, each.key, each.version) not in replaced]
    catalog, found = check([*kept, *documents], run_example=run_example)
    if problems or catalog is None:
        raise CatalogRefused((*problems, *found))
    return catalog
