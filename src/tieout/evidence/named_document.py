"""A stored document counts only with the digest that was stored with it and the one that the line names."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from tieout.contract.document import Document, record_of
from tieout.contract.meter import Meter
from tieout.contract.plan import Plan
from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.contract.subscription import Subscription
from tieout.evidence.reproduced import Difference, Layer
from tieout.kernel.digest import document_digest
from tieout.kernel.errors import TieoutError

R = TypeVar("R", Meter, Price, Plan, Program, Subscription)

NONE = "none"
"""How a difference says that there is nothing."""


def record_named(
    kind: type[R],
    layer: Layer,
    document: Document | None,
    found: list[Difference],
    *,
    name: str,
    digest: str | None,
) -> R | None:
    """The record that the stored text gives now; None where it gives none. `digest` is what the line names,
    if it names one. What does not agree is added to `found`.
    """
    if document is None:
        found.append(Difference(layer, name, "a stored document", NONE))
        return None
    computed = document_digest(document.table)
    for other, place in ((document.digest, "its digest"), (digest, "the digest named on the line")):
        if other is not None and computed != other:
            found.append(Difference(layer, name, f"{place} {other}", computed))
    try:
        record = record_of(replace(document, digest=computed))
    except (TieoutError, ValueError) as error:
        found.append(Difference(layer, name, "a readable document", str(error)))
        return None
    if not isinstance(record, kind):
        found.append(Difference(layer, name, "a readable document", "one with problems"))
        return None
    return record
