"""The terms that a replay ran with, and whether its result says anything of a home.

Terms are the documents that set what usage costs, whoever uses it. Customers, subscriptions and subjects are
of one account; a policy says when and by whom is billed; alerts and controls watch. None of them is a term.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Final

from tieout.contract.document import Document, DocumentKind
from tieout.kernel.ids import HomeId
from tieout.replay.result import ReplayResult

TERMS: Final = frozenset(
    {
        DocumentKind.EVENT,
        DocumentKind.SOURCE,
        DocumentKind.METER,
        DocumentKind.PRICE,
        DocumentKind.PLAN,
        DocumentKind.PROGRAM,
        DocumentKind.COUPON,
        DocumentKind.TAX,
    }
)
NO_TERMS: Final = frozenset(DocumentKind) - TERMS


class Apart(StrEnum):
    """Why a result does not count for a home."""

    OTHER_HOME = "of another home"
    NO_HOME = "of a set that names no home"
    OTHER_TERMS = "with other terms than the home has now"


def terms_digest(documents: Iterable[Document]) -> str:
    """Equal for equal terms, in whichever order they were applied; what is no term is passed over."""
    named = sorted(f"{each.name} {each.digest}" for each in documents if each.kind in TERMS)
    return sha256("\n".join(named).encode()).hexdigest()


def apart(result: ReplayResult, *, home: HomeId, terms: str) -> Apart | None:
    """None where it counts."""
    if result.home is None:
        return Apart.NO_HOME
    if result.home != home:
        return Apart.OTHER_HOME
    return None if result.terms_digest == terms else Apart.OTHER_TERMS
