"""Whom a target escalates to is a target, and another one; customers that it names are in the catalog; one
mail server at most carries mail to mailboxes of customers' own."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft

TARGET = DocumentKind.NOTICE_TARGET


def check_notice_targets(draft: Draft) -> Iterator[Problem]:
    """A misspelt name would tell nobody, and say nothing."""
    for target in draft.catalog.notice_targets:
        for place, step in enumerate(target.escalations):
            missing = draft.missing(TARGET, step.to, since=target.effective_from)
            if step.to == target.key:
                missing = "a target does not escalate to itself"
            if missing is not None:
                yield draft.problem(TARGET, target, f"escalation[{place}].to", missing)
        for place, customer in enumerate(target.customers):
            missing = draft.missing(DocumentKind.CUSTOMER, customer)
            if missing is not None:
                yield draft.problem(TARGET, target, f"customers[{place}]", missing)
    yield from _carriers(draft)


def _carriers(draft: Draft) -> Iterator[Problem]:
    targets = draft.catalog.notice_targets
    latest = [found for key in targets.keys if (found := targets.latest(key)) is not None]
    carriers = [each for each in latest if each.carries_customers and each.enabled]
    for each in carriers[1:]:
        message = f"target {carriers[0].key} carries it already"
        yield draft.problem(TARGET, each, "carries_customers", message)
