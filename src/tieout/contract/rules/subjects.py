"""A subject belongs to one customer at a time; otherwise its usage would be billed twice or to the wrong
one."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.contract.subject import SubjectMapping, SubjectSpan
from tieout.kernel.instant import format_instant


def check_subjects(draft: Draft) -> Iterator[Problem]:
    """Customers are known from the span's start; the latest versions' spans of one subject are disjoint."""
    spans: list[tuple[SubjectSpan, SubjectMapping]] = []
    for key in draft.catalog.mappings.keys:
        mapping = draft.catalog.mappings.versions(key)[-1]
        unknown = draft.missing(DocumentKind.CUSTOMER, mapping.customer, since=mapping.effective_from)
        if unknown is not None:
            yield draft.problem(DocumentKind.SUBJECT, mapping, "customer", unknown)
        spans += [(span, mapping) for span in mapping.spans]
    spans.sort(key=lambda entry: (entry[0].subject, entry[0].start, entry[1].key))
    longest: tuple[SubjectSpan, SubjectMapping] | None = None
    for span, mapping in spans:
        if longest is not None and longest[0].subject == span.subject and _overlap(longest[0], span):
            yield draft.problem(DocumentKind.SUBJECT, mapping, "from", _message(draft, span, *longest))
        if longest is None or longest[0].subject != span.subject or _ends_later(span, longest[0]):
            longest = (span, mapping)


def _overlap(before: SubjectSpan, after: SubjectSpan) -> bool:
    return before.end is None or after.start < before.end


def _ends_later(span: SubjectSpan, other: SubjectSpan) -> bool:
    return other.end is not None and (span.end is None or span.end > other.end)


def _message(draft: Draft, span: SubjectSpan, before: SubjectSpan, mapping: SubjectMapping) -> str:
    document = draft.document(DocumentKind.SUBJECT, mapping)
    place = document.path if document.line is None else f"{document.path}:{document.line}"
    end = "on" if before.end is None else f"to {format_instant(before.end)}"
    start = format_instant(before.start)
    return f"overlaps: {span.subject!r} belongs to {before.customer} from {start} {end} ({place})"
