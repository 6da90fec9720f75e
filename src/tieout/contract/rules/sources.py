"""A source must feed its contract: a mapping without a billing field would quarantine every row."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.event_contract import Use
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.contract.source import SourceMapping


def check_sources(draft: Draft) -> Iterator[Problem]:
    """Event type known; mapped fields declared; the latest contract's billing fields mapped."""
    for source in draft.catalog.sources:
        if source.event_type is None:
            continue
        unknown = draft.missing(DocumentKind.EVENT, source.event_type)
        found = (
            [("event_type", unknown)]
            if unknown is not None
            else list(_misfits(draft, source, source.event_type))
        )
        for name, message in found:
            yield draft.problem(DocumentKind.SOURCE, source, name, message)


def _misfits(draft: Draft, source: SourceMapping, event_type: str) -> Iterator[tuple[str, str]]:
    contracts = draft.catalog.contracts.versions(event_type)
    if not contracts:
        return  # its documents are there but could not be read, which is reported with them
    declared = {field.name for contract in contracts for field in contract.fields}
    mapped = {name for name, _ in source.fields}
    for name in sorted(mapped - declared):
        yield f"fields.{name}", f"no version of {event_type} declares a field {name!r}"
    latest = contracts[-1]
    for field in latest.fields:
        if field.use is Use.BILLING and field.name not in mapped:
            yield "fields", f"{event_type} v{latest.version} needs {field.name!r}, which is not mapped"
