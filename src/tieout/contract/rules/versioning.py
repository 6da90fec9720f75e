"""A version number is used once, and later versions take effect later: at each instant one version is in
force."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tieout.contract.document import Document, DocumentKind
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.kernel.instant import format_instant


def check_versions(draft: Draft) -> Iterator[Problem]:
    """Versions of a subject mapping replace one another whole, so they may share their start."""
    for (kind, _), documents in draft.documents.items():
        for before, after in pairwise(documents):
            if before.version == after.version:
                yield after.problem("version", f"overlaps: {after.name} is also at {_place(before)}")
            elif kind is not DocumentKind.SUBJECT and before.effective_from >= after.effective_from:
                start = format_instant(after.effective_from)
                earlier = f"v{before.version} takes effect at {format_instant(before.effective_from)}"
                yield after.problem(
                    "effective_from", f"overlaps: {start} is not after {earlier} ({_place(before)})"
                )


def _place(document: Document) -> str:
    return document.path if document.line is None else f"{document.path}:{document.line}"
