"""A version number is used once, and later versions take effect later: at each instant one version is in
force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from tieout.contract.document import Document, DocumentKind
from tieout.contract.price import Price
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.kernel.instant import format_instant


def check_versions(draft: Draft) -> Iterator[Problem]:
    """Versions of a subject mapping replace one another whole, so they may share their start."""
    for (kind, key), documents in draft.documents.items():
        for before, after in pairwise(documents):
            if before.version == after.version:
                yield after.problem("version", f"overlaps: {after.name} is also at {_place(before)}")
        superseding = _superseding(draft, key) if kind is DocumentKind.PRICE else frozenset()
        for before, after in pairwise(each for each in documents if each.version not in superseding):
            if before.version == after.version:
                continue
            if kind is not DocumentKind.SUBJECT and before.effective_from >= after.effective_from:
                start = format_instant(after.effective_from)
                earlier = f"v{before.version} takes effect at {format_instant(before.effective_from)}"
                yield after.problem(
                    "effective_from", f"overlaps: {start} is not after {earlier} ({_place(before)})"
                )


def check_superseding(draft: Draft) -> Iterator[Problem]:
    """A version that corrects another takes its place: from the same instant on, of the same usage, in the
    same money; and of one version there is one correction."""
    for key in draft.catalog.prices.keys:
        taken: dict[int, int] = {}
        for price in draft.catalog.prices.versions(key):
            if price.supersedes is None:
                continue
            for message in _wrongly(draft, price, taken):
                yield draft.problem(DocumentKind.PRICE, price, "supersedes", message)
            taken.setdefault(price.supersedes, price.version)


def _wrongly(draft: Draft, price: Price, taken: Mapping[int, int]) -> Iterator[str]:
    wrong = draft.catalog.prices.version(price.key, price.supersedes or 0)
    if wrong is None or wrong.version >= price.version:
        yield f"there is no version {price.supersedes} before it"
        return
    if wrong.version in taken:
        yield f"v{wrong.version} is superseded by v{taken[wrong.version]} already: supersede that one"
    if wrong.effective_from != price.effective_from:
        since = format_instant(wrong.effective_from)
        yield f"v{wrong.version} takes effect at {since}; what corrects it takes effect then too"
    if (wrong.meter, wrong.currency) != (price.meter, price.currency):
        stated = f"{wrong.meter or 'no meter'} in {wrong.currency}"
        yield f"v{wrong.version} is for {stated}, and so is its correction"


def _superseding(draft: Draft, key: str) -> frozenset[int]:
    return frozenset(
        price.version for price in draft.catalog.prices.versions(key) if price.supersedes is not None
    )


def _place(document: Document) -> str:
    return document.path if document.line is None else f"{document.path}:{document.line}"
